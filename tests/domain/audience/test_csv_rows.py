import tracemalloc

import pytest

from domain.audience.csv_rows import Place, Row, RowReader, begin, sniff_delimiter
from domain.base.errors import DomainError, InvalidInputError, LimitExceededError


def read_all(data: bytes, *, piece: int = 1 << 20, delimiter: str = ",") -> list[Row]:
    reader = RowReader(delimiter, begin(data))
    data = data[reader.place.offset :]
    rows: list[Row] = []
    for at in range(0, len(data), piece):
        reader.feed(data[at : at + piece])
        rows += reader.read(1_000_000)
    reader.finish()
    while more := reader.read(1_000_000):
        rows += more
    return rows


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_rows_and_their_lines_do_not_depend_on_pieces_or_line_endings(
    piece: int, ending: bytes
) -> None:
    data = ending.join([b"a,b", b"", b'"x,""y""\xc3\xbc"', b'"one', b'two",2', b" , ", b"last,3"])
    rows = read_all(data, piece=piece)
    text = ending.decode()
    assert rows == [
        Row(1, ["a", "b"]),
        Row(3, ['x,"y"ü']),
        Row(4, [f"one{text}two", "2"]),
        Row(7, ["last", "3"]),
    ]


def test_a_reader_goes_on_from_the_place_of_another() -> None:
    data = 'ä,1\n"two\nlines",2\nc,3\nd,4\n'.encode()
    first = RowReader(",", begin(data))
    first.feed(data)
    first.finish()
    assert [row.fields[1] for row in first.read(2)] == ["1", "2"]
    assert first.place == Place(offset=19, line=3)
    second = RowReader(",", first.place)
    second.feed(data[19:])
    second.finish()
    assert second.read(9) == [Row(4, ["c", "3"]), Row(5, ["d", "4"])]


def test_a_utf8_mark_is_no_part_of_the_text() -> None:
    assert read_all(b"\xef\xbb\xbfemail\na@b.de\n") == [Row(1, ["email"]), Row(2, ["a@b.de"])]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("email\n".encode("utf-16"), "The file is UTF-16: save it as CSV in UTF-8."),
        (b"\xfe\xff\0e", "The file is UTF-16: save it as CSV in UTF-8."),
        (
            b"PK\x03\x04\x14",
            "The file is a spreadsheet or an archive: save it as CSV in UTF-8.",
        ),
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf \r\n\r\n", "The file is empty."),
    ],
)
def test_what_is_no_text_in_utf8_is_refused_at_its_beginning(head: bytes, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        begin(head)
    assert (caught.value.message, caught.value.field) == (message, "file")


def test_a_row_with_bytes_that_are_no_text_is_at_fault_and_those_around_it_are_not() -> None:
    rows = read_all(b'a,1\n"x\ny\xe9",2\nn\0l,3\nb,4\n')
    assert [(row.line, row.fault) for row in rows] == [
        (1, None),
        (2, "Line 3 is not UTF-8: byte 0xe9."),
        (4, "Line 4 holds a NUL character."),
        (5, None),
    ]


def test_text_after_a_closing_quote_is_at_fault() -> None:
    rows = read_all(b'a,1\n"x"y,2\nb,3\n')
    assert [(row.line, row.fault) for row in rows] == [
        (1, None),
        (2, "A quoted value is followed by other text: double the quotes inside it."),
        (3, None),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'a,1\n"never,2\nb,3\n', "A quote opened in the row of line 2 is never closed."),
        (
            b'a,1\n"never,2\n' + b"b,3\n" * 400_000,
            "A value in the row of line 2 is longer than 131072 characters: is a quote not closed?",
        ),
        (
            b"a,1\n" + b"b,c" * 400_000,
            "The row that reaches line 2 is longer than 1024 KiB.",
        ),
    ],
)
def test_what_makes_the_rest_doubtful_ends_the_file_with_its_line(
    data: bytes, message: str
) -> None:
    with pytest.raises(DomainError) as caught:
        read_all(data)
    assert caught.value.message == message


def test_a_row_of_many_short_quoted_lines_is_bounded_too() -> None:
    value = b'"' + b"x\n" * 60_000 + b'",'
    with pytest.raises(LimitExceededError) as caught:
        read_all(b"a,1\n" + value * 10 + b"\n")
    assert "longer than 1024 KiB" in caught.value.message


def test_a_row_beyond_500_columns_is_at_fault() -> None:
    rows = read_all(b"," * 499 + b"x\n" + b"," * 500 + b"x\n")
    assert len(rows[0].fields) == 500
    assert rows[1] == Row(2, [], "The row has more than 500 columns.")


def test_a_line_without_end_is_refused_at_its_second_megabyte() -> None:
    reader = RowReader(",", Place())
    piece = b"x" * (1 << 20)
    tracemalloc.start()
    reader.feed(piece)
    with pytest.raises(LimitExceededError):
        reader.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_the_rows_before_a_failure_are_given_with_their_place_first() -> None:
    reader = RowReader(",", Place())
    reader.feed(b'a,1\n"never,2\n')
    reader.finish()
    assert reader.read(9) == [Row(1, ["a", "1"])]
    assert reader.place == Place(offset=4, line=1)
    with pytest.raises(InvalidInputError):
        reader.read(9)


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("email,name", ","),
        ("email;name", ";"),
        ("email\tname, full\tcity", "\t"),
        ('"a,b,c";d', ";"),
        ("email", ","),
    ],
)
def test_the_delimiter_is_the_one_most_used_outside_quotes(header: str, delimiter: str) -> None:
    assert sniff_delimiter(header) == delimiter
