"""Segments as text, for engines that evaluate expressions."""

import json
from typing import NamedTuple

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


class Dialect(NamedTuple):
    """How a language spells what the segments need.

    Attributes:
        starts_with: with places for ``name`` and ``prefix``.
    """

    both: str
    either: str
    negation: str
    starts_with: str


def write(condition: Condition, dialect: Dialect) -> str:
    """Answer the condition as an expression over the names of `attributes.flatten`."""
    match condition:
        case All(conditions):
            return _join(dialect.both, [write(each, dialect) for each in conditions])
        case Any(conditions):
            return _join(dialect.either, [write(each, dialect) for each in conditions])
        case Not(inner):
            return f"{dialect.negation}({write(inner, dialect)})"
        case FieldTest(name, tests) | ContextTest(name, tests):
            return _join(dialect.both, [_test(name, test, dialect) for test in tests])
        case EventTest(event, _where, within_ms):
            return f"({event} != null {dialect.both} {event} < {within_ms})"
    raise NotImplementedError(condition)


def _join(word: str, parts: list[str]) -> str:
    return "(" + f" {word} ".join(parts) + ")"


def _test(name: str, test: Test, dialect: Dialect) -> str:
    operand = json.dumps(test.operand)
    guard = f"{name} != null {dialect.both} "
    return {
        "eq": f"{name} == {operand}",
        "ne": f"{name} != {operand}",
        "in": f"{name} in {operand}",
        "not_in": f"{dialect.negation}({name} in {operand})",
        "exists": f"{name} != null",
        "lt": f"{guard}{name} < {operand}",
        "gte": f"{guard}{name} >= {operand}",
        "starts_with": guard + dialect.starts_with.format(name=name, prefix=operand),
    }[test.op]
