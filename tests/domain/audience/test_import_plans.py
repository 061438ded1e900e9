import pytest

from domain.audience.attribute_types import AttributeType
from domain.audience.columns import Column, ColumnMapping, Target
from domain.audience.csv_rows import Place
from domain.audience.header_names import SUBSCRIBER_HEADERS
from domain.audience.import_plans import HEAD_BYTES, FilePlan, plan_file
from domain.base.errors import DomainError


def plan(head: bytes, *told: ColumnMapping, is_whole: bool = True) -> FilePlan:
    return plan_file(
        head, is_whole=is_whole, told=told, names=SUBSCRIBER_HEADERS, required=[Target.EMAIL]
    )


def test_columns_are_known_by_their_usual_names_and_others_become_attributes() -> None:
    head = (
        b"E-Mail Address;First Name;SURNAME;Time zone;lang;Tags;Subscribed at;Favourite Colour;"
        b"age;;\n"
        b"a@b.de;Anna;B;Europe/Berlin;de;x,y;2024-01-01;blue;40;;\n"
    )
    found = plan(head)
    assert found.delimiter == ";"
    assert found.width == 11
    assert found.start == Place(offset=91, line=1)
    assert found.columns == (
        Column(0, "E-Mail Address", Target.EMAIL),
        Column(1, "First Name", Target.FIRST_NAME),
        Column(2, "SURNAME", Target.LAST_NAME),
        Column(3, "Time zone", Target.TIMEZONE),
        Column(4, "lang", Target.LOCALE),
        Column(5, "Tags", Target.TAGS),
        Column(6, "Subscribed at", Target.CREATED_AT),
        Column(7, "Favourite Colour", Target.ATTRIBUTE, "favourite_colour"),
        Column(8, "age", Target.ATTRIBUTE, "age", AttributeType.INTEGER),
    )


def test_a_column_whose_values_do_not_suit_its_name_becomes_an_attribute() -> None:
    found = plan(b"email,language,created\na@b.de,the English one,last year\n")
    assert [(c.target, c.key) for c in found.columns] == [
        (Target.EMAIL, ""),
        (Target.ATTRIBUTE, "language"),
        (Target.ATTRIBUTE, "created"),
    ]


def test_what_is_told_goes_before_what_names_suggest() -> None:
    found = plan(
        b"email,work,zip,secret\na@b.de,c@d.de,10115,x\n",
        ColumnMapping("work", Target.EMAIL),
        ColumnMapping("zip", Target.ATTRIBUTE, "postcode", AttributeType.TEXT),
        ColumnMapping("secret", Target.IGNORE),
    )
    assert found.columns == (
        Column(0, "email", Target.ATTRIBUTE, "email"),
        Column(1, "work", Target.EMAIL),
        Column(2, "zip", Target.ATTRIBUTE, "postcode", AttributeType.TEXT, is_strict=True),
    )


@pytest.mark.parametrize(
    ("head", "told", "message"),
    [
        (
            b"name,city\nAnna,Ulm\n",
            [],
            (
                "No column holds the e-mail: the first line must name the columns, "
                "and it reads 'name', 'city'."
            ),
        ),
        (b"email,name\n", [], "The file has a header and no rows."),
        (b"email,name\n\n , \n", [], "The file has a header and no rows."),
        (b"e\0mail\na@b.de\n", [], "The header cannot be read. Line 1 holds a NUL character."),
        (b"e\xe4mail\na@b.de\n", [], "The header cannot be read. Line 1 is not UTF-8: byte 0xe4."),
        (b'email\n"a@b.de\n', [], "A quote opened in the row of line 2 is never closed."),
        (
            b"a," * 400_000 + b"\n",
            [],
            "The header cannot be read. The row has more than 500 columns.",
        ),
        (
            b"email,a b,a-b\na@b.de,1,2\n",
            [],
            "The columns 'a b' and 'a-b' would both be 'a_b'.",
        ),
        (
            b"email\na@b.de\n",
            [ColumnMapping("mail", Target.EMAIL)],
            "The file has no column 'mail'.",
        ),
        (
            b"email,m\na@b.de,x\n",
            [ColumnMapping("email", Target.EMAIL), ColumnMapping("m", Target.EMAIL)],
            "Two columns are mapped to email.",
        ),
        (
            b"email\na@b.de\n",
            [ColumnMapping("email", Target.IGNORE), ColumnMapping("email", Target.EMAIL)],
            "The column 'email' is mapped twice.",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_before_any_work(
    head: bytes, told: list[ColumnMapping], message: str
) -> None:
    with pytest.raises(DomainError) as caught:
        plan(head, *told)
    assert caught.value.message == message


def test_a_header_of_a_million_columns_is_refused() -> None:
    with pytest.raises(DomainError) as caught:
        plan((b"column," * 1_000_000)[:HEAD_BYTES], is_whole=False)
    assert caught.value.message == "The row that reaches line 1 is longer than 1024 KiB."


def test_a_row_cut_off_where_the_beginning_ends_is_no_fault_of_the_file() -> None:
    head = b'email,n\n"a@b.de",1\n' + b'"x@y.de",2\n' * 200_000
    found = plan(head[: HEAD_BYTES - 3], is_whole=False)
    assert found.columns[1].type is AttributeType.INTEGER
