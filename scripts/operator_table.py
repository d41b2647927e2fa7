"""Write the tables of ``docs/reference/operators.md``, every cell judged by the real evaluator.

    python scripts/operator_table.py

Each operator is tried on values that pass and that fail, on a missing and a null fact,
on a value of another type, on lists, and on the values where its answer turns.
"""

# ruff: noqa: FBT003 - a row holds the values, booleans among them

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import msgspec

from edgeseg.errors import InputError, RulesError
from edgeseg.events.schema import Field
from edgeseg.segments.rule import Definitions
from edgeseg.segments.test_reader import TESTS
from edgeseg.segments.trial import Trial, Trials, read_condition

PAGE: Final = Path(__file__).parents[1] / "docs/reference/operators.md"
BEGIN: Final = "<!-- begin: scripts/operator_table.py -->"
END: Final = "<!-- end -->"
YES, NO = "yes", "no"
REFUSED_AT_LOAD: Final = "refused at load"
REFUSED: Final = "refused"
"""The value is: no attribute of the profile may have it."""
NOW: Final = "2026-11-21T12:00:00Z"
TYPES: Final = ("text", "number", "boolean", "date", "list")
_DEFINITIONS: Final = Definitions(
    fields={f"a_{type_}": Field(id=f"a_{type_}", label=type_, type=type_) for type_ in TYPES}
)
_WHEN: Final = datetime.fromisoformat(NOW)

Constant: TypeAlias = str | int | float | bool | list[str] | list[int] | list[bool] | None


class Row(NamedTuple):
    """An operator, and the values it is tried on.

    Attributes:
        other: a value of another type than it is about.
        several: a list, one element of which passes (of ``has_all``: that has them all).
        turns: values at which the answer turns, or nearly does.
        wrong: a constant of another type.
    """

    op: str
    constant: Constant
    type: str
    passing: Constant
    failing: Constant
    other: Constant
    several: Constant
    turns: tuple[Constant, ...]
    wrong: Constant


def _text(op: str, constant: Constant, passing: str, failing: str, *turns: str) -> Row:
    wrong: Constant = [7] if isinstance(constant, list) else 7
    return Row(op, constant, "text", passing, failing, 7, [failing, passing], turns, wrong)


def _number(op: str, constant: Constant, passing: int, failing: int, *turns: Constant) -> Row:
    wrong: Constant = ["5", "9"] if isinstance(constant, list) else "5"
    return Row(op, constant, "number", passing, failing, "5", [failing, passing], turns, wrong)


def _instant(op: str, constant: Constant, passing: str, failing: str, *turns: str) -> Row:
    wrong: Constant = [1, 2] if isinstance(constant, list) else 7
    return Row(op, constant, "date", passing, failing, 7, [failing, passing], turns, wrong)


_AGO_7D, _IN_7D = "2026-11-14T12:00:00Z", "2026-11-28T12:00:00Z"
_PAST, _FUTURE = "2026-11-20", "2026-11-22"
_MIDNIGHT: Final = "2026-11-21T00:00:00Z"
ROWS: Final = (
    _text("eq", "CZ", "CZ", "AT", "cz", ""),
    _number("eq", 5, 5, 6, 5.0, 5.000001),
    Row("eq", True, "boolean", True, False, 1, [False, True], (0,), "true"),
    _instant("eq", "2026-11-21", _MIDNIGHT, _PAST, "2026-11-21", "2026-11-21T00:00:00.001Z"),
    Row("ne", "CZ", "text", "AT", "CZ", 7, ["AT", "CZ"], ("cz", ""), 7),
    Row("ne", 5, "number", 6, 5, "5", [6, 5], (5.0, 5.000001), "5"),
    Row("ne", True, "boolean", False, True, 1, [False, True], (0,), "true"),
    _instant("ne", "2026-11-21", _PAST, _MIDNIGHT, "2026-11-21", "2026-11-21T00:00:00.001Z"),
    _number("gt", 5, 6, 4, 5, 5.000001),
    _number("gte", 5, 6, 4, 5, 4.999999),
    _number("lt", 5, 4, 6, 5, 4.999999),
    _number("lte", 5, 4, 6, 5, 5.000001),
    _number("between", [5, 9], 7, 4, 5, 9, 9.000001),
    _instant("between", [_PAST, _FUTURE], _MIDNIGHT, "2026-11-19", _PAST, _FUTURE),
    _text("in", ["CZ", "AT"], "CZ", "DE", "cz", ""),
    _number("in", [5, 9], 5, 6, 9.0),
    Row("not_in", ["CZ", "AT"], "text", "DE", "CZ", 7, ["DE", "CZ"], ("cz", ""), [7]),
    Row("not_in", [5, 9], "number", 6, 5, "5", [6, 5], (9.0,), ["5"]),
    Row("has_any", ["a", "b"], "list", "b", "c", 7, ["c", "b"], ("B", ""), [7]),
    Row("has_all", ["a", "b"], "list", ["a", "b"], ["a"], 7, ["a", "b", "c"], (["b", "a"],), [7]),
    Row("has_none", ["a", "b"], "list", "c", "b", 7, ["c", "b"], ("B", ""), [7]),
    Row("exists", True, "text", "CZ", None, 7, ["AT", "CZ"], ("", 0, False), "true"),
    Row("exists", False, "text", None, "CZ", 7, ["AT", "CZ"], ("", 0, False), "false"),
    _text("contains", "loan", "a loan here", "lane", "loan", "Loan"),
    _text("starts_with", "/a/", "/a/b", "/b/a/", "/a/", "/a", "/A/b"),
    _text("ends_with", ".pdf", "x.pdf", "x.txt", ".pdf", "pdf", "x.PDF"),
    _text("glob", "/a/*", "/a/b", "/b", "/a/", "/a/b/c", "/A/b"),
    _text("matches", "^a+$", "aaa", "ab", "a", "", "A"),
    _text("semver_eq", "2.10.0", "v2.10.0", "2.9.0", "2.10.0+1", "2.10.0-rc.1", "2.10"),
    _text("semver_gt", "2.10.0", "2.10.1", "2.9.0", "2.10.0", "2.11.0-rc.1", "3"),
    _text("semver_gte", "2.10.0", "2.10.1", "2.9.0", "2.10.0", "2.10.0-rc.1", "3"),
    _text("semver_lt", "2.10.0", "2.9.0", "2.10.1", "2.10.0", "2.10.0-rc.1", "1"),
    _text("semver_lte", "2.10.0", "2.9.0", "2.10.1", "2.10.0", "2.10.0-rc.1", "1"),
    _instant("before", "2026-11-21", _PAST, _FUTURE, "2026-11-21", "2026-11-20T23:59:59.999Z"),
    _instant("before", "7d", "2026-11-14", _PAST, _AGO_7D, "2026-11-14T11:59:59.999Z"),
    _instant("after", "2026-11-21", _FUTURE, _PAST, "2026-11-21", "2026-11-21T00:00:00.001Z"),
    _instant("after", "7d", _PAST, "2026-11-14", _AGO_7D, "2026-11-14T12:00:00.001Z"),
    _instant(
        "within_last", "7d", _PAST, "2026-11-14", _AGO_7D, "2026-11-14T12:00:00.001Z", NOW,
        "2026-11-21T12:00:00.001Z",
    ),
    _instant(
        "within_next", "7d", _FUTURE, _PAST, "2026-11-21T11:59:59.999Z", NOW,
        "2026-11-28T11:59:59.999Z", _IN_7D,
    ),
)  # fmt: skip


class Cells(NamedTuple):
    """What became of each value of a row."""

    passing: str
    failing: str
    missing: str
    null: str
    other: str
    several: str
    nothing: str
    turns: tuple[str, ...]
    wrong: str


def try_row(row: Row) -> Cells:
    """Try an operator on all values of its row."""
    return Cells(
        passing=judge(row, {"value": row.passing}),
        failing=judge(row, {"value": row.failing}),
        missing=judge(row, {}),
        null=judge(row, {"value": None}),
        other=judge(row, {"value": row.other}),
        several=judge(row, {"value": row.several}),
        nothing=judge(row, {"value": []}),
        turns=tuple(judge(row, {"value": value}) for value in row.turns),
        wrong=load(row.type, row.op, row.wrong),
    )


def judge(row: Row, given: Mapping[str, object]) -> str:
    """Answer whether the row's test holds for a fact that is ``value`` of ``given``.

    Instants are asked of a field, whose values are checked as they come in; all else of a
    value of the request that has no declared type, so that every value comes through.
    """
    dated = row.type == "date"
    asked = {"field": "a_date"} if dated else {"context": "custom.value"}
    when = msgspec.Raw(json.dumps({**asked, row.op: row.constant}).encode())
    values = {("a_date" if dated else "custom.value"): value for value in given.values()}
    trial = Trial(
        when=when, now=_WHEN, fields=values if dated else {}, context={} if dated else values
    )
    try:
        verdict = Trials(_DEFINITIONS, time_zone=UTC).judge(trial, now_ms=0)
    except InputError:
        return REFUSED
    return YES if verdict.holds else NO


def load(type_: str, op: str, constant: Constant) -> str:
    """Answer whether a test of a field of this type loads."""
    try:
        read_condition(json.dumps({"field": f"a_{type_}", op: constant}), _DEFINITIONS)
    except RulesError:
        return REFUSED_AT_LOAD
    return YES


def render() -> str:
    """Answer both tables as Markdown."""
    heading = (
        "test", "a value that passes", "one that does not", "missing", "null", "another type",
        "list", "empty list", "where it turns", "constant of another type",
    )  # fmt: skip
    values = _table(heading, map(_shown, ROWS))
    types = _table(("test", *TYPES), map(_types, TESTS))
    return f"## On every kind of value\n\n{values}\n\n## On every type of field\n\n{types}"


def _shown(row: Row) -> tuple[str, ...]:
    cells = try_row(row)
    turns = zip(row.turns, cells.turns, strict=True)
    return (
        f"`{row.op}: {_literal(row.constant)}`",
        _cell(row.passing, cells.passing),
        _cell(row.failing, cells.failing),
        cells.missing,
        cells.null,
        _cell(row.other, cells.other),
        _cell(row.several, cells.several),
        cells.nothing,
        ", ".join(_cell(value, found) for value, found in turns),
        _cell(row.wrong, cells.wrong),
    )


def _types(op: str) -> tuple[str, ...]:
    return (f"`{op}`", *(_loads_on(op, type_) for type_ in TYPES))


def _loads_on(op: str, type_: str) -> str:
    """Tell whether an operator loads on a type with any of the constants it is tried with."""
    ordinary: tuple[Constant, ...] = ("CZ", ["CZ"], True, [True], 5, [5])
    constants = (*(row.constant for row in ROWS if row.op == op), *ordinary)
    loaded = any(load(type_, op, constant) == YES for constant in constants)
    return YES if loaded else REFUSED_AT_LOAD


def _table(heading: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Constant, found: str) -> str:
    return f"`{_literal(value)}` {found}"


def _literal(value: Constant) -> str:
    return json.dumps(value)


def renew(page: str) -> str:
    """Answer the page with its tables written anew."""
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    return f"{before}{begin}\n\n{render()}\n\n{end}{after}"


def main() -> None:
    """Write the tables into the page."""
    PAGE.write_text(renew(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
