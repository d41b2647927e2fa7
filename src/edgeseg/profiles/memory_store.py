"""The verified fake of the profile store: a dictionary, for tests.

It passes the same conformance suite as the real stores. Time passes only by
the ``now_ms`` of the calls and the clock it is given.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import msgspec

from edgeseg.clock import Clock, system_clock
from edgeseg.events.event import ALIASES_DROPPED, INDEX_DROPPED, INDEXED, MERGED, Event
from edgeseg.metric_plan import EMPTY_PLAN, MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.breaker import Breaker
from edgeseg.profiles.fold import fold
from edgeseg.profiles.identity import is_known, staying_first
from edgeseg.profiles.memory_lists import MemoryLists
from edgeseg.profiles.memory_outcomes import MemoryOutcomes
from edgeseg.profiles.memory_products import MemoryProducts
from edgeseg.profiles.merge import Told, absorb, merged_event
from edgeseg.profiles.past import EMPTY_PAST, Past, bring_up, join, move_on
from edgeseg.profiles.profile import EMPTY_PROFILE, MAX_ALIASES, MAX_INDEX_ENTRIES, Profile
from edgeseg.profiles.retention import Retention
from edgeseg.telemetry import Telemetry

_DEFAULT_RETENTION: Final = Retention()


class _Kept(msgspec.Struct, kw_only=True):
    """What is remembered of one visitor: as in a stored value, but decoded."""

    profile: Profile = EMPTY_PROFILE
    past: Past = EMPTY_PAST
    tail: list[Event] = []
    kept_since_ms: int
    refreshed_ms: int
    expires_ms: int

    def tell(self, plan: MetricPlan) -> Told:
        """Answer what is known, with all merges in the tail carried out."""
        return absorb(Told(self.profile, self.past, [], self.kept_since_ms), self.tail, plan)

    def encode(self) -> bytes:
        """Answer the value that a real store would keep."""
        value = codec.encode_value(
            self.profile,
            self.past,
            b"%016x" % 0,
            refreshed_ms=self.refreshed_ms,
            kept_since_ms=self.kept_since_ms,
        )
        return value + codec.encode_lines(self.tail)


class MemoryStore:
    """The port `ProfileStore` over a dictionary."""

    def __init__(
        self, *, retention: Retention = _DEFAULT_RETENTION, clock: Clock = system_clock
    ) -> None:
        """Start empty; ``clock`` decides how long an erasure turns late writes away."""
        self.outcomes = MemoryOutcomes()
        self.lists = MemoryLists(self._tell_known)
        self.products = MemoryProducts()
        self._retention = retention
        self._clock = clock
        self._visitors: dict[str, _Kept] = {}
        self._graves: dict[str, int] = {}
        self._pointers: dict[str, str] = {}
        self._entries: dict[str, set[str]] = {}
        self._merges = 0

    async def record(
        self, visitor_id: str, events: Sequence[Event], *, plan: MetricPlan, now_ms: int
    ) -> Profile:
        """Add ``events`` and answer the profile with them folded in."""
        found_at = await self.find(visitor_id)
        if self._graves.get(found_at, 0) > self._clock():
            return fold(EMPTY_PROFILE, events, plan)
        kept = self._kept(found_at, now_ms)
        kept.tail += events
        told = kept.tell(plan)
        profile = bring_up(told.profile, told.tail, plan, lambda: told.past)
        merged = any(event.name == MERGED for event in kept.tail)
        if merged or self._retention.is_due(len(kept.tail), kept.refreshed_ms, now_ms):
            self._compact(kept, profile, plan, now_ms)
        return _found(profile, visitor_id, found_at)

    async def _tell_known(self, visitor_id: str, event: Event) -> bool:
        """Add an event to a profile, but make none."""
        found_at = await self.find(visitor_id)
        if found_at not in self._visitors:
            return False
        self._visitors[found_at].tail.append(event)
        return True

    async def append(
        self, happened: Mapping[str, Sequence[Event]], *, plan: MetricPlan, now_ms: int
    ) -> set[str]:
        """Add events to many visitors; answer those who were erased a moment ago."""
        erased = set()
        for visitor_id, events in happened.items():
            found_at = await self.find(visitor_id)
            if self._graves.get(found_at, 0) > self._clock():
                erased.add(visitor_id)
            else:
                await self.record(found_at, events, plan=plan, now_ms=now_ms)
        return erased

    def _kept(self, visitor_id: str, now_ms: int) -> _Kept:
        kept = self._visitors.get(visitor_id)
        if kept is None or kept.expires_ms <= now_ms:
            kept = self._visitors[visitor_id] = _Kept(
                kept_since_ms=now_ms,
                refreshed_ms=now_ms,
                expires_ms=now_ms + self._retention.first_ttl_ms,
            )
        return kept

    def _compact(self, kept: _Kept, folded: Profile, plan: MetricPlan, now_ms: int) -> None:
        told = kept.tell(plan)
        history = join(told.past, told.tail, told.profile)
        kept.past = move_on(told.past, history, plan, self._retention, now_ms)
        kept.profile, kept.tail, kept.refreshed_ms = folded, [], now_ms
        kept.kept_since_ms = told.kept_since_ms
        kept.expires_ms = now_ms + self._retention.ttl_ms(kept.kept_since_ms, now_ms)

    async def read(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the profile without changing anything, None where there is none."""
        found_at = await self.find(visitor_id)
        kept = self._visitors.get(found_at)
        if kept is None:
            return None
        told = kept.tell(plan)
        profile = bring_up(told.profile, told.tail, plan, lambda: told.past)
        return _found(profile, visitor_id, found_at)

    async def read_anew(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the same: this store has no copies."""
        return await self.read(visitor_id, plan=plan)

    def recall(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:  # noqa: ARG002
        """Answer None: this store always answers, so nobody asks."""
        return None

    async def history(self, visitor_id: str) -> tuple[Event, ...]:
        """Answer the retained events of the visitor, oldest first."""
        kept = self._visitors.get(await self.find(visitor_id))
        if kept is None:
            return ()
        told = kept.tell(EMPTY_PLAN)
        return join(told.past, told.tail, told.profile)

    async def erase(self, visitor_id: str, *, away_ms: int = 0) -> bool:
        """Forget the visitor and turn late writes away for a while."""
        found_at = await self.find(visitor_id)
        profile = await self.read(found_at, plan=EMPTY_PLAN) or EMPTY_PROFILE
        for gone in (visitor_id, found_at, *profile.aliases):
            until_ms = self._clock() + (away_ms or self._retention.grace_ms)
            self._graves[gone] = max(until_ms, 0 if away_ms else self._graves.get(gone, 0))
            self._pointers.pop(gone, None)
            for named in self._entries.values():
                named.discard(gone)
            await self.lists.forget([gone])
        return self._visitors.pop(found_at, None) is not None

    async def admit(self, visitor_id: str) -> None:
        """Let a visitor be recorded again at once after an erasure."""
        self._graves.pop(visitor_id, None)

    async def merge(
        self,
        one_id: str,
        other_id: str,
        *,
        plan: MetricPlan,
        now_ms: int,
        apart: bool = False,
    ) -> str:
        """Make two visitors one; answer the id that stays."""
        one_id, other_id = await self.find(one_id), await self.find(other_id)
        if one_id == other_id or (apart and is_known(one_id) and is_known(other_id)):
            return other_id
        target_id, source_id = sorted((one_id, other_id), key=staying_first)
        if self._graves.get(source_id, 0) > self._clock():
            return target_id
        source = self._kept(source_id, now_ms)
        del self._visitors[source_id]
        if self._graves.get(target_id, 0) > self._clock():
            await self.erase(source_id, away_ms=self._graves[target_id] - self._clock())
            return target_id
        self._merges += 1
        event = merged_event(source_id, target_id, str(self._merges), source.encode(), now_ms)
        target = self._kept(target_id, now_ms)
        target.tail.append(event)
        self._pointers[source_id] = target_id
        profile = await self.record(target_id, (), plan=plan, now_ms=now_ms)
        await self._trim_index(target_id, profile, plan, now_ms)
        spare = list(profile.aliases)[:-MAX_ALIASES]
        for alias in spare:
            del self._pointers[alias]
        for named in self._entries.values():
            if not named.isdisjoint(spare):
                named -= {*spare}
                named.add(target_id)
        if spare:
            dropped = Event(ALIASES_DROPPED, now_ms, {"aliases": [*spare]})
            await self.record(target_id, [dropped], plan=plan, now_ms=now_ms)
        return target_id

    async def find(self, visitor_id: str) -> str:
        """Answer the id that a former one leads to, any other id as it is."""
        while visitor_id in self._pointers:
            visitor_id = self._pointers[visitor_id]
        return visitor_id

    async def index(self, entry: str, visitor_id: str, *, plan: MetricPlan, now_ms: int) -> None:
        """Let the visitor be found by ``entry`` for as long as the profile is kept."""
        noted = Event(INDEXED, now_ms, {"entries": [entry]})
        profile = await self.record(visitor_id, [noted], plan=plan, now_ms=now_ms)
        found_at = profile.found_at or visitor_id
        if found_at in self._visitors:
            self._entries.setdefault(entry, set()).add(found_at)
            await self._trim_index(found_at, profile, plan, now_ms)

    async def _trim_index(
        self, visitor_id: str, profile: Profile, plan: MetricPlan, now_ms: int
    ) -> None:
        spare = profile.index_entries[:-MAX_INDEX_ENTRIES]
        for entry in spare:
            self._entries[entry] -= {visitor_id, *profile.aliases}
        if spare:
            dropped = Event(INDEX_DROPPED, now_ms, {"entries": [*spare]})
            await self.record(visitor_id, [dropped], plan=plan, now_ms=now_ms)

    async def look_up(self, entry: str) -> list[str]:
        """Answer the visitors that ``entry`` names, in no order."""
        return list(self._entries.get(entry, ()))

    async def visitor_ids(self) -> AsyncIterator[str]:
        """Iterate over the ids of all visitors remembered when it began."""
        for visitor_id in list(self._visitors):
            yield visitor_id

    def observe(self, telemetry: Telemetry) -> None:
        """Do nothing: there is nothing to count."""

    async def open(self) -> None:
        """Do nothing: there is nowhere to connect to."""

    @property
    def breaker(self) -> Breaker:
        """It never fails."""
        return Breaker.CLOSED

    async def ping(self) -> None:
        """Return: a dictionary always answers."""

    async def close(self) -> None:
        """Keep everything; there is nothing to let go of."""


def _found(profile: Profile, visitor_id: str, found_at: str) -> Profile:
    if found_at == visitor_id:
        return profile
    return msgspec.structs.replace(profile, found_at=found_at)
