"""Infer the types of fields that no schema declares, from a value and from a condition's tests."""

from collections.abc import Mapping
from typing import Final

from edgeseg.events.event import Value, is_number
from edgeseg.events.schema import Field, is_date

_OF_DATES: Final = frozenset({"before", "after", "within_last", "within_next"})
_OF_LISTS: Final = frozenset({"has_any", "has_all", "has_none"})
_NO_CONSTANT: Final = frozenset({"field", "exists", "ignore_case"})


def asked_types(when: object) -> dict[str, str]:
    """Answer field → the type that the tests of a condition ask for, "" where they do not tell.

    Args:
        when: a condition as plain values, right or wrong.
    """
    asked: dict[str, str] = {}
    pending = [when]
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            pending += part
        elif isinstance(part, dict):
            name = part.get("field")
            if isinstance(name, str):
                asked[name] = asked.get(name) or _type_of_tests(part)
            pending += part.values()
    return asked


def _type_of_tests(tests: Mapping[str, object]) -> str:
    """Answer the type that the operators, or else the constants, are of."""
    if not _OF_DATES.isdisjoint(tests):
        return "date"
    if not _OF_LISTS.isdisjoint(tests):
        return "list"
    for op, operand in tests.items():
        constants = operand if isinstance(operand, list) else [operand]
        type_ = "" if op in _NO_CONSTANT else next(filter(None, map(_type_of, constants)), "")
        if type_:
            return "date" if op == "between" and type_ == "text" else type_
    return ""


def infer_fields(
    asked: Mapping[str, str], values: Mapping[str, Value]
) -> tuple[dict[str, Field], frozenset[str]]:
    """Answer the fields that a condition names, and which of them hold lists.

    A value decides; where there is none, or only an empty list, the tests do.
    """
    fields: dict[str, Field] = {}
    lists: set[str] = set()
    for name, type_ in asked.items():
        value = values.get(name)
        if isinstance(value, list):
            lists.add(name)
        found = _infer(value, type_) or "text"
        fields[name] = Field(id=name, label=name, type=found)
    return fields, frozenset(lists)


def _infer(value: Value | None, asked: str) -> str:
    if isinstance(value, list):
        types = {_type_of(each) for each in value}
        of_all = types.pop() if len(types) == 1 else asked
        return "list" if of_all == "text" else of_all
    if asked == "date" and isinstance(value, str) and is_date(value):
        return "date"
    return _type_of(value) or asked


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    return "number" if is_number(value) else ""
