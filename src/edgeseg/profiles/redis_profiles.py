"""Profiles in Redis (or Valkey): append the events, read the value, fold it here.

What page views, events and readers ask for; the rest of the port is in `redis_store`.
The keys are told in `redis_values`.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from edgeseg.clock import Clock
from edgeseg.errors import ProfileCorrupt, ProfileTooNew, StoreError, StoreUnavailable
from edgeseg.events.event import Event
from edgeseg.hot_counts import Count
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.compaction import Reading, read_history
from edgeseg.profiles.fold import fold
from edgeseg.profiles.near_cache import Copy, NearCache, Ticket
from edgeseg.profiles.past import is_late
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.redis_append import Appender
from edgeseg.profiles.redis_index import RedisIndex
from edgeseg.profiles.redis_pointers import Pointers
from edgeseg.profiles.redis_upkeep import Upkeep
from edgeseg.profiles.redis_values import RedisValues
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.router import Router

_MAX_MOVES: Final = 4


class RedisProfiles:
    """Adds to profiles and reads them.

    Attributes:
        upkeep: the work behind the page views, with its counts.
    """

    def __init__(
        self,
        router: Router,
        behind: Router,
        near: NearCache,
        *,
        prefix: str,
        retention: Retention,
        stale_s: float,
        clock: Clock,
    ) -> None:
        """Use ``router`` for page views and ``behind`` for scripts and walks.

        ``near`` must be the watcher of ``router``, which is not told of what ``router``
        itself changes: such changes go through `NearCache.begin` or `NearCache.forget`. A
        copy of at most ``stale_s`` ago is recalled when the store does not answer.
        """
        self._router = router
        self._behind = behind
        self._near = near
        self._stale_s = stale_s
        self._retention = retention
        self.upkeep = Upkeep(router, behind, near, retention)
        self._values = RedisValues(router, self.upkeep, prefix)
        self._key = self._values.key
        self._index = RedisIndex(behind, prefix, retention.cap_ms)
        keys = (self._key, self._values.quarantine_key)
        self._pointers = Pointers(behind, retention, *keys, self._index, clock)
        self._appender = Appender(behind, retention, self._key)
        self._reads_of_copy = self._reads_of_store = Count()

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

    async def read_anew(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the profile as it is stored now: what others changed may be news yet."""
        self._near.forget([self._key(visitor_id)])
        return await self.read(visitor_id, plan=plan)

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

    async def find(self, visitor_id: str) -> str:
        """Answer the id that a former one leads to, any other id as it is."""
        found_at = await self._pointers.find(visitor_id)
        if found_at != visitor_id:
            self._near.forget([self._key(visitor_id), self._key(found_at)])
        return found_at

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
    return Copy(
        stored.header, stored.size, stored.tail_count, reading.profile, reading.refreshed_ms
    )
