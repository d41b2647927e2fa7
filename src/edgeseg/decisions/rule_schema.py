"""The JSON Schema of a whole rule file, for editors."""

from typing import Final

from edgeseg.decisions.campaign_reader import MAX_VARIED, MAX_WEIGHT, SLOT_KINDS
from edgeseg.segments.condition_reader import CONTEXT
from edgeseg.segments.condition_schema import (
    CONDITION,
    VALUE,
    WHERE,
    condition_definitions,
)
from edgeseg.segments.definition_schema import SCHEDULE, definition_schemas
from edgeseg.segments.definitions import SECTIONS
from edgeseg.segments.json_schema import (
    EVENT_NAME,
    FLAG,
    ID,
    PRIORITY,
    TEXT,
    Schema,
    listed,
    mapping,
    refer,
    told,
    whole,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MAX_DELAY_S: Final = 3_600
MAX_PERCENT: Final = 100


def rule_schema() -> Schema:
    """Answer the JSON Schema of rule files, draft 2020-12."""
    return {
        "$schema": DIALECT,
        "title": "edgeseg rule file",
        "type": ["object", "null"],
        "properties": {section: listed(refer(section[:-1])) for section in SECTIONS},
        "additionalProperties": False,
        "$defs": {
            **definition_schemas(),
            "slot": _slot(),
            "goal": _goal(),
            "campaign": _campaign(),
            "variant": _variant(),
            "popup": _popup(),
            **condition_definitions(),
        },
    }


def _slot() -> Schema:
    parts: dict[str, Schema] = {
        "id": told(ID, "Asked for by pages."),
        "name": told(TEXT, "For people."),
        "kind": told({"enum": list(SLOT_KINDS)}, "A part of the page, or a dialog over it."),
        "fallback": told(TEXT, "Template that it holds where no campaign applies."),
        "vary_on": told(
            listed(ID, high=MAX_VARIED),
            "Segments that alone decide on copies shared by many visitors.",
        ),
    }
    return mapping(parts, ("id", "kind"))


def _goal() -> Schema:
    return mapping({"id": ID, "event": EVENT_NAME, "where": WHERE}, ("id", "event"))


def _campaign() -> Schema:
    weighted = {"properties": {"weight": {"minimum": 1}}}
    parts: dict[str, Schema] = {
        "id": told(ID, "Stands in answers; also the seed of the split."),
        "name": told(TEXT, "For people."),
        "slot": told(ID, "What it fills."),
        "audience": told(CONDITION, "Who sees it; by default everybody."),
        "pages": told(_pages(), "Where; all must pass."),
        "active": SCHEDULE,
        "priority": told(PRIORITY, "Of several campaigns that apply the highest wins."),
        "goal": told(ID, "What it is for."),
        "variants": told(
            {**listed(refer("variant"), 1), "contains": weighted},
            "What it shows; the first one is the control.",
        ),
    }
    return mapping(parts, ("id", "slot", "variants"))


def _pages() -> Schema:
    return {
        **mapping(dict.fromkeys(sorted(CONTEXT), VALUE)),
        "patternProperties": {r"^(query|custom)\..+": VALUE},
    }


def _variant() -> Schema:
    values: Schema = {
        "type": "object",
        "additionalProperties": {"type": ["boolean", "null", "number", "string"]},
    }
    parts: dict[str, Schema] = {
        "id": told(ID, "Stands in answers."),
        "weight": told(whole(0, MAX_WEIGHT), "Share relative to the other variants."),
        "template": told(TEXT, "File below the templates folder."),
        "with": told(values, "Handed to the template."),
        "popup": refer("popup"),
    }
    return mapping(parts, ("id", "template"))


def _popup() -> Schema:
    trigger = mapping(
        {
            "exit_intent": FLAG,
            "delay_s": whole(1, MAX_DELAY_S),
            "scroll_percent": whole(1, MAX_PERCENT),
        }
    )
    parts: dict[str, Schema] = {
        "title": told(TEXT, "Heading and name of the dialog."),
        "trigger": {**trigger, "minProperties": 1},
        "modal": told(FLAG, "Whether the page behind is out of reach meanwhile."),
    }
    return mapping(parts, ("title", "trigger"))
