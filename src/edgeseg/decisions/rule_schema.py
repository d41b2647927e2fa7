"""The JSON Schema of a whole rule file, for editors."""

from collections.abc import Collection, Mapping
from typing import Final

from edgeseg.decisions.campaign_reader import CREDITS, MAX_VARIED, SLOT_KINDS
from edgeseg.decisions.policy_schema import CAPS, PERCENT, policy_schemas
from edgeseg.decisions.recommendation_schema import recommendation_schema
from edgeseg.decisions.variant_reader import MAX_DELAY_S, MAX_PERCENT, MAX_VARIANTS, MAX_WEIGHT
from edgeseg.segments.condition_schema import (
    CONDITION,
    VALUE,
    WHERE,
    condition_definitions,
)
from edgeseg.segments.context_names import CONTEXT
from edgeseg.segments.definition_schema import SCHEDULE, definition_schemas
from edgeseg.segments.definitions import SECTIONS
from edgeseg.segments.json_schema import (
    BOOLEAN,
    DURATION_TEXT,
    ID,
    PRIORITY,
    TEXT,
    Schema,
    listed,
    mapping,
    name_definitions,
    name_of,
    refer,
    told,
    whole,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_VALUES: Final[Schema] = {"type": "object"}
_TRANSLATIONS: Final[Schema] = {
    "type": "object",
    "patternProperties": {"^[a-z0-9]+(-[a-z0-9]+)*$": _VALUES},
    "additionalProperties": False,
}


def rule_schema(known: Mapping[str, Collection[str]] = {}) -> Schema:
    """Answer the JSON Schema of rule files, draft 2020-12.

    Args:
        known: kind of definition → names for editors to offer where rules refer to them.
    """
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
            "recommendation": recommendation_schema(),
            **policy_schemas(),
            **condition_definitions(),
            **name_definitions(known),
        },
    }


def _slot() -> Schema:
    parts: dict[str, Schema] = {
        "id": told(ID, "Asked for by pages."),
        "name": told(TEXT, "For people."),
        "kind": told({"enum": list(SLOT_KINDS)}, "Part of the page, dialog, or values for apps."),
        "site": told(ID, "Only filled on pages of this site."),
        "fallback": told(TEXT, "Template that it holds where no campaign applies."),
        "with": told(_VALUES, "Handed to the fallback; of a json slot the fallback itself."),
        "translations": told(_TRANSLATIONS, "Language → values in the place of those in `with`."),
        "vary_on": told(
            {
                "type": "array",
                "items": name_of("segment"),
                "maxItems": MAX_VARIED,
                "uniqueItems": True,
            },
            "Segments that alone decide on copies shared by many visitors.",
        ),
        "caps": told(CAPS, "How often at most the slot shows anything to a visitor."),
        "recommend": told(refer("recommendation"), "Products that the fallback is given, too."),
    }
    return mapping(parts, ("id", "kind"))


def _goal() -> Schema:
    parts: dict[str, Schema] = {
        "id": ID,
        "event": name_of("event"),
        "where": WHERE,
        "window": told(DURATION_TEXT, "How long before it a campaign may have been shown."),
        "credit": told({"enum": list(CREDITS)}, "Which of several campaigns it counts for."),
        "revenue": told(TEXT, "Property that holds what it earned."),
    }
    return mapping(parts, ("id", "event"))


def _campaign() -> Schema:
    weighted = {"properties": {"weight": {"minimum": 1}}}
    parts: dict[str, Schema] = {
        "id": told(ID, "Stands in answers; also the seed of the split."),
        "name": told(TEXT, "For people."),
        "slot": told(name_of("slot"), "What it fills."),
        "site": told(ID, "Only on pages of this site."),
        "audience": told(CONDITION, "Who sees it; by default everybody."),
        "pages": told(_pages(), "Where; all must pass."),
        "active": SCHEDULE,
        "consent": told(TEXT, "Purpose that the visitor must have agreed to."),
        "caps": told(CAPS, "How often at most a visitor sees it."),
        "priority": told(PRIORITY, "Of several campaigns that apply the highest wins."),
        "weight": told(whole(1, MAX_WEIGHT), "Share of visitors among those of equal priority."),
        "exclusive_group": told(ID, "Of the campaigns of one group only one is shown at once."),
        "goal": told(name_of("goal"), "What it is for."),
        "experiment": told(_experiment(), "How chance deals it out."),
        "variants": told(
            {**listed(refer("variant"), 1, MAX_VARIANTS), "contains": weighted},
            "What it shows; the first one is the control.",
        ),
    }
    return mapping(parts, ("id", "slot", "variants"))


def _experiment() -> Schema:
    share = mapping({"id": ID, "from": PERCENT, "to": PERCENT}, ("id", "from", "to"))
    return mapping(
        {
            "coverage": told(PERCENT, "Percent of the audience that takes part; may grow."),
            "layer": told(share, "Its part of a layer, in percent of all visitors."),
            "seed": told(TEXT, "What the split is hashed with; by default the campaign's id."),
            "sticky": told(BOOLEAN, "Whether who was shown a variant keeps it."),
        }
    )


def _pages() -> Schema:
    return {
        **mapping(dict.fromkeys(sorted(CONTEXT), VALUE)),
        "patternProperties": {r"^(query|custom)\..+": VALUE},
    }


def _variant() -> Schema:
    override: dict[str, Schema] = {
        "segment": told(name_of("segment"), "For members of this segment."),
        "with": told(_VALUES, "In the place of the variant's."),
        "translations": _TRANSLATIONS,
        "recommend": told(refer("recommendation"), "What is other than in the variant's."),
    }
    parts: dict[str, Schema] = {
        "id": told(ID, "Stands in answers."),
        "weight": told(whole(0, MAX_WEIGHT), "Share relative to the other variants."),
        "template": told(TEXT, "File below the templates folder; none for a json slot."),
        "with": told(_VALUES, "Handed to the template; the content of a json slot."),
        "translations": told(_TRANSLATIONS, "Language → values in the place of those in `with`."),
        "for_segments": told(
            listed(mapping(override, ("segment",))), "Other values for some; the first one counts."
        ),
        "popup": refer("popup"),
        "recommend": told(refer("recommendation"), "Products that the template is given, too."),
    }
    return mapping(parts, ("id",))


def _popup() -> Schema:
    trigger = mapping(
        {
            "exit_intent": told(BOOLEAN, "When the pointer leaves towards the tabs."),
            "delay_s": told(whole(1, MAX_DELAY_S), "After so many seconds."),
            "scroll_percent": told(whole(1, MAX_PERCENT), "Once so much was scrolled."),
            "inactivity_s": told(whole(1, MAX_DELAY_S), "After so many seconds without input."),
            "event": told(name_of("event"), "When the page tells of this event."),
        }
    )
    parts: dict[str, Schema] = {
        "title": told(TEXT, "Heading and name of the dialog."),
        "trigger": {**trigger, "minProperties": 1},
        "modal": told(BOOLEAN, "Whether the page behind is out of reach meanwhile."),
    }
    return mapping(parts, ("title", "trigger"))
