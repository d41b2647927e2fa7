"""Copies of profiles in the worker's memory, bounded by bytes, never foreign and never old.

A copy serves in three ways:

- `record` reads back only what the copy lacks; the header, read last, tells whether it fits;
- `read` is answered from a *fresh* copy, as long as the connection that would tell of changes
  is up. The server tells of them on the very connection that the copy was read over, so news
  and replies come in the order in which things happened;
- when the store does not answer, a copy that was good a moment ago is better than none.

News may come between a reply and the turn of whoever waits for it. Therefore a copy is kept
only if nothing was heard of the key since its `begin`, and is fresh only if that was the latest.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from edgeseg.errors import ProfileCorrupt
from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.merge import MARK
from edgeseg.profiles.past import Past, bring_up
from edgeseg.profiles.profile import Profile

_BASE_BYTES: Final = 1_000
_DECODED: Final = 8
"""A profile takes about this many times its stored bytes when it is decoded."""


class Copy(msgspec.Struct, frozen=True):
    """What a stored value said.

    Attributes:
        header: of the value; another one means another value.
        size: how many bytes of it are folded into ``profile``.
        lines: how many events followed the snapshot.
        profile: the fold of them all.
        refreshed_ms: when the expiry was last set.
    """

    header: bytes
    size: int
    lines: int
    profile: Profile
    refreshed_ms: int

    def can_take(self, events: Sequence[Event], plan: MetricPlan) -> bool:
        """Tell whether ``events`` can probably be added at the end of what is folded."""
        if self.profile.plan_id != plan.id:
            return False
        visit = self.profile.visit
        return visit is None or not events or events[0].at_ms >= visit.last_ms

    def extend(self, tail: bytes, plan: MetricPlan) -> "Copy | None":
        """Fold the lines that follow; None where that takes the whole value, to see or to mend."""
        if MARK in tail:
            return None
        try:
            profile = bring_up(self.profile, codec.decode_lines(tail), plan, _ask_past)
        except (_PastNeeded, ProfileCorrupt):
            return None
        return Copy(
            self.header,
            self.size + len(tail),
            self.lines + tail.count(b"\n"),
            profile,
            self.refreshed_ms,
        )


class _PastNeeded(Exception):
    pass


def _ask_past() -> Past:
    raise _PastNeeded


class Ticket:
    """The place of one key; ``copy`` is the last one known, if any."""

    __slots__ = ("copy", "fresh", "turn")

    def __init__(self, copy: Copy | None, *, fresh: bool) -> None:
        """Hold ``copy``, which the store would answer just now if it is ``fresh``."""
        self.copy = copy
        self.fresh = fresh
        self.turn = 0


class NearCache:
    """Copies by key; a `Watcher` of the connections that they are read over.

    Attributes:
        max_bytes: estimated memory of all copies; 0 to keep none.
    """

    def __init__(self, max_bytes: int) -> None:
        """Start empty."""
        self.max_bytes = max_bytes
        self._places = _Places(max_bytes)

    def find(self, key: str) -> Copy | None:
        """Answer the copy of ``key`` if nobody has changed the value since."""
        place = self._places.find(key)
        return place.copy if place is not None and place.fresh else None

    def recall(self, key: str) -> Copy | None:
        """Answer the last copy of ``key``, fresh or not."""
        place = self._places.find(key)
        return None if place is None else place.copy

    def begin(self, key: str) -> tuple[Ticket, int]:
        """Announce that ``key`` is read, and maybe changed; answer what `keep` needs."""
        place = self._places.find(key)
        if place is None:
            place = Ticket(None, fresh=False)
            self._places.put(key, place)
        place.fresh = False
        place.turn += 1
        return place, place.turn

    def keep(self, key: str, begun: tuple[Ticket, int], copy: Copy) -> None:
        """Keep ``copy``, unless the value may have changed since it was ``begun``.

        Where a later request for ``key`` is under way it is not fresh, but of use to the next.
        """
        place, turn = begun
        if self._places.find(key) is not place:
            return
        if place.turn == turn:
            place = Ticket(copy, fresh=True)
        else:
            place.copy = copy
        self._places.put(key, place)

    def forget(self, keys: Sequence[bytes | str]) -> None:
        """Drop the copies of ``keys``: their values are other ones now."""
        for key in keys:
            self._places.drop(key if isinstance(key, str) else key.decode("utf-8", "replace"))

    def clear(self) -> None:
        """Drop all copies: any value may have changed unseen."""
        self._places.clear()


class _Places:
    """Places by key; those least recently used go when all are over ``max_bytes``.

    A page view comes here three times, which a cache of cachetools makes ten times as dear.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._by_key: OrderedDict[str, tuple[Ticket, int]] = OrderedDict()

    def find(self, key: str) -> Ticket | None:
        """Answer the place of ``key``, and call it used."""
        found = self._by_key.get(key)
        if found is None:
            return None
        self._by_key.move_to_end(key)
        return found[0]

    def put(self, key: str, place: Ticket) -> None:
        """Keep ``place``, if it fits at all."""
        self.drop(key)
        weight = _weigh(place)
        if weight > self._max_bytes:
            return
        self._by_key[key] = (place, weight)
        self._bytes += weight
        while self._bytes > self._max_bytes:
            _key, (_place, gone) = self._by_key.popitem(last=False)
            self._bytes -= gone

    def drop(self, key: str) -> None:
        found = self._by_key.pop(key, None)
        if found is not None:
            self._bytes -= found[1]

    def clear(self) -> None:
        self._by_key.clear()
        self._bytes = 0


def _weigh(place: Ticket) -> int:
    return _BASE_BYTES if place.copy is None else _BASE_BYTES + _DECODED * place.copy.size
