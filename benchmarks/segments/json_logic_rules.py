"""Contender: panzi-json-logic, a JsonLogic rule per segment."""

from json_logic import jsonLogic

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

_OPERATORS = {"eq": "===", "ne": "!==", "lt": "<", "gte": ">="}
prepare = flatten


def build(definitions: Definitions) -> Evaluate:
    """Translate the segments; JsonLogic interprets rules as they are."""
    rules = [(each.id, _translate(each.when)) for each in definitions.segments.values()]

    def evaluate(facts: Facts, _now_ms: int) -> list[str]:
        return [id_ for id_, rule in rules if jsonLogic(rule, facts)]

    return evaluate


def _translate(condition: Condition) -> dict[str, object]:
    match condition:
        case All(conditions):
            return {"and": [_translate(each) for each in conditions]}
        case Any(conditions):
            return {"or": [_translate(each) for each in conditions]}
        case Not(inner):
            return {"!": [_translate(inner)]}
        case FieldTest(name, tests) | ContextTest(name, tests):
            parts = [_test({"var": name}, test) for test in tests]
            return parts[0] if len(parts) == 1 else {"and": parts}
        case EventTest(event, _where, within_ms):
            return _test({"var": event}, Test("lt", within_ms or 0))
    raise NotImplementedError(condition)


def _test(variable: dict[str, object], test: Test) -> dict[str, object]:
    present: dict[str, object] = {"!==": [variable, None]}
    match test.op, test.operand:
        case "in", tuple(values):
            return {"in": [variable, list(values)]}
        case "not_in", tuple(values):
            return {"!": [{"in": [variable, list(values)]}]}
        case "starts_with", str(prefix):
            head = {"substr": [variable, 0, len(prefix)]}
            return {"and": [present, {"===": [head, prefix]}]}
        case "exists", _:
            return present
        case op, operand:
            compared: dict[str, object] = {_OPERATORS[op]: [variable, operand]}
            return {"and": [present, compared]} if op in {"lt", "gte"} else compared
