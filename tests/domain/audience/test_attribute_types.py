from datetime import UTC, datetime

import pytest

from domain.audience.attribute_types import AttributeType, detect_type, read_time, read_value


@pytest.mark.parametrize(
    ("samples", "kind"),
    [
        (["1", "", "-20"], AttributeType.INTEGER),
        (["0", "1"], AttributeType.INTEGER),
        (["1", "2.5"], AttributeType.NUMBER),
        (["01234", "10115"], AttributeType.TEXT),
        (["+491701234567"], AttributeType.TEXT),
        (["1234567890123456"], AttributeType.TEXT),
        (["1,5"], AttributeType.TEXT),
        (["yes", "No"], AttributeType.BOOLEAN),
        (["true", "1"], AttributeType.TEXT),
        (["2024-02-29", "1999-01-01"], AttributeType.DATE),
        (["2023-02-29"], AttributeType.TEXT),
        (["2024-02-29", "2024-02-29 10:00"], AttributeType.DATETIME),
        (["", ""], AttributeType.TEXT),
        (["nan"], AttributeType.TEXT),
        (["1e999"], AttributeType.TEXT),
    ],
)
def test_a_column_has_the_narrowest_type_that_all_values_state(
    samples: list[str], kind: AttributeType
) -> None:
    assert detect_type(samples) is kind


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (AttributeType.INTEGER, "-7", -7),
        (AttributeType.NUMBER, "2", 2.0),
        (AttributeType.BOOLEAN, "YES", True),
        (AttributeType.DATE, "2024-02-29", "2024-02-29"),
        (AttributeType.DATETIME, "2024-02-29 10:00+02:00", "2024-02-29T08:00:00Z"),
        (AttributeType.TEXT, "0", "0"),
    ],
)
def test_values_are_kept_in_their_type(kind: AttributeType, text: str, value: object) -> None:
    found = read_value(kind, text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "text",
    ["2024-03-01T12:30:00Z", "2024-03-01 12:30", "2024-03-01 13:30 +0100", "2024-03-01 12:30 UTC"],
)
def test_times_are_utc_unless_they_name_an_offset(text: str) -> None:
    assert read_time(text) == datetime(2024, 3, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "2024-03-01T25:00", "tomorrow", "٢٠٢٤"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_time(text)
