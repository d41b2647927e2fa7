"""What the rules said of visitors a moment ago, for whoever asks the same again.

The slots of a page are asked for one by one, by its template or by a client of flags, and the
same ones again. None of these calls records anything, so all of them, but for the first, ask
about the same profile in the same context: what held then, and what was shown on account of
it, holds until time alone changes it.
"""

import weakref
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Final

import msgspec

from edgeseg.decisions.campaign import Campaign
from edgeseg.decisions.choose import Chance
from edgeseg.decisions.slot_content import SlotContent
from edgeseg.events.event import Value
from edgeseg.profiles.profile import Profile
from edgeseg.segments.facts import Facts

MAX_KEPT: Final = 4_096
"""Judgements kept, about 4 KB each; the one not asked for longest goes."""
MAX_DECIDED: Final = 8_192
"""What is decided on one of them is kept as far as this goes: each character counts one, and
each slot `SLOT_WEIGHT`. One more is decided anew each time."""
SLOT_WEIGHT: Final = 256
MAX_CONTEXT: Final = 8_192
"""Characters of a request's context, written out; what is judged in a larger one is not kept."""


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What a judgement depends on, besides the rules and the clock.

    Attributes:
        visitor_id: as the request names the visitor.
        profile: the very object: another one may say something else.
        context: of the request.
        consents: purpose → granted, as known for the request.
    """

    visitor_id: str
    profile: Profile
    context: Mapping[str, Value]
    consents: Mapping[str, bool]


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What holds for one visitor and request, by what facts; see `Snapshot.judge`.

    Attributes:
        facts: of one that is kept without the profile, which it must not keep alive.
        chance: the visitor, as chance sees them.
        segments: ids of those that definitely hold, by priority (high first), then id.
        campaigns: those that apply, most important first.
        undecided: keys of the rules that unknown facts leave open.
        change_ms: when time alone could change this, None for never.
        decided: slot → what it shows on account of this; None where this is not kept.
    """

    facts: Facts
    chance: Chance
    segments: list[str]
    campaigns: Sequence[Campaign]
    undecided: Collection[str]
    change_ms: int | None
    decided: dict[str, SlotContent] | None = None

    def note(self, slot: str, content: SlotContent) -> None:
        """Keep what was decided for a slot with this, if this is kept and there is room."""
        if self.decided is not None:
            weight = sum(SLOT_WEIGHT + len(each.html) for each in self.decided.values())
            if weight + SLOT_WEIGHT + len(content.html) <= MAX_DECIDED:
                self.decided[slot] = content


class _Kept(msgspec.Struct, frozen=True):
    profile: weakref.ref[Profile]
    context: Mapping[str, Value]
    consents: Mapping[str, bool]
    from_ms: int
    until_ms: float
    judgement: Judgement


class Judgements:
    """Those of one version of the rules, in memory, one for each visitor and page.

    None outlives the profile it is about: once nobody else holds that, as after an erasure,
    nothing of it, nor of what was decided on it, is left here either.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._kept: OrderedDict[tuple[str, object], _Kept] = OrderedDict()

    def find(self, asked: Asked, now_ms: int) -> Judgement | None:
        """Answer what was judged of the same, if it still holds at ``now_ms``."""
        profile, context = asked.profile, asked.context
        key = (asked.visitor_id, context.get("url"))
        kept = self._kept.get(key)
        if (
            kept is None
            or kept.profile() is not profile
            or not _is_same(kept.context, context)
            or kept.consents != asked.consents
            or not kept.from_ms <= now_ms < kept.until_ms
        ):
            return None
        self._kept.move_to_end(key)
        return kept.judgement

    def keep(self, asked: Asked, now_ms: int, judgement: Judgement) -> Judgement:
        """Keep what was judged at ``now_ms``, if there is room; answer it as it is kept."""
        if len(repr(asked.context)) > MAX_CONTEXT:
            return judgement
        key = (asked.visitor_id, asked.context.get("url"))

        def forget(profile: weakref.ref[Profile]) -> None:
            kept = self._kept.get(key)
            if kept is not None and kept.profile is profile:
                self._kept.pop(key, None)  # `clear` may have been quicker

        profile = weakref.ref(asked.profile, forget)
        facts = msgspec.structs.replace(judgement.facts, profile=None)
        bare = msgspec.structs.replace(judgement, facts=facts, decided={})
        until_ms = judgement.change_ms
        self._kept[key] = _Kept(
            profile,
            asked.context,
            asked.consents,
            now_ms,
            inf if until_ms is None else until_ms,
            bare,
        )
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return bare

    def clear(self) -> None:
        """Drop them all, one by one: each leads back here by its profile's end.

        Another thread than that of the requests may do so; some end by themselves meanwhile.
        """
        with suppress(KeyError):  # there are no more
            while True:
                self._kept.popitem()

    def __len__(self) -> int:
        """Answer how many are kept."""
        return len(self._kept)


def _is_same(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    """Tell whether rules and templates cannot tell two contexts apart; ``1 == True`` can be."""
    return one is other or (one == other and repr(one) == repr(other))
