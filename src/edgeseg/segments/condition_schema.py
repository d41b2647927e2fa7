"""The JSON Schema of conditions and of the tests in them."""

from collections.abc import Mapping
from typing import Final

from edgeseg.segments.condition_reader import MAX_RANK
from edgeseg.segments.context_names import (
    CALENDAR,
    CONTEXT_VALUES,
    NUMBER_CONTEXT,
    TEXT_CONTEXT,
)
from edgeseg.segments.event_reader import MAX_KEPT, MAX_STEPS, OUTCOMES
from edgeseg.segments.formula import SEMVER_ORDERS
from edgeseg.segments.json_schema import (
    BOOLEAN,
    DURATION_TEXT,
    ID,
    INSTANT,
    NUMBER,
    REGEX,
    SCALAR,
    TEXT,
    Schema,
    either,
    listed,
    mapping,
    name_of,
    need_only_one,
    one_of,
    refer,
    told,
    whole,
)
from edgeseg.segments.test_reader import APPLICABLE, IGNORE_CASE, MAX_PATTERN, TESTS

CONDITION: Final = refer("condition")
WHERE: Final = refer("where")
VALUE: Final = refer("value")
FIELD_KINDS: Final = ("text", "number", "boolean", "instant")
"""Types of value that a field may have; which one it has stands in another file, maybe."""
METRIC_KINDS: Final = ("number", "instant")
_MEASURES: Final = ("count", "sum", "first", "last")

_CONSTANTS: Final[Mapping[str, Schema]] = {
    "text": {"type": "string"},
    "number": NUMBER,
    "boolean": BOOLEAN,
    "instant": INSTANT,
    "any": SCALAR,
}
_AGO: Final = either(INSTANT, DURATION_TEXT)
_OPERANDS: Final[Mapping[str, Schema]] = {
    "exists": BOOLEAN,
    "matches": REGEX,
    "before": _AGO,
    "after": _AGO,
    "within_last": DURATION_TEXT,
    "within_next": DURATION_TEXT,
    **dict.fromkeys(
        ("contains", "starts_with", "ends_with"), _CONSTANTS["text"] | {"minLength": 1}
    ),
    "glob": {**_CONSTANTS["text"], "maxLength": MAX_PATTERN},
    **dict.fromkeys(("gt", "gte", "lt", "lte"), NUMBER),
    **dict.fromkeys(SEMVER_ORDERS, TEXT),
}
"""Test → its operand, where that does not depend on the type of the fact."""
_LISTS: Final = frozenset({"in", "not_in", "has_any", "has_all", "has_none"})


def condition_definitions() -> dict[str, Schema]:
    """Answer the definitions that conditions refer to, by name."""
    kinds = _kinds()
    return {
        "condition": {"type": "object", "oneOf": [refer(f"condition-{kind}") for kind in kinds]},
        **{f"condition-{kind}": schema for kind, schema in kinds.items()},
        "step": mapping({"event": name_of("event"), "where": WHERE}, ("event",)),
        "value": _value_or_tests(),
        "where": {
            "type": "object",
            "additionalProperties": VALUE,
            "description": "Tests of properties, all on the same event.",
        },
    }


def operand(test: str, type_: str) -> Schema:
    """Answer the schema of a test's constant, for a fact of the type."""
    if test in _OPERANDS:
        return _OPERANDS[test]
    constant = _CONSTANTS[type_]
    if test in _LISTS:
        return listed(constant, 1)
    if test == "between":
        return listed(INSTANT if type_ == "instant" else NUMBER, 2, 2)
    return constant


def tests_of(*types: str) -> dict[str, Schema]:
    """Answer test → schema of its constant, of all that apply to a fact of one of the types."""
    found = {
        test: either(*(operand(test, each) for each in types if test in APPLICABLE[each]))
        for test in TESTS
        if any(test in APPLICABLE[each] for each in types)
    }
    cased = {"text", "any"}.intersection(types)
    return {**found, IGNORE_CASE: BOOLEAN} if cased else found


def _value_or_tests() -> Schema:
    """Answer the schema of a bare value or a mapping of tests, of a type that nobody declares."""
    return either(_CONSTANTS["any"], _at_least_a_test(mapping(tests_of("any")), 0))


def _at_least_a_test(schema: Schema, others: int) -> Schema:
    """Demand a test beside the other names; whether case counts is none."""
    return {
        **schema,
        "minProperties": others + 1,
        "dependentSchemas": {IGNORE_CASE: {"minProperties": others + 2}},
    }


def _tested(kind: str, name: Schema, *types: str) -> Schema:
    parts = {kind: name, **tests_of(*types)}
    return _at_least_a_test(mapping(parts, (kind,)), 1)


def _kinds() -> dict[str, Schema]:
    """Answer the kinds of condition, each with what may stand beside it."""
    group = listed(CONDITION)
    return {
        "all": told(mapping({"all": group}, ("all",)), "Every one holds."),
        "any": told(mapping({"any": group}, ("any",)), "At least one holds."),
        "none": told(mapping({"none": group}, ("none",)), "None of them holds."),
        "not": told(mapping({"not": CONDITION}, ("not",)), "It does not hold."),
        "field": told(
            _tested("field", name_of("field"), *FIELD_KINDS), "An attribute of the profile."
        ),
        "metric": told(_tested("metric", name_of("metric"), *METRIC_KINDS), "A named metric."),
        "context": told(_context(), "A value of this request."),
        "event": told(_event(), "What the visitor did; by default at least once, ever."),
        "campaign": told(_campaign(), "What came of a campaign; by default it was shown."),
        "sequence": told(_sequence(), "Events in this order."),
        "affinity": told(_affinity(), "One of the visitor's strongest interests."),
        "share": told(_share(), "A fixed share of all visitors."),
        "consent": told(mapping({"consent": TEXT}, ("consent",)), "The purpose is granted."),
        "tag": told(mapping({"tag": TEXT}, ("tag",)), "The profile has the tag."),
        "list": told(mapping({"list": TEXT}, ("list",)), "The visitor is on the list."),
        "segment": told(
            mapping({"segment": name_of("segment")}, ("segment",)), "In the other segment."
        ),
    }


def _context() -> Schema:
    text = one_of(sorted(TEXT_CONTEXT - {*CONTEXT_VALUES, *CALENDAR}))
    number = one_of(sorted(NUMBER_CONTEXT - {*CONTEXT_VALUES, *CALENDAR}))
    return either(
        _tested("context", either(text, {"type": "string", "pattern": r"^query\..+"}), "text"),
        _tested("context", number, "number"),
        _tested("context", {"type": "string", "pattern": r"^custom\..+"}, "any"),
        *(_told_of_few(name) for name in sorted({*CONTEXT_VALUES, *CALENDAR})),
    )


def _told_of_few(name: str) -> Schema:
    """Answer the schema of a value of the request that is one of a few, or the clock's."""
    tests = tests_of("text" if name in TEXT_CONTEXT else "number")
    if name in CONTEXT_VALUES:
        values: Schema = {"enum": list(CONTEXT_VALUES[name])}
        tests.pop(IGNORE_CASE, None)
        tests |= dict.fromkeys(("eq", "ne"), values)
        tests |= dict.fromkeys(_LISTS.intersection(tests), listed(values, 1))
    elif name == "date":
        day: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
        tests |= dict.fromkeys(("eq", "ne"), day)
        tests |= dict.fromkeys(_LISTS.intersection(tests), listed(day, 1))
    told_by = one_of((name,))
    if name not in CALENDAR:
        return _at_least_a_test(mapping({"context": told_by, **tests}, ("context",)), 1)
    zone = told(one_of(("visitor",)), "By the visitor's clock, not the site's.")
    parts = {"context": told_by, "time_zone": zone, **tests}
    clocked = _at_least_a_test(mapping(parts, ("context",)), 1)
    # The zone is no test either.
    return {**clocked, "allOf": [{"dependentSchemas": {"time_zone": {"minProperties": 3}}}]}


def _event() -> Schema:
    counts = whole(0, MAX_KEPT - 1)
    count_tests = {
        test: listed(counts, 2, 2) if test == "between" else _counted(schema, counts)
        for test, schema in tests_of("number").items()
        if test != "exists"
    }
    instant_tests = {**tests_of("instant"), "within": DURATION_TEXT}
    instants: Schema = {**mapping(instant_tests), "minProperties": 1}
    parts: dict[str, Schema] = {
        "event": name_of("event"),
        "where": WHERE,
        "within": told(DURATION_TEXT, "Only events of this long ago up to now, such as 30d."),
        "between": told(listed(INSTANT, 2, 2), "From the first instant to before the second."),
        "count": told(
            either(counts, {**mapping(count_tests), "minProperties": 1}), "How many there are."
        ),
        "sum": told(
            {**mapping({"of": TEXT, **tests_of("number")}, ("of",)), "minProperties": 2},
            "What the property `of` adds up to.",
        ),
        "first": told(instants, "When the first one ever was."),
        "last": told(instants, "When the last one before the current visit was."),
    }
    followed = {
        "event": name_of("event"),
        "where": WHERE,
        "not_followed_by": refer("step"),
        "within": DURATION_TEXT,
    }
    alone = {
        "allOf": [
            need_only_one(_MEASURES),
            *(need_only_one(("within", other)) for other in ("between", "first", "last")),
        ]
    }
    return either(
        {**mapping(parts, ("event",)), **alone},
        mapping(followed, ("event", "not_followed_by", "within")),
    )


def _counted(schema: Schema, counts: Schema) -> Schema:
    return {**schema, "items": counts} if schema.get("type") == "array" else counts


def _sequence() -> Schema:
    parts = {"within": DURATION_TEXT, "not_followed_by": refer("step")}
    steps = refer("step")
    return either(
        mapping({"sequence": listed(steps, 2, MAX_STEPS), "within": DURATION_TEXT}, ("sequence",)),
        mapping({"sequence": listed(steps, 1, MAX_STEPS - 1), **parts}, ("sequence", *parts)),
    )


def _campaign() -> Schema:
    parts = {
        "campaign": name_of("campaign"),
        "outcome": one_of(OUTCOMES),
        "variant": ID,
        "within": DURATION_TEXT,
    }
    return mapping(parts, ("campaign",))


def _affinity() -> Schema:
    asked = mapping({"to": TEXT, "value": TEXT, "rank": whole(1, MAX_RANK)}, ("to", "value"))
    return mapping({"affinity": asked}, ("affinity",))


def _share() -> Schema:
    percent: Schema = {"type": "number", "minimum": 0, "maximum": 100}
    parts = mapping({"percent": percent, "salt": TEXT}, ("percent", "salt"))
    return mapping({"share": parts}, ("share",))
