"""Say in plain English what a condition asks."""

from calendar import day_name, month_name
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

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
    ListTest,
    MetricTest,
    NoneOf,
    Not,
    SeasonTest,
    Segment,
    SegmentTest,
    ShareTest,
    TagTest,
    Test,
)
from edgeseg.segments.schedule import Schedule
from edgeseg.segments.test_formulas import COMPLEMENTS

_TESTS: Final = {
    "eq": ("is {}", "is not {}"),
    "gt": ("is over {}", "is not over {}"),
    "gte": ("is at least {}", "is not at least {}"),
    "lt": ("is under {}", "is not under {}"),
    "lte": ("is at most {}", "is not at most {}"),
    "in": ("is {}", "is not {}"),
    "has_any": ("has {}", "does not have {}"),
    "between": ("is between {} and {}", "is not between {} and {}"),
    "contains": ("contains {}", "does not contain {}"),
    "starts_with": ("starts with {}", "does not start with {}"),
    "ends_with": ("ends with {}", "does not end with {}"),
    "glob": ("matches {}", "does not match {}"),
    "matches": ("matches the expression {}", "does not match the expression {}"),
    "semver_eq": ("is version {}", "is not version {}"),
    "semver_gt": ("is newer than version {}", "is not newer than version {}"),
    "semver_gte": ("is version {} or newer", "is older than version {}"),
    "semver_lt": ("is older than version {}", "is not older than version {}"),
    "semver_lte": ("is version {} or older", "is newer than version {}"),
    "before": ("is before {}", "is not before {}"),
    "after": ("is after {}", "is not after {}"),
    "within_last": ("is within the last {}", "is not within the last {}"),
    "within_next": ("is within the next {}", "is not within the next {}"),
}
_AGES: Final = frozenset({"before", "after", "within_last", "within_next"})
_UNITS: Final = (("day", DAY_MS), ("hour", HOUR_MS), ("minute", MINUTE_MS), ("second", SECOND_MS))


def describe_segment(segment: Segment, definitions: Definitions) -> str:
    """Answer one sentence about who is in the segment."""
    condition = segment.condition
    if condition in (All(()), NoneOf(())):
        return "All visitors."
    return f"Visitors {describe(condition, definitions)}."


def describe(condition: Condition, definitions: Definitions, *, negated: bool = False) -> str:  # noqa: C901, PLR0911, PLR0912 - one a kind
    """Answer a clause that follows "visitors", such as "who have agreed to marketing"."""
    match condition:
        case All(parts):
            return _group(parts, definitions, is_or=negated, negated=negated)
        case Any(parts):
            return _group(parts, definitions, is_or=not negated, negated=negated)
        case NoneOf(parts):
            return _group(parts, definitions, is_or=negated, negated=not negated)
        case Not(inner):
            return describe(inner, definitions, negated=not negated)
        case ConsentTest(purpose):
            return f"who have {'not ' if negated else ''}agreed to {purpose}"
        case TagTest(tag):
            return f"who {'do not have' if negated else 'have'} the tag {tag}"
        case SeasonTest(schedule):
            return f"who come {'outside' if negated else 'in'} {_season(schedule)}"
        case ListTest(name):
            return f"who are {'not ' if negated else ''}on the list {name}"
        case ShareTest(percent, salt):
            return f"who are {'not ' if negated else ''}in the {salt} share of {percent} %"
        case SegmentTest(id_):
            segment = definitions.segments.get(id_)
            return f"who are {'not ' if negated else ''}in {segment.name if segment else id_}"
        case EventTest():
            return _event((condition,), negated=negated)
        case FieldTest(name, tests):
            return _whose(definitions.fields[name].label.lower(), tests, negated=negated)
        case MetricTest(name, tests):
            metric = definitions.metrics[name]
            counted = "number of " if metric.aggregate in {"count", "distinct"} else ""
            return _whose(counted + metric.label.lower(), tests, negated=negated)
        case ContextTest(name, tests):
            return _whose(name.replace(".", " ").replace("_", " "), tests, negated=negated)


def _group(
    parts: tuple[Condition, ...], definitions: Definitions, *, is_or: bool, negated: bool
) -> str:
    """Join the parts; a group inside a group says where it begins."""
    if not parts:
        return "who are nobody" if is_or else "who are anybody"
    merged = _merged_events(parts) if is_or != negated else None
    if merged:
        return _event(merged, negated=negated)
    clauses = []
    for part in parts:
        clause = describe(part, definitions, negated=negated)
        nested = isinstance(part, All | Any | NoneOf) and " who" in clause and len(parts) > 1
        clauses.append(f"{'all of: ' if is_or else 'either '}{clause}" if nested else clause)
    return enumerate_parts(clauses, "or" if is_or else "and")


def _merged_events(parts: tuple[Condition, ...]) -> tuple[EventTest, ...] | None:
    """Answer the parts if they are one kind of event that differs in its object only."""
    events = tuple(part for part in parts if isinstance(part, EventTest))
    alike = {msgspec.structs.replace(each, where=()) for each in events}
    if len(events) < len(parts) or len(parts) == 1 or len(alike) > 1:
        return None
    return events if all(_phrase(each).is_named_by(each) for each in events) else None


def enumerate_parts(parts: list[str], word: str) -> str:
    """Join by commas and ``word``: "a and b", "a, b, and c"."""
    if len(parts) < 2:  # noqa: PLR2004 - nothing to join
        return "".join(parts)
    comma = "," if len(parts) > 2 else ""  # noqa: PLR2004
    return f"{', '.join(parts[:-1])}{comma} {word} {parts[-1]}"


def duration(milliseconds: int) -> str:
    """Answer a duration in its largest whole unit: "30 days"."""
    name, size = next(unit for unit in _UNITS if milliseconds % unit[1] == 0)
    number = milliseconds // size
    return f"{number} {name}{'' if number == 1 else 's'}"


def _whose(name: str, tests: tuple[Test, ...], *, negated: bool) -> str:
    return f"whose {name} {_tests(tests, negated=negated)}"


def _tests(tests: tuple[Test, ...], *, negated: bool) -> str:
    return enumerate_parts(
        [_test(test, negated=negated) for test in tests], "or" if negated else "and"
    )


def _test(test: Test, *, negated: bool) -> str:
    if test.op == "exists":
        return "is known" if (test.operand is True) != negated else "is not known"
    op = COMPLEMENTS.get(test.op, test.op)
    told = _has_all(test) if op == "has_all" else _TESTS[op]
    case = ", whatever the case" if test.ignore_case else ""
    return told[negated != (test.op in COMPLEMENTS)].format(*_constants(test)) + case


def _has_all(test: Test) -> tuple[str, str]:
    """Tell a list that needs every constant; it has its own words, not "or"."""
    constants = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    every = enumerate_parts([_shown(value) for value in constants], "and")
    return (f"has {every}", f"does not have all of {every}")


def _constants(test: Test) -> tuple[str, ...]:
    operand = test.operand
    if test.op in _AGES and isinstance(operand, int):
        ago = " ago" if test.op in {"before", "after"} else ""
        return (duration(operand) + ago,)
    if test.op == "between" and isinstance(operand, tuple):
        return tuple(_shown(value) for value in operand)
    return (_constant(operand),)


def _constant(operand: Operand) -> str:
    if isinstance(operand, tuple):
        return enumerate_parts([_shown(value) for value in operand], "or")
    return _shown(operand)


def _shown(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,}" if isinstance(value, int) else str(value)


class _Phrase(NamedTuple):
    """How an event is told: participle, its bare object, and the property that names it."""

    verb: str
    thing: str
    named_by: str = ""
    named: str = "{}"

    def is_named_by(self, condition: EventTest) -> bool:
        """Tell whether the condition asks for one value of the naming property alone."""
        return [name for name, _tests in condition.where] == [self.named_by] and _is_equality(
            condition.where[0][1]
        )


_PHRASES: Final = {
    "page_viewed": _Phrase("viewed", "a page", "path"),
    "form_submitted": _Phrase("submitted", "a form", "form", "the form {}"),
    "product_viewed": _Phrase("viewed", "a product", "name", "the product {}"),
    "product_added": _Phrase("added", "a product to the cart", "name", "{} to the cart"),
    "order_completed": _Phrase("completed", "an order"),
}


_TIMES: Final = {
    "eq": ("exactly", "not exactly"),
    "in": ("exactly", "not exactly"),
    "gt": ("more than", "at most"),
    "gte": ("at least", "fewer than"),
    "lt": ("fewer than", "at least"),
    "lte": ("at most", "more than"),
    "between": ("between", "not between"),
}


def _phrase(condition: EventTest) -> _Phrase:
    return _PHRASES.get(condition.event, _Phrase("done", f"“{condition.event}”"))


def _event(conditions: tuple[EventTest, ...], *, negated: bool) -> str:
    """Tell one event, or any of several that differ in their object only."""
    first = conditions[0]
    window = _window(first)
    things = [_thing(condition) for condition in conditions]
    thing = f"any of {enumerate_parts(things, 'or')}" if len(things) > 1 else things[0]
    told = f"{_phrase(first).verb} {thing}{window}"
    if first.sum:
        of = first.sum_of.replace("_", " ")
        return f"who have {told} for a total {of} that {_tests(first.sum, negated=negated)}"
    if first.first or first.last:
        which, tests = ("first", first.first) if first.first else ("last", first.last)
        return f"whose {which} time that they {told} {_tests(tests, negated=negated)}"
    if not first.count:
        return f"who have {'not ' if negated else ''}{told}"
    often = [_times(test, negated=negated) for test in first.count]
    return f"who have {told} {enumerate_parts(often, 'or' if negated else 'and')}"


def _window(condition: EventTest) -> str:
    if condition.within_ms:
        return f" in the last {duration(condition.within_ms)}"
    if condition.between:
        return f" from {condition.between[0]} until {condition.between[1]}"
    return ""


def _season(schedule: Schedule) -> str:
    """Name the bounds and the recurring periods of a schedule."""
    parts = []
    for word, at_ms in (("from", schedule.from_ms), ("until", schedule.until_ms)):
        if at_ms is not None:
            local = datetime.fromtimestamp(at_ms / 1_000, schedule.time_zone)
            parts.append(f"{word} {local:%Y-%m-%d %H:%M}")
    if schedule.months:
        names = [month_name[month] for month in sorted(schedule.months)]
        parts.append(f"in {enumerate_parts(names, 'or')}")
    if schedule.weekdays:
        names = [day_name[day] for day in sorted(schedule.weekdays)]
        parts.append(f"on {enumerate_parts(names, 'or')}")
    if schedule.start != schedule.end:
        parts.append(f"between {schedule.start:%H:%M} and {schedule.end:%H:%M}")
    return f"the season {' '.join(parts)}".strip()


def _times(test: Test, *, negated: bool) -> str:
    op = COMPLEMENTS.get(test.op, test.op)
    told = _TIMES[op][negated != (test.op in COMPLEMENTS)]
    return f"{told} {_constant(test.operand)} time{'' if test.operand == 1 else 's'}"


def _thing(condition: EventTest) -> str:
    """Name the object by its own property where one value is asked for; the rest follows."""
    phrase = _phrase(condition)
    thing, rest = phrase.thing, []
    for name, tests in condition.where:
        if name == phrase.named_by and _is_equality(tests):
            thing = phrase.named.format(_constant(tests[0].operand))
        else:
            rest.append(f"{name.replace('_', ' ')} {_tests(tests, negated=False)}")
    return f"{thing} whose {enumerate_parts(rest, 'and')}" if rest else thing


def _is_equality(tests: tuple[Test, ...]) -> bool:
    return len(tests) == 1 and tests[0].op == "eq"
