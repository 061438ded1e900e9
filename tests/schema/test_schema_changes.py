import subprocess
import sys
from pathlib import Path

import pytest

from scripts import check_schema_changes
from scripts.check_schema_changes import (
    MarksError,
    find_breaks,
    find_faults,
    find_risks,
    read_marks,
    without_marks,
)

RELEASED = """
enum Kind { ONE TWO }
input Given { a: Int }
type Query {
  old: String
  read(given: Given, most: Int = 10): String
  kind: Kind!
}
"""
REMOVED = "FIELD_REMOVED: Field Query.old was removed."
WITHOUT_OLD = RELEASED.replace("  old: String\n", "")
MARK = f"""[[change]]
what = "{REMOVED}"
reason = "Nobody asks for it."
date = 2026-11-24
"""


def test_additions_break_nobody() -> None:
    grown = RELEASED.replace("old: String", "old: String, new(a: Int): Int")
    assert find_breaks(RELEASED, grown) == []


@pytest.mark.parametrize(
    ("was", "becomes", "broken"),
    [
        ("  old: String\n", "", REMOVED),
        (
            "kind: Kind!",
            "kind: Kind",
            "FIELD_CHANGED_KIND: Field Query.kind changed type from Kind! to Kind.",
        ),
        (
            "given: Given,",
            "given: Given!,",
            "ARG_CHANGED_KIND: Argument Query.read(given:) has changed type from Given to Given!.",
        ),
        (
            "most: Int = 10",
            "most: Int = 10, must: Int!",
            "REQUIRED_ARG_ADDED: A required argument Query.read(must:) was added.",
        ),
        (
            "{ a: Int }",
            "{ a: Int, b: Int! }",
            "REQUIRED_INPUT_FIELD_ADDED: A required field Given.b was added.",
        ),
        (
            "ONE TWO",
            "ONE",
            "VALUE_REMOVED_FROM_ENUM: Enum value Kind.TWO was removed.",
        ),
    ],
)
def test_a_break_that_is_not_listed_is_a_fault(was: str, becomes: str, broken: str) -> None:
    current = RELEASED.replace(was, becomes)
    assert list(find_faults(RELEASED, current, "")) == [
        f"breaks clients and is not listed: {broken}"
    ]


def test_a_break_that_is_listed_with_reason_and_date_is_none() -> None:
    assert list(find_faults(RELEASED, WITHOUT_OLD, MARK)) == []


def test_what_is_listed_and_breaks_nothing_is_a_fault() -> None:
    assert list(find_faults(RELEASED, RELEASED, MARK)) == [
        f"is listed and breaks nothing: {REMOVED}"
    ]


def test_values_that_old_clients_do_not_know_are_told_without_failing() -> None:
    grown = RELEASED.replace("ONE TWO", "ONE TWO THREE")
    assert list(find_faults(RELEASED, grown, "")) == []
    assert find_risks(RELEASED, grown) == ["VALUE_ADDED_TO_ENUM: Enum value Kind.THREE was added."]


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        (MARK.replace('"Nobody asks for it."', '" "'), f"no reason is given for `{REMOVED}`"),
        (
            MARK.replace("2026-11-24", '"soon"'),
            f"the date of `{REMOVED}` must be written like 2026-11-24",
        ),
        (MARK + "why = 1\n", f"`{REMOVED}` has what nobody reads: why"),
        (MARK + MARK, "a change is listed twice"),
        ("[[change]]\nreason = 'x'\n", "a change does not say what it is"),
    ],
)
def test_a_list_without_reasons_and_dates_is_refused(marks: str, message: str) -> None:
    with pytest.raises(MarksError) as refused:
        read_marks(marks)
    assert str(refused.value) == message


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, path in {"CURRENT": "schema.graphql", "RELEASED": "released.graphql"}.items():
        monkeypatch.setattr(check_schema_changes, name, tmp_path / path)
    monkeypatch.setattr(check_schema_changes, "MARKS", tmp_path / "breaking_changes.toml")
    (tmp_path / "schema.graphql").write_text(WITHOUT_OLD)
    (tmp_path / "released.graphql").write_text(RELEASED)
    (tmp_path / "breaking_changes.toml").write_text(f"# Why.\n\n{MARK}")
    return tmp_path


def test_the_check_fails_until_the_break_is_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_schema_changes.check()
    (folder / "breaking_changes.toml").write_text("")
    with pytest.raises(SystemExit) as failed:
        check_schema_changes.check()
    assert failed.value.code == (
        "keep it working and deprecate it, or list it in schema/breaking_changes.toml"
    )
    assert capsys.readouterr().out == f"breaks clients and is not listed: {REMOVED}\n"


def test_a_release_promises_the_schema_as_it_is_and_empties_the_list(folder: Path) -> None:
    check_schema_changes.release()
    assert (folder / "released.graphql").read_text() == WITHOUT_OLD
    assert (folder / "breaking_changes.toml").read_text() == "# Why.\n"
    check_schema_changes.check()


def test_the_committed_list_survives_its_emptying() -> None:
    text = check_schema_changes.MARKS.read_text(encoding="utf-8")
    emptied = without_marks(text)
    assert read_marks(emptied) == []
    assert text.startswith(emptied)
    assert "# [[change]]" in emptied


def test_the_committed_schema_passes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.check_schema_changes"],
        cwd=Path(check_schema_changes.__file__).parent.parent,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
