"""The JSON Schema of fields, events, metrics and segments."""

from typing import Final

import msgspec

from edgeseg.events.schema import ELEMENT_TYPES, TYPES, Writer
from edgeseg.segments.condition_schema import CONDITION, WHERE
from edgeseg.segments.examples import SIDES
from edgeseg.segments.json_schema import (
    BOOLEAN,
    EVENT_NAME,
    ID,
    INSTANT,
    PRIORITY,
    TEXT,
    TEXTS,
    Schema,
    either,
    listed,
    mapping,
    name_of,
    need_any,
    need_only_one,
    one_of,
    refer,
    told,
    whole,
)
from edgeseg.segments.schedule import WEEKDAYS
from edgeseg.segments.segment_reader import MAX_WEIGHT
from edgeseg.segments.trial_visitor import TrialVisitor

SCHEDULE: Final = refer("schedule")
_TIME: Final[Schema] = {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]"}
_MONTHS: Final = 12
_ANY_VALUE: Final[Schema] = {"type": ["array", "boolean", "null", "number", "object", "string"]}


def definition_schemas() -> dict[str, Schema]:
    """Answer the schemas of field, event, metric and segment, and what they refer to, by name."""
    return {
        "field": _field(),
        "event": _event(),
        "property": _property(),
        "metric": _metric(),
        "segment": _segment(),
        "schedule": _schedule(),
        **_trial_visitors(),
    }


def _declaration(id_: Schema) -> dict[str, Schema]:
    return {
        "id": id_,
        "label": told(TEXT, "For people."),
        "type": one_of(TYPES),
        "of": told(one_of(ELEMENT_TYPES), "What a list holds; by default text."),
        "values": told(TEXTS, "The allowed ones."),
        "pii": told(BOOLEAN, "Whether it identifies a person."),
    }


def _declared(parts: dict[str, Schema]) -> Schema:
    of_text = {"properties": {"type": {"enum": ["text", "list"]}, "of": {"const": "text"}}}
    listed_only = {"properties": {"type": {"const": "list"}}}
    needs = {"dependentSchemas": {"values": of_text, "of": listed_only}}
    return {**mapping(parts, ("id", "type")), **needs}


def _field() -> Schema:
    id_ = told(ID, "Name of the attribute, asked about by `field`.")
    return _declared(
        {
            **_declaration(id_),
            "source": told(TEXT, "For people: where it comes from."),
            "write": told(one_of(tuple(Writer)), "Who may set it; by default servers alone."),
        }
    )


def _property() -> Schema:
    required = told(BOOLEAN, "Whether the event is refused without it.")
    return _declared({**_declaration(told(TEXT, "Name of the property.")), "required": required})


def _event() -> Schema:
    parts: dict[str, Schema] = {
        "id": told(EVENT_NAME, "Name of the event."),
        "label": told(TEXT, "For people."),
        "properties": told(
            listed(refer("property")), "All it may have; left out, nothing is said of them."
        ),
        "source": told(TEXT, "For people: where it comes from."),
        "write": told(one_of(tuple(Writer)), "Who may send it; by default browsers, too."),
    }
    return mapping(parts, ("id",))


def _metric() -> Schema:
    distinct = mapping({"distinct": TEXT}, ("distinct",))
    aggregates: dict[str, Schema] = {
        "count": told(either({"const": True}, distinct), "How many events, or different values."),
        "sum": told(TEXT, "The property to add up."),
        "average": told(TEXT, "The property to take the average of."),
        "first": told({"const": "timestamp"}, "When the first one was."),
        "last": told({"const": "timestamp"}, "When the latest one was."),
        "instants": told(TEXT, "The property that tells an instant: all of them."),
    }
    parts: dict[str, Schema] = {
        "id": told(ID, "Asked about by `metric`."),
        "label": told(TEXT, "For people."),
        "event": told(name_of("event"), "Event that feeds it."),
        "where": WHERE,
        **aggregates,
    }
    return {
        **mapping(parts, ("id", "event")),
        **need_any(aggregates),
        **need_only_one(aggregates),
    }


def _segment() -> Schema:
    segment = name_of("segment")
    base = either(segment, listed(segment), mapping({"list": TEXT}, ("list",)))
    version = mapping({"id": ID, "weight": whole(0, MAX_WEIGHT), "when": CONDITION}, ("id", "when"))
    versions = {**listed(version, 1), "contains": {"properties": {"weight": {"minimum": 1}}}}
    parts: dict[str, Schema] = {
        "id": told(ID, "Stands in answers and in `segment` conditions."),
        "name": told(TEXT, "For people."),
        "description": told(TEXT, "For people: who is in it."),
        "tags": told(TEXTS, "For people."),
        "priority": told(PRIORITY, "Order in answers: high first."),
        "exclusive_group": told(ID, "Of the segments of one group only one holds."),
        "from": told(base, "Who may be in it at all: those in the segments, or on the list."),
        "active": SCHEDULE,
        "experiment": told(mapping({"versions": versions}, ("versions",)), "Definitions on test."),
        "when": told(CONDITION, "Who is in it."),
        "examples": told(
            mapping({side: listed(refer(TrialVisitor.__name__)) for side in SIDES}),
            "Visitors said to be in it, or out of it; `edgeseg check` tries them.",
        ),
    }
    return {**mapping(parts, ("id",)), **need_any(("when", "experiment", "from"))}


def _schedule() -> Schema:
    every = mapping(
        {
            "weekday": listed(one_of(WEEKDAYS), 1),
            "month": listed(whole(1, _MONTHS), 1),
            "from": _TIME,
            "until": _TIME,
        }
    )
    parts: dict[str, Schema] = {
        "from": told(INSTANT, "Not before it."),
        "until": told(INSTANT, "Not after it; a date is included as a whole."),
        "every": told({**every, "minProperties": 1}, "Only in these recurring periods."),
        "time_zone": told(TEXT, "Such as Europe/Prague."),
    }
    return {**mapping(parts), **need_any(("from", "until", "every"))}


def _trial_visitors() -> dict[str, Schema]:
    """Answer the schemas of the visitors in examples, as the structs say that read them."""
    _schemas, components = msgspec.json.schema_components(
        (TrialVisitor,), ref_template="#/$defs/{name}", schema_hook=lambda _type: _ANY_VALUE
    )
    # Docstrings speak to those who read the code.
    texts = {"title", "description"}
    return {
        name: {word: value for word, value in schema.items() if word not in texts}
        for name, schema in components.items()
    }
