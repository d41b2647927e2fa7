"""Say in plain English what a condition asks."""

from collections.abc import Callable
from typing import Final

from edgeseg.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from edgeseg.events.event import Scalar
from edgeseg.segments.formula import Operand
from edgeseg.segments.rule import (
    All,
    Any,
    Condition,
    ConsentTest,
    ContextTest,
    Definitions,
    EventTest,
    FieldTest,
    MetricTest,
    NoneOf,
    Not,
    Segment,
    SegmentTest,
    TagTest,
    Test,
)

_TESTS: Final = {
    "eq": ("is {}", "is not {}"),
    "gt": ("is over {}", "is not over {}"),
    "gte": ("is at least {}", "is not at least {}"),
    "lt": ("is under {}", "is not under {}"),
    "lte": ("is at most {}", "is not at most {}"),
    "in": ("is {}", "is not {}"),
    "starts_with": ("starts with {}", "does not start with {}"),
    "glob": ("matches {}", "does not match {}"),
}
_COMPLEMENTS: Final = {"ne": "eq", "not_in": "in"}
_UNITS: Final = (("day", DAY_MS), ("hour", HOUR_MS), ("minute", MINUTE_MS), ("second", SECOND_MS))


def describe_segment(segment: Segment, definitions: Definitions) -> str:
    """Answer one sentence about who is in the segment."""
    if isinstance(segment.when, All) and not segment.when.conditions:
        return "All visitors."
    return f"Visitors who {describe(segment.when, definitions)}."


def describe(condition: Condition, definitions: Definitions, *, negated: bool = False) -> str:  # noqa: PLR0911 - one a kind
    """Answer a clause that follows "visitors who"."""

    def joined(conditions: tuple[Condition, ...], word: str, *, not_: bool) -> str:
        parts = [describe(part, definitions, negated=not_) for part in conditions]
        return enumerate_parts(parts, word)

    match condition:
        case All(()) | NoneOf(()):
            return "are nobody" if negated else "are anybody"
        case Any(()):
            return "are anybody" if negated else "are nobody"
        case All(conditions):
            return joined(conditions, "or" if negated else "and", not_=negated)
        case Any(conditions):
            return joined(conditions, "and" if negated else "or", not_=negated)
        case NoneOf(conditions):
            return joined(conditions, "or" if negated else "and", not_=not negated)
        case Not(inner):
            return describe(inner, definitions, negated=not negated)
        case ConsentTest(purpose):
            return f"have not agreed to {purpose}" if negated else f"have agreed to {purpose}"
        case TagTest(tag):
            return f"{'do not have' if negated else 'have'} the tag {tag}"
        case SegmentTest(id_):
            segment = definitions.segments.get(id_)
            return f"are {'not ' if negated else ''}in {segment.name if segment else id_}"
        case EventTest():
            return _event(condition, negated=negated)
        case FieldTest(name, tests):
            return _whose(definitions.fields[name].label.lower(), tests, negated=negated)
        case MetricTest(name, tests):
            return _whose(definitions.metrics[name].label.lower(), tests, negated=negated)
        case ContextTest(name, tests):
            return _whose(name.replace(".", " ").replace("_", " "), tests, negated=negated)


def enumerate_parts(parts: list[str], word: str) -> str:
    """Join by commas and ``word``: "a, b and c"; long enumerations get a comma before it."""
    if len(parts) < 2:  # noqa: PLR2004 - nothing to join
        return "".join(parts)
    comma = "," if len(parts) > 2 or any(" and " in p or " or " in p for p in parts) else ""  # noqa: PLR2004
    return f"{', '.join(parts[:-1])}{comma} {word} {parts[-1]}"


def duration(milliseconds: int) -> str:
    """Answer a duration in its largest whole unit: "30 days"."""
    name, size = next(unit for unit in _UNITS if milliseconds % unit[1] == 0)
    number = milliseconds // size
    return f"{number} {name}{'' if number == 1 else 's'}"


def _whose(name: str, tests: tuple[Test, ...], *, negated: bool) -> str:
    return f"have a {name} that {_tests(tests, negated=negated)}" if not _is_presence(tests) else (
        f"{'have a' if (tests[0].operand is True) != negated else 'have no'} {name}"
    )


def _is_presence(tests: tuple[Test, ...]) -> bool:
    return len(tests) == 1 and tests[0].op == "exists"


def _tests(tests: tuple[Test, ...], *, negated: bool) -> str:
    return enumerate_parts([_test(test, negated=negated) for test in tests], "or" if negated else "and")


def _test(test: Test, *, negated: bool) -> str:
    if test.op == "exists":
        return "is known" if (test.operand is True) != negated else "is not known"
    op = _COMPLEMENTS.get(test.op, test.op)
    negative = negated != (test.op in _COMPLEMENTS)
    return _TESTS[op][negative].format(_constant(test.operand))


def _constant(operand: Operand) -> str:
    show: Callable[[Scalar], str] = lambda value: (  # noqa: E731 - used twice, right here
        f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
    if isinstance(operand, tuple):
        return enumerate_parts([show(value) for value in operand], "or")
    return show(operand)


_PAST: Final = {
    "page_viewed": ("viewed", "a page"),
    "form_submitted": ("submitted", "a form"),
    "product_viewed": ("viewed", "a product"),
    "product_added": ("added", "a product to the cart"),
    "order_completed": ("completed", "an order"),
}


def _event(condition: EventTest, *, negated: bool) -> str:
    verb, object_ = _PAST.get(condition.event, ("did", f"“{condition.event}”"))
    where = [f"{name} {_tests(tests, negated=False)}" for name, tests in condition.where]
    what = f"{object_} whose {enumerate_parts(where, 'and')}" if where else object_
    window = f" in the last {duration(condition.within_ms)}" if condition.within_ms else ""
    if not condition.count:
        return f"have {'not ' if negated else ''}{verb} {what}{window}"
    often = _tests(condition.count, negated=negated)
    return f"have {verb} {what}{window} a number of times that {often}"
