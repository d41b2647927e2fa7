"""Contender: growthbook, the condition of a targeting rule per segment."""

import re

from growthbook.core import evalCondition

from benchmarks.segments.attributes import flatten
from benchmarks.segments.population import Evaluate, Facts
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

_OPERATORS = {"eq": "$eq", "ne": "$ne", "lt": "$lt", "gte": "$gte", "exists": "$exists"}
prepare = flatten


def build(definitions: Definitions) -> Evaluate:
    """Translate the segments; growthbook interprets conditions as they are."""
    conditions = [(each.id, _translate(each.when)) for each in definitions.segments.values()]

    def evaluate(facts: Facts, _now_ms: int) -> list[str]:
        return [id_ for id_, condition in conditions if evalCondition(facts, condition)]

    return evaluate


def _translate(condition: Condition) -> dict[str, object]:
    match condition:
        case All(conditions):
            return {"$and": [_translate(each) for each in conditions]}
        case Any(conditions):
            return {"$or": [_translate(each) for each in conditions]}
        case Not(inner):
            return {"$not": _translate(inner)}
        case FieldTest(name, tests) | ContextTest(name, tests):
            asked: dict[str, object] = {}
            for test in tests:
                asked |= _test(test)
            return {name: asked}
        case EventTest(event, _where, within_ms):
            return {event: {"$lt": within_ms}}
    raise NotImplementedError(condition)


def _test(test: Test) -> dict[str, object]:
    match test.op, test.operand:
        case "in", tuple(values):
            return {"$in": list(values)}
        case "not_in", tuple(values):
            return {"$nin": list(values)}  # codespell:ignore nin
        case "starts_with", str(prefix):
            return {"$regex": "^" + re.escape(prefix)}
        case op, operand:
            return {_OPERATORS[op]: operand}
