"""Contender: a loop over the segments, each condition tree interpreted as it is written."""

import operator
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks.segments.population import LATEST, Evaluate, Facts
from edgeseg.segments.condition import (
    All,
    Any,
    Condition,
    ContextTest,
    EventTest,
    FieldTest,
    Not,
    Test,
)
from edgeseg.segments.rule import Definitions


def build(definitions: Definitions) -> Evaluate:
    """Keep the trees."""
    trees = [(each.id, each.when) for each in definitions.segments.values()]

    def evaluate(facts: Facts, now_ms: int) -> list[str]:
        return [key for key, tree in trees if holds(tree, facts, now_ms)]

    return evaluate


def holds(condition: Condition, facts: Facts, now_ms: int) -> bool:
    """Tell whether ``condition`` holds."""
    return KINDS[condition.__class__](condition, facts, now_ms)


def _all(condition: All, facts: Facts, now_ms: int) -> bool:
    for each in condition.conditions:  # noqa: SIM110 - a generator would cost a frame
        if not holds(each, facts, now_ms):
            return False
    return True


def _any(condition: Any, facts: Facts, now_ms: int) -> bool:
    for each in condition.conditions:  # noqa: SIM110 - as above
        if holds(each, facts, now_ms):
            return True
    return False


def _not(condition: Not, facts: Facts, now_ms: int) -> bool:
    return not holds(condition.condition, facts, now_ms)


def _field(condition: FieldTest, facts: Facts, _now_ms: int) -> bool:
    return _passes(facts.get(f"field.{condition.name}"), condition.tests)


def _context(condition: ContextTest, facts: Facts, _now_ms: int) -> bool:
    return _passes(facts.get(f"context.{condition.name}"), condition.tests)


def _event(condition: EventTest, facts: Facts, now_ms: int) -> bool:
    at_ms = facts.get(LATEST[condition.event])
    return at_ms is not None and now_ms - at_ms < condition.within_ms  # type: ignore[operator]


def _passes(value: object, tests: Sequence[Test]) -> bool:
    for test in tests:
        if value is None:
            if test.op not in HOLD_ON_MISSING:
                return False
        elif not TESTS[test.op](value, test.operand):
            return False
    return True


KINDS: Final[dict[type, Callable[..., bool]]] = {
    All: _all,
    Any: _any,
    Not: _not,
    FieldTest: _field,
    ContextTest: _context,
    EventTest: _event,
}
TESTS: Final[dict[str, Callable[..., bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "in": lambda value, operand: value in operand,
    "not_in": lambda value, operand: value not in operand,
    "exists": lambda _value, operand: operand,
    "lt": operator.lt,
    "gte": operator.ge,
    "starts_with": str.startswith,
}
HOLD_ON_MISSING: Final = frozenset({"ne", "not_in"})
