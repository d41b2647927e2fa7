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

Reasons are of those that OFREP knows. What edgeseg calls DEFAULT is STATIC there: what is
shown where nothing was targeted; STALE and ERROR are UNKNOWN.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import msgspec

from edgeseg.decisions.campaign import Slot
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
}
_MAX_KEY: Final = 100

FlagValue: TypeAlias = bool | str | dict[str, Any]


class Flag(msgspec.Struct, frozen=True):
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
    metadata: Mapping[str, str | bool] = {}


class FlagSet:
    """The flags of one snapshot of the rules.

    It does not keep the snapshot itself: where nobody asks for flags, rules that were replaced
    would never be freed.

    Attributes:
        version: of the rules.
        keys: of all flags: slots, then campaigns, then segments in their order.
    """

    def __init__(self, rules: Snapshot) -> None:
        """Name the flags."""
        self.version = rules.version
        self._slots: dict[str, Sequence[Slot]] = {SLOT + id_: [s] for id_, s in rules.slots.items()}
        for campaign in chain.from_iterable(rules.campaigns.values()):
            self._slots[CAMPAIGN + campaign.id] = [rules.slots[campaign.slot]]
        self._slots |= dict.fromkeys((SEGMENT + id_ for id_ in rules.definitions.segments), ())
        self.keys: Sequence[str] = [*self._slots]

    def slots_of(self, key: str) -> Sequence[Slot]:
        """Answer the slots that must be decided for a flag.

        Raises:
            NotFoundError: there is no such flag.
        """
        try:
            return self._slots[key]
        except KeyError:
            hint = suggest(key[:_MAX_KEY], self.keys)
            raise NotFoundError(f"there is no flag `{key[:_MAX_KEY]}` ({hint})") from None

    def flag(
        self,
        key: str,
        decision: Decision,
        undecided: Collection[str],
        told: Mapping[str, str | bool] = {},
    ) -> Flag:
        """Answer one flag.

        Args:
            key: one of `keys`.
            decision: on `slots_of` the key, at least.
            undecided: segments that unknown facts leave open.
            told: what its metadata tell besides.
        """
        for slot in self._slots[key]:
            content = decision.slots[slot.id]
            flag_of = _slot if key.startswith(SLOT) else _campaign
            return flag_of(key, content, told)
        id_ = key.removeprefix(SEGMENT)
        return _segment(key, told, is_in=id_ in decision.segments, is_open=id_ in undecided)


def _slot(key: str, content: SlotContent, told: Mapping[str, str | bool]) -> Flag:
    value: FlagValue = content.html
    if content.kind == "json":
        value = dict(content.values or {})
    elif content.kind == "popup":
        popup = popup_answer(content.popup) if content.popup else None
        value = {"html": content.html, **msgspec.to_builtins(popup)} if popup else {}
    reason = _REASONS.get(content.reason, "UNKNOWN")
    if not content.campaign:
        return Flag(key, value, reason, "fallback", told)
    variant = f"{content.campaign}/{content.variant}"
    return Flag(key, value, reason, variant, {"campaign": content.campaign, **told})


def _campaign(key: str, content: SlotContent, told: Mapping[str, str | bool]) -> Flag:
    if content.campaign != key.removeprefix(CAMPAIGN):
        # Where a template failed, nobody tells here of which campaign it was.
        return Flag(key, OFF, "STATIC" if content.reason in _REASONS else "UNKNOWN", OFF, told)
    reason = _REASONS.get(content.reason, "UNKNOWN")
    return Flag(key, content.variant, reason, content.variant, told)


def _segment(key: str, told: Mapping[str, str | bool], *, is_in: bool, is_open: bool) -> Flag:
    reason = "UNKNOWN" if is_open else "TARGETING_MATCH"
    return Flag(key, is_in, reason, "in" if is_in else "out", told)
