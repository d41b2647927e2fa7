"""The port `ProfileStore` over Redis (or Valkey).

The keys are told in `redis_values` and `redis_index`.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from edgeseg.clock import Clock, system_clock
from edgeseg.events.event import ALIASES_DROPPED, INDEX_DROPPED, INDEXED, Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.breaker import Breaker
from edgeseg.profiles.ending import end
from edgeseg.profiles.near_cache import FRESH_S, NearCache
from edgeseg.profiles.profile import MAX_ALIASES, MAX_INDEX_ENTRIES, Profile
from edgeseg.profiles.redis_erasure import Erasure
from edgeseg.profiles.redis_lists import RedisLists
from edgeseg.profiles.redis_outcomes import RedisOutcomes
from edgeseg.profiles.redis_products import RedisProducts
from edgeseg.profiles.redis_profiles import RedisProfiles
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.router import Router
from edgeseg.profiles.script import Script
from edgeseg.profiles.walk import walk_keys
from edgeseg.telemetry import Telemetry

_DEFAULT_RETENTION: Final = Retention()


class RedisStore(RedisProfiles):
    """All that the port asks for: erasing, merging, the index, lists, counts and products.

    Attributes:
        outcomes: what campaigns brought, as counts.
        products: the catalogue and counts of products.
        lists: the lists that visitors are put on from outside.
        fresh_s: how often copies are aged from `open` on, see `NearCache.age`.
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

        They belong to the store from now on; `close` closes them. The rest is as told of
        `RedisProfiles`.
        """
        super().__init__(
            router,
            behind,
            near,
            prefix=prefix,
            retention=retention,
            stale_s=stale_s,
            clock=clock,
        )
        self.outcomes = RedisOutcomes(behind, prefix, retention.counts_ms)
        self.products = RedisProducts(behind, prefix)
        self.lists = RedisLists(behind, prefix, self._key, self._pointers.find)
        keys = (self._key, self._values.quarantine_key)
        self.fresh_s = FRESH_S
        self._ageing: asyncio.Task[None] | None = None
        self._remove = Script(behind, "remove")
        self._erasure = Erasure(
            behind, self._pointers, self._index, *keys, self.lists.forget, retention.grace_ms
        )

    async def erase(self, visitor_id: str, *, away_ms: int = 0) -> bool:
        """Put a tombstone in the place of all that is stored of the visitor."""
        there_was, gone = await self._erasure.run(visitor_id, away_ms)
        self._near.forget([self._key(each) for each in gone])
        await self.lists.forget(sorted(gone))
        return there_was

    async def admit(self, visitor_id: str) -> None:
        """Let a visitor be recorded again at once after an erasure."""
        key = self._key(visitor_id)
        (value,) = await self._values.execute(visitor_id, ("GET", key))
        stored = self._values.parse(visitor_id, value)
        if stored is not None and stored.erased:
            await self._remove.run([key], stored.header[: codec.MARK_BYTES])
            self._near.forget([key])

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
        stays = await self._pointers.merge(one_id, other_id, apart=apart)
        self._near.forget([self._key(each) for each in (one_id, other_id, stays)])
        if await self.read(stays, plan=plan) is None:
            return stays  # the other was erased a moment ago: to record would make a profile
        profile = await self.record(stays, (), plan=plan, now_ms=now_ms)  # and compact it
        await self._trim_index(stays, profile, plan, now_ms)
        spare = list(profile.aliases)[:-MAX_ALIASES]
        if spare:
            for entry in profile.index_entries:
                await self._index.rename(entry, spare, stays)
            await self._pointers.drop(spare)
            dropped = Event(ALIASES_DROPPED, now_ms, {"aliases": [*spare]})
            await self.record(stays, [dropped], plan=plan, now_ms=now_ms)
        return stays

    async def index(self, entry: str, visitor_id: str, *, plan: MetricPlan, now_ms: int) -> None:
        """Let the visitor be found by ``entry`` for as long as the profile is kept."""
        noted = Event(INDEXED, now_ms, {"entries": [entry]})
        profile = await self.record(visitor_id, [noted], plan=plan, now_ms=now_ms)
        found_at = profile.found_at or visitor_id
        await self._index.add(entry, found_at)
        known = await self.read_anew(found_at, plan=plan)
        if known is None or entry not in known.index_entries:
            await self._index.remove(entry, found_at)  # erased, or dropped, meanwhile
        if known is not None:
            await self._trim_index(found_at, known, plan, now_ms)

    async def _trim_index(
        self, visitor_id: str, profile: Profile, plan: MetricPlan, now_ms: int
    ) -> None:
        """Let no more than `MAX_INDEX_ENTRIES` name the visitor."""
        spare = profile.index_entries[:-MAX_INDEX_ENTRIES]
        if not spare:
            return
        found_at = profile.found_at or visitor_id
        for entry in spare:  # before the profile forgets it: an erasure removes what that names
            await self._index.remove(entry, found_at, *profile.aliases)
        dropped = Event(INDEX_DROPPED, now_ms, {"entries": [*spare]})
        await self.record(found_at, [dropped], plan=plan, now_ms=now_ms)

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
        if self._ageing is None:
            self._ageing = asyncio.create_task(self._age_copies())
        await asyncio.gather(self._router.open(), self._behind.open())

    async def _age_copies(self) -> None:
        while True:
            await asyncio.sleep(self.fresh_s)
            self._near.age()

    @property
    def breaker(self) -> Breaker:
        """The state of the page views' connections."""
        return self._router.breaker

    async def ping(self) -> None:
        """Return if the store answers."""
        await asyncio.gather(*(each.execute(("PING",)) for each in self._router.masters()))

    async def close(self) -> None:
        """Finish what is under way, then let go of the connections."""
        if self._ageing is not None:
            await end(self._ageing)
        await self.upkeep.drain()
        await self._router.close()
        await self._behind.close()
