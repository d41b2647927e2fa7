"""Profiles in Redis (or Valkey): append the events, read the value, fold it here.

The keys are told in `redis_values` and `redis_index`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import msgspec

from edgeseg.clock import Clock, system_clock
from edgeseg.errors import ProfileCorrupt, ProfileTooNew, StoreError, StoreUnavailable
from edgeseg.events.event import ALIASES_DROPPED, INDEXED, Event
from edgeseg.hot_counts import Count
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.compaction import Reading, read_history
from edgeseg.profiles.fold import fold
from edgeseg.profiles.near_cache import Copy, NearCache, Ticket
from edgeseg.profiles.past import is_late
from edgeseg.profiles.profile import EMPTY_PROFILE, MAX_ALIASES, Profile
from edgeseg.profiles.redis_append import Appender
from edgeseg.profiles.redis_erasure import Erasure
from edgeseg.profiles.redis_index import RedisIndex
from edgeseg.profiles.redis_lists import RedisLists
from edgeseg.profiles.redis_outcomes import RedisOutcomes
from edgeseg.profiles.redis_pointers import Pointers
from edgeseg.profiles.redis_products import RedisProducts
from edgeseg.profiles.redis_upkeep import Upkeep
from edgeseg.profiles.redis_values import RedisValues
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.router import Router
from edgeseg.profiles.walk import walk_keys
from edgeseg.telemetry import Telemetry

_MAX_MOVES: Final = 4
_DEFAULT_RETENTION: Final = Retention()


class RedisStore:
    """The port `ProfileStore` over Redis.

    Attributes:
        upkeep: the work behind the page views, with its counts.
        outcomes: what campaigns brought, as counts.
    """

    def __init__(
        self,
        router: Router,
        behind: Router,
        near: NearCache,
        *,
        prefix: str = "edgeseg:",
        retention: Retention = _DEFAULT_RETENTION,
        stale_s: float = 0,
        clock: Clock = system_clock,
    ) -> None:
        """Use ``router`` for page views and ``behind`` for scripts and walks.

        They belong to the store from now on; `close` closes them. ``near`` must be the
        watcher of ``router``, which is not told of what ``router`` itself changes: such
        changes go through `NearCache.begin` or `NearCache.forget`. A copy of at most
        ``stale_s`` ago is recalled when the store does not answer.
        """
        self._router = router
        self._behind = behind
        self._near = near
        self.products = RedisProducts(behind, prefix)
        self._stale_s = stale_s
        self._retention = retention
        self.upkeep = Upkeep(router, behind, near, retention)
        self._values = RedisValues(router, self.upkeep, prefix)
        self._key = self._values.key
        self.outcomes = RedisOutcomes(behind, prefix, retention.counts_ms)
        self._reads_of_copy = self._reads_of_store = Count()
        keys = (self._key, self._values.quarantine_key)
        self._pointers = Pointers(behind, retention, *keys, clock)
        self._index = RedisIndex(behind, prefix, retention.cap_ms)
        self.lists = RedisLists(behind, prefix, self._key, self._pointers.find)
        self._appender = Appender(behind, retention, self._key)
        self._erasure = Erasure(behind, self._pointers, self._index, *keys)

    async def record(
        self, visitor_id: str, events: Sequence[Event], *, plan: MetricPlan, now_ms: int
    ) -> Profile:
        """Add ``events`` and answer the profile with them folded in."""
        key = self._key(visitor_id)
        lines = codec.encode_lines(events)
        append = ("APPEND", key, lines)
        begun = ticket, turn = self._near.begin(key)
        copy = ticket.copy
        try:
            if copy is None or copy.profile.plan_id != plan.id or is_late(copy.profile, events):
                fresh = codec.build_header(codec.fresh_generation(now_ms, random.getrandbits(20)))
                make = ("SET", key, fresh, "NX", "PX", self._retention.first_ttl_ms)
                replies = await self._router.execute(key, make, append, ("GET", key))
            else:
                if ticket.kept == turn - 1 and self._router.is_current(key):
                    # As far as is known nobody else has added anything. Then the value has this
                    # size now, and the header stands so far from its end.
                    size = copy.size + len(lines)
                    header = ("GETRANGE", key, -size, codec.HEADER_BYTES - 1 - size)
                    replies = await self._router.execute(key, append, header)
                else:
                    rest = ("GETRANGE", key, copy.size, -1)
                    header = ("GETRANGE", key, 0, codec.HEADER_BYTES - 1)
                    replies = await self._router.execute(key, append, rest, header)
                longer = copy.take(replies, events, lines, plan)
                if longer is not None:
                    self._near.keep(key, begun, longer, memo_bytes=plan.memo_bytes)
                    if self._retention.is_due(longer.lines, longer.refreshed_ms, now_ms):
                        keys = (key, self._values.quarantine_key(visitor_id))
                        self.upkeep.compact_copy(keys, longer, plan, now_ms)
                    return longer.profile
                replies = await self._router.execute(key, ("GET", key))
        except StoreError as error:
            self._values.heed(visitor_id, error)
            raise
        return await self._take_whole(visitor_id, events, replies[-1], begun, plan, now_ms)

    async def _take_whole(
        self,
        visitor_id: str,
        events: Sequence[Event],
        value: bytes | None,
        begun: tuple[Ticket, int],
        plan: MetricPlan,
        now_ms: int,
    ) -> Profile:
        """Answer what a whole ``value`` says, ``events`` appended to it, and look after it."""
        key = self._key(visitor_id)
        stored = self._values.parse(visitor_id, value)
        if stored is None or not stored.is_profile:
            self._near.forget([key])
            if stored is not None and stored.points_to:
                rest = events if codec.encode_lines(events) in stored.tail else ()
                return await self._record_there(visitor_id, rest, plan, now_ms)
            if stored is not None:
                self.upkeep.bury(key, stored.header)
            return fold(EMPTY_PROFILE, events, plan)
        reading = self._values.read(visitor_id, stored, plan)
        if not stored.header:
            self.upkeep.mend(key, now_ms)
        elif self._retention.is_due(stored.tail_count, reading.refreshed_ms, now_ms):
            keys = (key, self._values.quarantine_key(visitor_id))
            self.upkeep.compact(keys, stored, reading, plan, now_ms)
        else:
            copy = _copy_of(stored, reading)
            self._near.keep(key, begun, copy, memo_bytes=plan.memo_bytes)
        return reading.profile

    async def append(
        self, happened: Mapping[str, Sequence[Event]], *, plan: MetricPlan, now_ms: int
    ) -> set[str]:
        """Add events to many visitors without reading them, but those that have grown long."""
        erased: set[str] = set()
        for _ in range(_MAX_MOVES):
            self._near.forget([self._key(visitor_id) for visitor_id in happened])
            found = await self._appender.append(happened, now_ms)
            erased |= found.erased
            happened = {
                found_at: happened[visitor_id]
                for visitor_id in found.others
                if (found_at := await self._settle(visitor_id, plan, now_ms))
            }
            if not happened:
                return erased
        raise StoreUnavailable("profiles are being merged by others; try again")

    async def _settle(self, visitor_id: str, plan: MetricPlan, now_ms: int) -> str:
        """Look after a value that was appended to; answer where to append again, "" for nowhere.

        It is buried, mended, compacted or put aside, as for a page view.
        """
        try:
            profile = await self.record(visitor_id, (), plan=plan, now_ms=now_ms)
        except ProfileCorrupt:
            await self.upkeep.drain()
            return visitor_id
        except ProfileTooNew:
            return ""  # whoever is newer folds it
        return profile.found_at

    async def _record_there(
        self, visitor_id: str, events: Sequence[Event], plan: MetricPlan, now_ms: int
    ) -> Profile:
        """Record at the profile that a former id leads to.

        Without ``events``: those appended before the id became a former one went along.
        """
        found_at = await self.find(visitor_id)
        profile = await self.record(found_at, events, plan=plan, now_ms=now_ms)
        return msgspec.structs.replace(profile, found_at=profile.found_at or found_at)

    async def read(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the profile without changing anything, None where there is none."""
        key = self._key(visitor_id)
        copy = self._near.find(key)
        if copy is not None and copy.profile.plan_id == plan.id and self._router.is_current(key):
            self._reads_of_copy.times += 1
            return copy.profile
        self._reads_of_store.times += 1
        begun = self._near.begin(key)
        found_at, stored = await self._get(visitor_id)
        if stored is None:
            self._near.forget([key])
            return None
        reading = self._values.read(found_at, stored, plan)
        if found_at != visitor_id:
            return msgspec.structs.replace(reading.profile, found_at=found_at)
        if stored.header:
            copy = _copy_of(stored, reading)
            self._near.keep(key, begun, copy, memo_bytes=plan.memo_bytes)
        return reading.profile

    def recall(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer what was known of the visitor a moment ago, None where that is too long ago."""
        key = self._key(visitor_id)
        copy = self._near.recall(key)
        if copy is None or copy.profile.plan_id != plan.id:
            return None
        return copy.profile if self._router.silent_s(key) <= self._stale_s else None

    async def history(self, visitor_id: str) -> tuple[Event, ...]:
        """Answer the retained events of the visitor, oldest first."""
        visitor_id, stored = await self._get(visitor_id)
        if stored is None:
            return ()
        try:
            return read_history(stored)
        except ProfileCorrupt:
            self._values.put_aside(visitor_id, stored.header or stored.tail)
            raise

    async def erase(self, visitor_id: str, *, away_ms: int = 0) -> bool:
        """Put a tombstone in the place of all that is stored of the visitor."""
        there_was, gone = await self._erasure.run(visitor_id, away_ms or self._retention.grace_ms)
        self._near.forget([self._key(each) for each in gone])
        await self.lists.forget(sorted(gone))
        return there_was

    async def admit(self, visitor_id: str) -> None:
        """Let a visitor be recorded again at once after an erasure."""
        key = self._key(visitor_id)
        (value,) = await self._values.execute(visitor_id, ("GET", key))
        stored = self._values.parse(visitor_id, value)
        if stored is not None and stored.erased:
            await self._values.execute(visitor_id, ("DEL", key))

    async def merge(self, one_id: str, other_id: str, *, plan: MetricPlan, now_ms: int) -> str:
        """Make two visitors one; answer the id that stays."""
        stays = await self._pointers.merge(one_id, other_id)
        self._near.forget([self._key(each) for each in (one_id, other_id, stays)])
        profile = await self.record(stays, (), plan=plan, now_ms=now_ms)  # and compact it
        spare = list(profile.aliases)[:-MAX_ALIASES]
        if spare:
            await self._pointers.drop(spare)
            dropped = Event(ALIASES_DROPPED, now_ms, {"aliases": [*spare]})
            await self.record(stays, [dropped], plan=plan, now_ms=now_ms)
        return stays

    async def find(self, visitor_id: str) -> str:
        """Answer the id that a former one leads to, any other id as it is."""
        found_at = await self._pointers.find(visitor_id)
        if found_at != visitor_id:
            self._near.forget([self._key(visitor_id), self._key(found_at)])
        return found_at

    async def index(self, entry: str, visitor_id: str, *, plan: MetricPlan, now_ms: int) -> None:
        """Let the visitor be found by ``entry`` for as long as the profile is kept."""
        noted = Event(INDEXED, now_ms, {"entries": [entry]})
        profile = await self.record(visitor_id, [noted], plan=plan, now_ms=now_ms)
        found_at = profile.found_at or visitor_id
        await self._index.add(entry, found_at)
        if await self.read(found_at, plan=plan) is None:
            await self._index.remove(entry, found_at)  # erased meanwhile

    async def look_up(self, entry: str) -> list[str]:
        """Answer the visitors that ``entry`` names, in no order."""
        return await self._index.look_up(entry)

    async def visitor_ids(self) -> AsyncIterator[str]:
        """Iterate over the ids of all stored profiles.

        An id may be named twice, and profiles that come or go meanwhile need not be named.
        """
        async for key in walk_keys(self._behind, self._values.prefix):
            yield key[len(self._values.prefix) : -1]

    def observe(self, telemetry: Telemetry) -> None:
        """Count in ``telemetry`` from now on."""
        self._reads_of_copy = telemetry.hot.near_reads("copy")
        self._reads_of_store = telemetry.hot.near_reads("store")
        self.upkeep.on_quarantine = telemetry.quarantined.inc

    async def open(self) -> None:
        """Connect; a server that does not answer yet is tried again in the background."""
        await asyncio.gather(self._router.open(), self._behind.open())

    async def ping(self) -> None:
        """Return if the store answers."""
        await asyncio.gather(*(each.execute(("PING",)) for each in self._router.masters()))

    async def close(self) -> None:
        """Finish what is under way, then let go of the connections."""
        await self.upkeep.drain()
        await self._router.close()
        await self._behind.close()

    async def _get(self, visitor_id: str) -> tuple[str, StoredProfile | None]:
        """Answer the profile that an id leads to, not erased, and its own id."""
        for _ in range(_MAX_MOVES):
            replies = await self._values.execute(visitor_id, ("GET", self._key(visitor_id)))
            stored = self._values.parse(visitor_id, replies[0])
            if stored is None or not stored.points_to:
                return visitor_id, stored if stored and stored.is_profile else None
            visitor_id = await self.find(visitor_id)
        raise StoreUnavailable("the profile is being merged by others; try again")


def _copy_of(stored: StoredProfile, reading: Reading) -> Copy:
    profile, refreshed_ms, _told = reading
    return Copy(stored.header, stored.size, stored.tail_count, profile, refreshed_ms)
