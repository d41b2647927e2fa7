"""Infer the types of fields that no schema declares, from a value and from a condition's tests."""

from collections.abc import Mapping
from typing import Final

from edgeseg.events.event import Value, is_number
from edgeseg.events.schema import ELEMENT_TYPES, Field, is_date

_OF_DATES: Final = frozenset({"before", "after", "within_last", "within_next"})
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
    for op, operand in tests.items():
        constants = operand if isinstance(operand, list) else [operand]
        type_ = "" if op in _NO_CONSTANT else next(filter(None, map(_type_of, constants)), "")
        if type_:
            return "date" if op == "between" and type_ == "text" else type_
    return ""


def infer_fields(asked: Mapping[str, str], values: Mapping[str, Value]) -> dict[str, Field]:
    """Answer the fields that a condition names.

    A value decides; where there is none, or only an empty list, the tests do.
    """
    return {name: _infer(name, values.get(name), type_) for name, type_ in asked.items()}


def _infer(name: str, value: Value | None, asked: str) -> Field:
    if isinstance(value, list):
        types = {_type_of(each) for each in value}
        of = types.pop() if len(types) == 1 else asked
        return Field(id=name, label=name, type="list", of=of if of in ELEMENT_TYPES else "text")
    if asked == "date" and isinstance(value, str) and is_date(value):
        return Field(id=name, label=name, type="date")
    return Field(id=name, label=name, type=_type_of(value) or asked or "text")


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    return "number" if is_number(value) else ""
