"""The oracle's reading of tests of single values."""

import re
from collections.abc import Iterable

from edgeseg.events.event import Value
from edgeseg.segments.condition import Test

TRUE_BEFORE = {"ne": "eq", "not_in": "in", "has_none": "has_any"}


def passes_all(tests: Iterable[Test], value: Value | None) -> bool:
    """Tell whether the value passes every test; a list passes by any of its elements."""
    return all(passes(test, value) for test in tests)


def passes(test: Test, value: Value | None) -> bool:
    """Tell whether the value, possibly missing, passes one test."""
    if test.op in TRUE_BEFORE:
        return not passes(Test(TRUE_BEFORE[test.op], test.operand, test.ignore_case), value)
    elements = value if isinstance(value, list) else [] if value is None else [value]
    if test.op == "exists":
        return bool(elements) == test.operand
    if test.op == "has_all":
        each = [Test("eq", operand, test.ignore_case) for operand in test.operand]  # type: ignore[union-attr]
        return all(passes(one, value) for one in each)
    return any(passes_one(test, element) for element in elements)


def passes_one(test: Test, value: object) -> bool:  # noqa: C901, PLR0911, PLR0912 - one an operator
    """Tell whether one present value passes one positive test."""
    operand = test.operand
    if test.ignore_case:
        value, operand = folded(value), folded(operand)
    number = type(value) in {int, float} and type(operand) in {int, float}
    text = isinstance(value, str) and isinstance(operand, str)
    match test.op:
        case "eq":
            return same(value, operand)
        case "in" | "has_any":
            return any(same(value, each) for each in operand)  # type: ignore[union-attr]
        case "between":
            low, high = operand  # type: ignore[misc]
            return type(value) in {int, float} and low <= value <= high  # type: ignore[operator]
        case "gt":
            return number and value > operand  # type: ignore[operator]
        case "gte":
            return number and value >= operand  # type: ignore[operator]
        case "lt":
            return number and value < operand  # type: ignore[operator]
        case "lte":
            return number and value <= operand  # type: ignore[operator]
        case "starts_with":
            return text and value.startswith(operand)  # type: ignore[union-attr]
        case "ends_with":
            return text and value.endswith(operand)  # type: ignore[union-attr]
        case "contains":
            return text and operand in value  # type: ignore[operator]
        case "glob":
            return text and matches_glob(str(operand), str(value))
        case "matches":
            return text and re.search(str(operand), str(value)) is not None
        case "semver_eq" | "semver_gt" | "semver_gte" | "semver_lt" | "semver_lte":
            order = {"eq": {0}, "gt": {1}, "gte": {0, 1}, "lt": {-1}, "lte": {-1, 0}}
            one, other = version(str(value)), version(str(operand))
            is_version = text and one > ()
            return is_version and (one > other) - (one < other) in order[test.op[7:]]
        case other:
            raise AssertionError(other)


def folded(value: object) -> object:
    """Take away the case of texts."""
    if isinstance(value, tuple):
        return tuple(folded(each) for each in value)
    return value.casefold() if isinstance(value, str) else value


def version(text: str) -> tuple[int, ...]:
    """Read a version without pre-release, () for what is none."""
    return tuple(map(int, text.split("."))) if re.fullmatch(r"\d+\.\d+\.\d+", text) else ()


def same(one: object, other: object) -> bool:
    """Compare strictly: a boolean is no number, a string is no number."""
    return (type(one) is bool) == (type(other) is bool) and one == other


def matches_glob(pattern: str, text: str) -> bool:
    """Match by recursion on the first character, as the meaning is told."""
    if not pattern:
        return not text
    if pattern.startswith("**"):
        return any(matches_glob(pattern[2:], text[cut:]) for cut in range(len(text) + 1))
    if pattern[0] == "*":
        ends = (cut for cut in range(len(text) + 1) if "/" not in text[:cut])
        return any(matches_glob(pattern[1:], text[cut:]) for cut in ends)
    if not text or (pattern[0] == "?" and text[0] == "/"):
        return False
    return (pattern[0] in {"?", text[0]}) and matches_glob(pattern[1:], text[1:])
