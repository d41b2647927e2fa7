"""What the rules said of visitors a moment ago, for whoever asks the same again.

The slots of a page are asked for one by one, by its template or by a client of flags. None of
these calls records anything, so all of them, but for the first, ask about the same profile in
the same context: what held then holds until time alone changes it.
"""

import weakref
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple

from edgeseg.events.event import Value
from edgeseg.profiles.profile import Profile
from edgeseg.segments.evaluator import Evaluation
from edgeseg.segments.facts import Facts

MAX_KEPT: Final = 4_096
"""Judgements kept, about 4 KB each; the one not asked for longest goes."""


class Asked(NamedTuple):
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


class Judgement(NamedTuple):
    """Which rules hold, and by what facts."""

    facts: Facts
    evaluation: Evaluation


class _Kept(NamedTuple):
    profile: weakref.ref[Profile]
    context: Mapping[str, Value]
    consents: Mapping[str, bool]
    from_ms: int
    judgement: Judgement


class Judgements:
    """Those of one version of the rules, in memory, one for each visitor and page.

    None outlives the profile it is about: once nobody else holds that, as after an erasure,
    nothing of it is left here either.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._kept: OrderedDict[tuple[str, object], _Kept] = OrderedDict()

    def find(self, asked: Asked, now_ms: int) -> Judgement | None:
        """Answer what was judged of the same, if it still holds at ``now_ms``."""
        key = _key_of(asked)
        kept = self._kept.get(key)
        if kept is None or not _is_same(kept, asked):
            return None
        facts, evaluation = kept.judgement
        until_ms = evaluation.change_ms
        if now_ms < kept.from_ms or (until_ms is not None and now_ms >= until_ms):
            return None
        self._kept.move_to_end(key)
        return Judgement(facts._replace(profile=asked.profile), evaluation)

    def keep(self, asked: Asked, now_ms: int, judgement: Judgement) -> None:
        """Keep what was judged at ``now_ms``."""
        key = _key_of(asked)

        def forget(profile: weakref.ref[Profile]) -> None:
            kept = self._kept.get(key)
            if kept is not None and kept.profile is profile:
                del self._kept[key]

        profile = weakref.ref(asked.profile, forget)
        bare = judgement._replace(facts=judgement.facts._replace(profile=None))
        self._kept[key] = _Kept(profile, asked.context, asked.consents, now_ms, bare)
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        """Answer how many are kept."""
        return len(self._kept)


def _key_of(asked: Asked) -> tuple[str, object]:
    return asked.visitor_id, asked.context.get("url")


def _is_same(kept: _Kept, asked: Asked) -> bool:
    return (
        kept.profile() is asked.profile
        and kept.context == asked.context
        and kept.consents == asked.consents
    )
