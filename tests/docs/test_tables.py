"""The tables of the documentation say what the code says."""

import ast
import re
from importlib import import_module

import pytest

from domain.base.errors import ErrorCode
from domain.sequences.validation import IssueCode
from tests.docs.pages import DOCS, PAGES

ROOT = DOCS.parent
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20}
_TABLE = re.compile(r"<!-- codes: (\S+) -->\n\n\|.*\n\|[-|]+\n((?:\|.*\n)+)")
_LIMIT = re.compile(r"^\| .+? \| ([\d,]+) ?(\w*) \| `([\w.]+)` \|$", re.MULTILINE)
TABLES = [
    (str(page.relative_to(DOCS)), match[1], match[2])
    for page in PAGES
    for match in _TABLE.finditer(page.read_text(encoding="utf-8"))
]
LIMITS = _LIMIT.findall((DOCS / "reference" / "limits.md").read_text(encoding="utf-8"))


def extension_codes() -> set[str]:
    """What the server writes as `extensions.code`, as its source has it."""
    found: set[str] = set()
    for path in (ROOT / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                given = [
                    value
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant) and key.value == "code"
                ]
            elif isinstance(node, ast.Call):
                name = getattr(node.func, "id", "")
                given = [word.value for word in node.keywords if word.arg == "code"]
                if name in {"PersistedError", "error_response", "_refusal"}:
                    given += node.args
            else:
                continue
            texts = [one.value for one in given if isinstance(one, ast.Constant)]
            found |= {
                text for text in texts if isinstance(text, str) and re.fullmatch("[A-Z_]+", text)
            }
    return found


def codes_of(source: str) -> set[str]:
    if source == "ErrorCode":
        return {code.value for code in ErrorCode}
    if source == "IssueCode":
        return {code.name for code in IssueCode}
    if source == "extensions":
        return extension_codes() - {code.value for code in ErrorCode}
    module, _, name = source.rpartition(".")
    return set(getattr(import_module(module), name))


def test_each_kind_of_code_has_its_table() -> None:
    assert {source for _, source, _ in TABLES} == {
        "ErrorCode",
        "extensions",
        "IssueCode",
        "domain.sequences.explanation._FINISHED",
        "domain.delivery.explanation._SKIPPED",
        "domain.delivery.explanation._FAILED",
        "domain.delivery.explanation._UNKNOWN",
        "domain.delivery.explanation._DEFERRED",
    }


@pytest.mark.parametrize(("page", "source", "rows"), TABLES, ids=[table[1] for table in TABLES])
def test_a_table_of_codes_has_each_code_once(page: str, source: str, rows: str) -> None:
    told = re.findall(r"^\| `(\w+)`", rows, re.MULTILINE)
    assert sorted(told) == sorted(codes_of(source)), page


def test_no_row_of_the_limits_is_left_unread() -> None:
    text = (DOCS / "reference" / "limits.md").read_text(encoding="utf-8")
    assert len(LIMITS) == len(re.findall(r"^\| .* `[\w.]+` \|$", text, re.MULTILINE))


@pytest.mark.parametrize(("number", "unit", "constant"), LIMITS, ids=[row[2] for row in LIMITS])
def test_a_limit_is_what_its_constant_says(number: str, unit: str, constant: str) -> None:
    module, _, name = constant.rpartition(".")
    value = int(number.replace(",", "")) * UNITS.get(unit, 1)
    assert value == getattr(import_module(module), name)
