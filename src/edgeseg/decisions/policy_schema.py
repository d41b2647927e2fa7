"""The JSON Schema of what holds for all campaigns, and of caps."""

from typing import Final

from edgeseg.decisions.cap_reader import MAX_OFTEN, PERIODS
from edgeseg.decisions.policy_reader import HOST
from edgeseg.segments.event_reader import OUTCOMES
from edgeseg.segments.json_schema import (
    DURATION_TEXT,
    ID,
    TEXT,
    Schema,
    either,
    listed,
    mapping,
    one_of,
    told,
    whole,
)

PERCENT: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 100}


def _cap(**also: Schema) -> Schema:
    after = told(one_of(OUTCOMES), "What is counted; by default what was shown.")
    per = told(either(one_of(PERIODS), DURATION_TEXT), "Within what: a visit, a day, 7d, ever.")
    at_most = told(whole(1, MAX_OFTEN), "So often and no more.")
    cool_down = told(DURATION_TEXT, "Not again for so long.")
    known = tuple(also)
    return either(
        mapping(
            {**also, "per": per, "at_most": at_most, "after": after}, (*known, "per", "at_most")
        ),
        mapping({**also, "cool_down": cool_down, "after": after}, (*known, "cool_down")),
    )


CAPS: Final = listed(_cap())


def policy_schemas() -> dict[str, Schema]:
    """Answer the schemas of these sections' entries, by name."""
    host: Schema = {"type": "string", "pattern": f"^{HOST}$"}
    fallback = told(listed(ID), "Languages that stand in, best first.")
    slots = told(listed(ID), "Only in these; by default in all.")
    return {
        "cap": _cap(id=told(ID, "For people.")),
        "holdout": mapping(
            {
                "id": told(ID, "Also the seed of who is in it."),
                "percent": told(PERCENT, "Of all visitors; they see no campaign."),
                "slots": slots,
            },
            ("id", "percent"),
        ),
        "language": mapping(
            {"id": told(ID, "Such as cs; `any` for all others."), "fallback": fallback}, ("id",)
        ),
        "layer": mapping({"id": told(ID, "Referred to by experiments.")}, ("id",)),
        "purpose": mapping(
            {"id": told(TEXT, "As in consents."), "name": told(TEXT, "For people.")}, ("id",)
        ),
        "site": mapping(
            {"id": told(ID, "Referred to by slots and campaigns."), "hosts": listed(host, 1)},
            ("id", "hosts"),
        ),
    }
