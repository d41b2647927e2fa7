"""Compile tests of one fact to formulas: every operator becomes a few positive literals."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Final

from edgeseg.clock import epoch_ms, parse_instant
from edgeseg.events.event import Scalar
from edgeseg.segments.condition import Test
from edgeseg.segments.fact_keys import age_key
from edgeseg.segments.formula import (
    AGE,
    ANY_AGE,
    BETWEEN,
    Formula,
    Literal,
    all_of,
    any_of,
    negate,
)

COMPLEMENTS: Final = {"ne": "eq", "not_in": "in", "has_none": "has_any"}
"""Operators that are the exact complement of another."""


def tests_formula(fact: str, tests: Iterable[Test]) -> Formula:
    """Compile tests of one fact, all of which must pass."""
    return all_of(_test_formula(fact, test) for test in tests)


def instants_formula(
    fact: str, tests: Iterable[Test], time_zone: tzinfo, *, is_multi: bool = False
) -> Formula:
    """Compile tests of an instant, all of which must pass.

    Args:
        fact: its key; its age is asked about under its `age_key`.
        tests: by the operators for instants.
        time_zone: of constants that name none.
        is_multi: whether there may be several instants; any of them may pass a test.
    """
    return all_of(_instant_formula(fact, test, time_zone, is_multi=is_multi) for test in tests)


def instant_ms(text: str, time_zone: tzinfo) -> int:
    """Answer an RFC 3339 instant or date in epoch milliseconds."""
    return epoch_ms(parse_instant(text), time_zone)


def read_instant(value: object, time_zone: tzinfo) -> int | None:
    """Answer the same of a value that may be no such text, None for one that is none."""
    try:
        return instant_ms(value, time_zone) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _test_formula(fact: str, test: Test) -> Formula:
    op, operand, ignore_case = test.op, test.operand, test.ignore_case
    if op in COMPLEMENTS:
        return negate(_test_formula(fact, Test(COMPLEMENTS[op], operand, ignore_case)))
    if isinstance(operand, tuple):
        return _several(fact, op, operand, ignore_case=ignore_case)
    if op == "exists":
        return Literal(fact, op, operand=True, positive=bool(operand))
    if op == "eq" and isinstance(operand, bool):
        return Literal(fact, "is", operand)
    return Literal(fact, op, operand, ignore_case=ignore_case)


def _several(fact: str, op: str, operands: tuple[Scalar, ...], *, ignore_case: bool) -> Formula:
    if op == BETWEEN:
        return Literal(fact, op, operands)
    if op == "has_all":
        tests = (Test("eq", each, ignore_case) for each in operands)
        return all_of(_test_formula(fact, test) for test in tests)
    booleans: list[Formula] = [
        Literal(fact, "is", each) for each in operands if isinstance(each, bool)
    ]
    others = tuple(each for each in operands if not isinstance(each, bool))
    if others:
        booleans.append(Literal(fact, "in", others, ignore_case=ignore_case))
    return any_of(booleans)


def _instant_formula(fact: str, test: Test, time_zone: tzinfo, *, is_multi: bool) -> Formula:
    operand = test.operand
    if test.op == "exists":
        return Literal(fact, "exists", operand=True, positive=bool(operand))
    if isinstance(operand, tuple):
        return Literal(fact, BETWEEN, tuple(instant_ms(str(each), time_zone) for each in operand))
    if test.op in COMPLEMENTS:
        complement = Test(COMPLEMENTS[test.op], operand)
        return negate(_instant_formula(fact, complement, time_zone, is_multi=is_multi))
    if isinstance(operand, str):
        op = {"before": "lt", "after": "gt"}.get(test.op, test.op)
        return Literal(fact, op, instant_ms(operand, time_zone))
    build = _any_age_formula if is_multi else _age_formula
    return build(age_key(fact), test.op, int(operand))


def _age_formula(fact: str, op: str, span_ms: int) -> Formula:
    """Compile a test relative to now; ages are whole milliseconds, negative in the future."""

    def younger_than(age_ms: int) -> Literal:
        return Literal(fact, AGE, age_ms)

    match op:
        case "within_last":  # now - span < t <= now
            return all_of((younger_than(span_ms), negate(younger_than(0))))
        case "within_next":  # now <= t < now + span
            return all_of((younger_than(1), negate(younger_than(1 - span_ms))))
        case "after":  # now - span < t
            return younger_than(span_ms)
        case _:  # before: t < now - span; a missing instant is before nothing
            return all_of((younger_than(ANY_AGE), negate(younger_than(span_ms + 1))))


def _any_age_formula(fact: str, op: str, span_ms: int) -> Formula:
    """Compile the same for several instants: one literal, as it is about one of them."""
    match op:
        case "within_last":
            return Literal(fact, AGE, (0, span_ms))
        case "within_next":
            return Literal(fact, AGE, (1 - span_ms, 1))
        case "after":
            return Literal(fact, AGE, span_ms)
        case _:
            return Literal(fact, AGE, (span_ms + 1, ANY_AGE))
