"""Contender: one generated Python function with an ``if`` per segment."""

from benchmarks.segments.population import LATEST, Evaluate
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
    """Generate and compile the function; each fact is read into a local variable once."""
    names: dict[str, str] = {}
    branches = [
        f"    if {_expression(each.when, names)}: hold({each.id!r})"
        for each in definitions.segments.values()
    ]
    reads = [f"    {name} = get({fact!r})" for fact, name in names.items()]
    head = ["def evaluate(facts, now_ms):", "    held = []", "    hold = held.append"]
    lines = [*head, "    get = facts.get", *reads, *branches, "    return held"]
    scope: dict[str, Evaluate] = {}
    exec("\n".join(lines), scope)  # noqa: S102 - this contender is about generated code
    return scope["evaluate"]


def _expression(condition: Condition, names: dict[str, str]) -> str:
    match condition:
        case All(conditions):
            return "(" + " and ".join(_expression(each, names) for each in conditions) + ")"
        case Any(conditions):
            return "(" + " or ".join(_expression(each, names) for each in conditions) + ")"
        case Not(inner):
            return f"(not {_expression(inner, names)})"
        case FieldTest(name, tests):
            return _tests(_local(f"field.{name}", names), tests)
        case ContextTest(name, tests):
            return _tests(_local(f"context.{name}", names), tests)
        case EventTest(event, _where, within_ms):
            name = _local(LATEST[event], names)
            return f"({name} is not None and now_ms - {name} < {within_ms})"
    raise NotImplementedError(condition)


def _local(fact: str, names: dict[str, str]) -> str:
    return names.setdefault(fact, f"v{len(names)}")


def _tests(name: str, tests: tuple[Test, ...]) -> str:
    return "(" + " and ".join(_test(name, test) for test in tests) + ")"


def _test(name: str, test: Test) -> str:
    operand = repr(test.operand)
    values = f"{{{operand.strip('()')}}}"
    return {
        "eq": f"{name} == {operand}",
        "ne": f"{name} != {operand}",
        "in": f"{name} in {values}",
        "not_in": f"{name} not in {values}",
        "exists": f"{name} is not None",
        "lt": f"({name} is not None and {name} < {operand})",
        "gte": f"({name} is not None and {name} >= {operand})",
        "starts_with": f"({name} is not None and {name}.startswith({operand}))",
    }[test.op]
