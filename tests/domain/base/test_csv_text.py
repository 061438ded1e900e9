import csv
from io import StringIO

import pytest

from domain.base.csv_text import csv_text, safe_cell


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        '=cmd|" /C calc"!A0',
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(A1)",
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_shown(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a=1", "1-2", "a@example.com", "'=1", " =1", '"=1"'])
def test_any_other_cell_stays_as_it_is(text: str) -> None:
    assert safe_cell(text) == text


def test_every_cell_is_quoted_so_that_none_breaks_out_of_its_own() -> None:
    text = csv_text(["a", "b"], [['x","=1+1', "1\r\n=2"], ["\0=1", "é"]])
    assert text == '"a","b"\r\n"x"",""=1+1","1\r\n=2"\r\n"\'=1","é"\r\n'
    assert list(csv.reader(StringIO(text, newline="")))[1] == ['x","=1+1', "1\r\n=2"]
