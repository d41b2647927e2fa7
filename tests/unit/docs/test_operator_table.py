"""The tables of tests are what the evaluator says, and what the rules of the language ask for."""

import pytest

from edgeseg.segments.test_reader import TESTS
from scripts.operator_table import (
    NO,
    PAGE,
    REFUSED,
    REFUSED_AT_LOAD,
    ROWS,
    YES,
    Row,
    renew,
    try_row,
)
from tests.unit.docs.pages import DOCS

COMPLEMENTS = {"ne", "not_in", "has_none"}
TURNS = {
    ("eq", "text"): "no no",
    ("eq", "number"): "yes no",
    ("eq", "boolean"): "no",
    ("eq", "date"): "yes no",
    ("ne", "text"): "yes yes",
    ("ne", "number"): "no yes",
    ("ne", "boolean"): "yes",
    ("ne", "date"): "no yes",
    ("gt", "number"): "no yes",
    ("gte", "number"): "yes no",
    ("lt", "number"): "no yes",
    ("lte", "number"): "yes no",
    ("between", "number"): "yes yes no",
    ("between", "date"): "yes yes",
    ("in", "text"): "no no",
    ("in", "number"): "yes",
    ("not_in", "text"): "yes yes",
    ("not_in", "number"): "no",
    ("has_any", "list"): "no no",
    ("has_all", "list"): "yes",
    ("has_none", "list"): "yes yes",
    ("contains", "text"): "yes no",
    ("starts_with", "text"): "yes no no",
    ("ends_with", "text"): "yes no no",
    ("glob", "text"): "yes no no",
    ("matches", "text"): "yes no no",
    ("semver_eq", "text"): "yes no no",
    ("semver_gt", "text"): "no yes no",
    ("semver_gte", "text"): "yes no no",
    ("semver_lt", "text"): "no yes no",
    ("semver_lte", "text"): "yes yes no",
    ("before", "date"): "no yes",
    ("after", "date"): "no yes",
    ("within_last", "date"): "no yes yes no",
    ("within_next", "date"): "no yes yes no",
}
"""(operator, type) → what the language asks for at the values where the answer turns."""


def _name(row: Row) -> str:
    return f"{row.op} {row.constant}"


def _by_complement(row: Row) -> str:
    return YES if row.op in COMPLEMENTS or _asks_for_absence(row) else NO


def _asks_for_absence(row: Row) -> bool:
    return row.op == "exists" and row.constant is False


def test_the_page_says_what_the_evaluator_says() -> None:
    """Run `scripts/operator_table.py` when this fails on purpose."""
    page = PAGE.read_text("utf-8")

    assert renew(page) == page


def test_every_operator_is_tried_and_no_other() -> None:
    """A new operator comes with its row."""
    assert {row.op for row in ROWS} == set(TESTS)


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_values_that_are_there_pass_or_fail(row: Row) -> None:
    """The plainest two values of each row."""
    cells = try_row(row)

    assert (cells.passing, cells.failing) == (YES, NO)


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_a_missing_value_passes_complements_only(row: Row) -> None:
    """Missing and null are one, and fail every positive test."""
    cells = try_row(row)

    assert cells.missing == cells.null == _by_complement(row)


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_types_are_strict(row: Row) -> None:
    """Another type passes no positive test, and a constant of another type does not load."""
    cells = try_row(row)
    is_there = YES if row.constant is True else NO

    expected = is_there if row.op == "exists" else _by_complement(row)
    assert cells.other == (REFUSED if row.type == "date" else expected)
    assert cells.wrong == REFUSED_AT_LOAD


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_a_list_passes_by_any_of_its_elements(row: Row) -> None:
    """Complements fail where one element is the one; nothing passes on an empty list."""
    cells = try_row(row)
    fails = row.op in COMPLEMENTS or _asks_for_absence(row)

    several, nothing = (NO if fails else YES), _by_complement(row)
    expected = (REFUSED, REFUSED) if row.type == "date" else (several, nothing)
    assert (cells.several, cells.nothing) == expected


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_boundaries_are_where_the_language_puts_them(row: Row) -> None:
    """Ends of spans, windows and orders, letters of another case, versions before a release."""
    turns = try_row(row).turns

    if row.op == "exists":
        assert set(turns) == {YES if row.constant else NO}
    else:
        assert " ".join(turns) == TURNS[row.op, row.type]


def test_the_tables_can_be_found() -> None:
    """From the index of the documents, and from where the tests are introduced."""
    assert "reference/operators.md" in (DOCS / "README.md").read_text("utf-8")
    assert "(operators.md)" in (DOCS / "reference/rules.md").read_text("utf-8")
