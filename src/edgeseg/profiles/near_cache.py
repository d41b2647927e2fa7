"""Copies of profiles in the worker's memory, bounded by bytes, never foreign and never old.

A copy serves in three ways:

- `record` reads back only what the copy lacks; the header, read last, tells whether it fits;
- `read` is answered from a *fresh* copy, as long as the connection that would tell of changes
  is up. The server tells of them on the very connection that the copy was read over, so news
  and replies come in the order in which things happened;
- when the store does not answer, a copy that was good a moment ago is better than none.

News may come between a reply and the turn of whoever waits for it. Therefore a copy is kept
only if nothing was heard of the key since its `begin`, and is fresh only if that was the latest.

The server knows of a bounded number of keys who has read them (``tracking-table-max-keys``, a
million by default). Beyond, it forgets one of them at each command, and tells whoever had read it,
but, with NOLOOP, not the connection of that very command. Nobody hears of changes of that value
then. So a copy answers reads for a while only, see `NearCache.age`. A page view need not care.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from edgeseg.errors import ProfileCorrupt
from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.connection import Reply
from edgeseg.profiles.fold import fold
from edgeseg.profiles.merge import MARK
from edgeseg.profiles.past import Past, bring_up
from edgeseg.profiles.profile import Profile

_BASE_BYTES: Final = 1_000
_DECODED: Final = 8
"""A profile takes about this many times its stored bytes when it is decoded."""
_WITH_REST: Final = 3
FRESH_S: Final = 5.0
"""How often copies are to be aged: each answers reads for this long, and for less than twice as
long."""


class Copy(msgspec.Struct, frozen=True, gc=False):
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

    def take(
        self, replies: Sequence[Reply], events: Sequence[Event], lines: bytes, plan: MetricPlan
    ) -> "Copy | None":
        """Answer a copy of the value that ``events`` were appended to.

        None where another value has taken its place, or it takes the whole of it to tell.

        Args:
            replies: the last is what was read where the header should be, after everything
                else; headers differ in all values there ever were for the key. If there are
                three, the second is what follows this copy; else nothing but ``lines`` does.
            events: what was appended, none of them late, see `past`.
            lines: the same, as it was appended.
            plan: what to remember.
        """
        if replies[-1] != self.header:
            return None
        if len(replies) == _WITH_REST:
            return self._extend(replies[1], plan)
        size, count = self.size + len(lines), self.lines + len(events)
        profile = fold(self.profile, events, plan)
        return Copy(self.header, size, count, profile, self.refreshed_ms)

    def _extend(self, tail: bytes, plan: MetricPlan) -> "Copy | None":
        if MARK in tail:
            return None
        try:
            events = codec.decode_lines(tail)
            profile = bring_up(self.profile, events, plan, _ask_past)
        except (_PastNeeded, ProfileCorrupt):
            return None
        size, count = self.size + len(tail), self.lines + len(events)
        return Copy(self.header, size, count, profile, self.refreshed_ms)


class _PastNeeded(Exception):
    pass


def _ask_past() -> Past:
    raise _PastNeeded


class Ticket(msgspec.Struct, gc=False):
    """The place of one key, where requests draw numbers.

    Attributes:
        copy: the last one known, if any.
        turn: number of the latest request that began.
        kept: number of the request that ``copy`` is of; the store would answer the copy
            just now if that is the latest.
        weight: estimated memory, bytes.
    """

    copy: Copy | None = None
    turn: int = 0
    kept: int = 0
    weight: int = _BASE_BYTES


class NearCache:
    """Copies by key; a `Watcher` of the connections that they are read over.

    Those least recently used go when all are over the bound. A page view comes here twice,
    which a cache of cachetools makes ten times as dear.

    Attributes:
        max_bytes: estimated memory of all copies; 0 to keep none.
    """

    def __init__(self, max_bytes: int) -> None:
        """Start empty."""
        self.max_bytes = max_bytes
        self._bytes = 0
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._young: dict[str, Ticket] = {}
        self._older: dict[str, Ticket] = {}

    def find(self, key: str) -> Copy | None:
        """Answer the copy of ``key`` if it is young, and nobody has changed the value since."""
        ticket = self._young.get(key) or self._older.get(key)
        if ticket is None or ticket.kept != ticket.turn:
            return None
        self._tickets.move_to_end(key)
        return ticket.copy

    def recall(self, key: str) -> Copy | None:
        """Answer the last copy of ``key``, fresh or not."""
        ticket = self._tickets.get(key)
        return None if ticket is None else ticket.copy

    def begin(self, key: str) -> tuple[Ticket, int]:
        """Announce that ``key`` is read, and maybe changed; answer what `keep` needs."""
        ticket = self._tickets.get(key)
        if ticket is None:
            ticket = self._tickets[key] = Ticket()
            self._bytes += ticket.weight
            self._make_room()
        else:
            self._tickets.move_to_end(key)
        ticket.turn = turn = ticket.turn + 1
        return ticket, turn

    def keep(self, key: str, begun: tuple[Ticket, int], copy: Copy, *, memo_bytes: int = 0) -> None:
        """Keep ``copy``, unless the value may have changed since it was ``begun``.

        Where a later request for ``key`` is under way it is not fresh, but of use to the next.
        With ``memo_bytes`` of what others remember in its profile.
        """
        ticket, turn = begun
        if self._tickets.get(key) is not ticket or turn < ticket.kept:
            return
        ticket.copy, ticket.kept = copy, turn
        self._young[key] = ticket
        weight = _BASE_BYTES + _DECODED * copy.size + memo_bytes
        self._bytes += weight - ticket.weight
        ticket.weight = weight
        if self._bytes > self.max_bytes:
            if weight > self.max_bytes:
                self._drop(key)
            self._make_room()

    def forget(self, keys: Sequence[bytes | str]) -> None:
        """Drop the copies of ``keys``: their values are other ones now."""
        for key in keys:
            self._drop(key if isinstance(key, str) else key.decode("utf-8", "replace"))

    def clear(self) -> None:
        """Drop all copies: any value may have changed unseen."""
        self._tickets.clear()
        self._young.clear()
        self._older.clear()
        self._bytes = 0

    def age(self) -> None:
        """Let no copy answer reads any more that was kept before the last time this was called."""
        self._young, self._older = {}, self._young

    def _drop(self, key: str) -> None:
        gone = self._tickets.pop(key, None)
        if gone is not None:
            self._account_for(key, gone)

    def _make_room(self) -> None:
        while self._bytes > self.max_bytes:
            self._account_for(*self._tickets.popitem(last=False))

    def _account_for(self, key: str, gone: Ticket) -> None:
        self._bytes -= gone.weight
        self._young.pop(key, None)
        self._older.pop(key, None)
