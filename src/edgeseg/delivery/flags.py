"""Slots, campaigns and segments as feature flags, for clients of OpenFeature.

========================  =======  =====================================================
key                       value    meaning
========================  =======  =====================================================
``slot/ID``, html         text     the HTML that the slot shows
``slot/ID``, json         object   the values that the slot holds, empty for none
``slot/ID``, popup        object   the popup that would open, empty for none
``campaign/ID``           text     the variant that its slot shows, ``off`` for none of it
``segment/ID``            boolean  whether the visitor is in it
========================  =======  =====================================================

Reasons are the ones that OFREP knows (STATIC, TARGETING_MATCH, SPLIT, DISABLED, UNKNOWN);
what edgeseg calls DEFAULT is STATIC there: what is shown where nothing was targeted.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from edgeseg.decisions.campaign import Campaign, Slot
from edgeseg.decisions.slot_content import SlotContent
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.answer import popup_answer
from edgeseg.errors import NotFoundError
from edgeseg.personalize import Decision
from edgeseg.spelling import suggest

SLOT: Final = "slot/"
CAMPAIGN: Final = "campaign/"
SEGMENT: Final = "segment/"
OFF: Final = "off"
_REASONS: Final = {
    "TARGETING_MATCH": "TARGETING_MATCH",
    "SPLIT": "SPLIT",
    "DEFAULT": "STATIC",
    "DISABLED": "DISABLED",
}
_MAX_KEY: Final = 100

FlagValue: TypeAlias = bool | str | dict[str, Any]


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """One flag as it goes over the wire.

    Attributes:
        reason: in OFREP's words.
        variant: which of its values the flag has; ``fallback`` of a slot without campaign.
        metadata: what else is known, single values only.
    """

    key: str
    value: FlagValue
    reason: str
    variant: str
    metadata: dict[str, str | bool] = {}


class FlagSet:
    """The flags of one snapshot of the rules.

    Attributes:
        keys: of all flags: slots, then campaigns, then segments in their order.
    """

    def __init__(self, rules: Snapshot) -> None:
        """Name the flags."""
        self.rules = rules
        self._campaigns: Mapping[str, Campaign] = {
            campaign.id: campaign for each in rules.campaigns.values() for campaign in each
        }
        self.keys: Sequence[str] = [
            *(SLOT + id_ for id_ in rules.slots),
            *(CAMPAIGN + id_ for id_ in self._campaigns),
            *(SEGMENT + id_ for id_ in rules.definitions.segments),
        ]
        self._known = frozenset(self.keys)

    def slots_of(self, key: str) -> list[Slot]:
        """Answer the slots that must be decided for a flag.

        Raises:
            NotFoundError: there is no such flag.
        """
        if key not in self._known:
            hint = suggest(key[:_MAX_KEY], self.keys)
            raise NotFoundError(f"there is no flag `{key[:_MAX_KEY]}` ({hint})")
        kind, _slash, id_ = key.partition("/")
        match f"{kind}/":
            case "slot/":
                return [self.rules.slots[id_]]
            case "campaign/":
                return [self.rules.slots[self._campaigns[id_].slot]]
            case _:
                return []

    def flag(self, key: str, decision: Decision, undecided: Collection[str]) -> Flag:
        """Answer one flag.

        Args:
            key: one of `keys`.
            decision: on `slots_of` the key, at least.
            undecided: segments that unknown facts leave open.
        """
        kind, _slash, id_ = key.partition("/")
        match f"{kind}/":
            case "slot/":
                return _slot(key, decision.slots[id_])
            case "campaign/":
                return _campaign(key, decision.slots[self._campaigns[id_].slot])
            case _:
                return _segment(key, is_in=id_ in decision.segments, is_open=id_ in undecided)


def _slot(key: str, content: SlotContent) -> Flag:
    value: FlagValue = content.html
    if content.kind == "json":
        value = dict(content.values or {})
    elif content.kind == "popup":
        popup = popup_answer(content.popup) if content.popup else None
        value = {"html": content.html, **msgspec.to_builtins(popup)} if popup else {}
    return Flag(
        key=key,
        value=value,
        reason=_REASONS.get(content.reason, "UNKNOWN"),
        variant=f"{content.campaign}/{content.variant}" if content.campaign else "fallback",
        metadata={"campaign": content.campaign} if content.campaign else {},
    )


def _campaign(key: str, content: SlotContent) -> Flag:
    if content.campaign != key.removeprefix(CAMPAIGN):
        return Flag(key=key, value=OFF, reason="STATIC", variant=OFF)
    reason = _REASONS.get(content.reason, "UNKNOWN")
    return Flag(key=key, value=content.variant, reason=reason, variant=content.variant)


def _segment(key: str, *, is_in: bool, is_open: bool) -> Flag:
    reason = "UNKNOWN" if is_open else "TARGETING_MATCH"
    return Flag(key=key, value=is_in, reason=reason, variant="in" if is_in else "out")
