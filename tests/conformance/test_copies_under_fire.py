"""Copies in two workers while profiles are compacted all the time, in any interleaving."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import product
from typing import Final

import pytest
from redis.asyncio import Redis

from edgeseg.errors import StoreUnavailable
from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN, MetricPlan
from edgeseg.profiles.profile import Profile
from edgeseg.profiles.redis_store import RedisStore
from edgeseg.profiles.retention import Retention
from tests.conformance.conftest import OpenRedisStore
from tests.conformance.news import soon
from tests.conformance.plans import NOW_MS, VIEW_PLAN

HASTY: Final = Retention(tail_lines=3)
"""Every third event has the profile compacted."""
STAYING: Final = [f"s{number}" for number in range(3)]
"""Visitors who are only recorded and read: nothing acknowledged may ever be missing."""
OTHERS: Final = [f"o{number}" for number in range(4)]
"""Visitors who are erased as well, or merged with one another."""


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Redis]:
    """A plain client."""
    client = Redis.from_url(redis_url, socket_timeout=20, protocol=2)
    yield client
    await client.aclose()


class Account:
    """What two workers were told of visitors, each of whom has events of an own name."""

    def __init__(self, workers: list[RedisStore], raw: Redis, chance: random.Random) -> None:
        """Start with nothing told."""
        self.workers = workers
        self._raw = raw
        self._chance = chance
        self.begun: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self._told: Counter[tuple[int, str]] = Counter()

    async def act(self) -> None:
        """Do anything, and check the answer."""
        number, plan = self._chance.randrange(2), self._chance.choice((EMPTY_PLAN, VIEW_PLAN))
        visitor = self._chance.choice(STAYING + OTHERS)
        match self._chance.random():
            case kind if kind < 0.55:
                await self.record(number, visitor, plan)
            case kind if kind < 0.9:
                await self.read(number, visitor, plan)
            case kind if kind < 0.95:
                await self._raw.script_flush()
            case _:
                await self._disturb(self.workers[number])

    async def record(self, number: int, visitor: str, plan: MetricPlan) -> None:
        """Record an event; whatever anybody was told before must be in the answer."""
        before = self.acknowledged[visitor]
        self.begun[visitor] += 1
        event = Event(f"seen_{visitor}", NOW_MS - self._chance.randrange(3))  # some are late
        profile = await self.workers[number].record(visitor, [event], plan=plan, now_ms=NOW_MS)
        self.acknowledged[visitor] += 1
        self._check(profile, number, visitor, before + 1)

    async def read(self, number: int, visitor: str, plan: MetricPlan) -> None:
        """Read a profile; whatever the same worker was told before must be in the answer."""
        before = self._told[number, visitor]
        profile = await self.workers[number].read(visitor, plan=plan)
        if profile is not None:
            self._check(profile, number, visitor, before)
        else:
            assert visitor in OTHERS or not before

    def _check(self, profile: Profile, number: int, visitor: str, at_least: int) -> None:
        if visitor in OTHERS:
            assert set(profile.totals) <= {f"seen_{other}" for other in OTHERS}
            return
        assert set(profile.totals) == {f"seen_{visitor}"}
        count = profile.totals[f"seen_{visitor}"].count
        assert at_least <= count <= self.begun[visitor]
        self._told[number, visitor] = max(self._told[number, visitor], count)

    async def _disturb(self, worker: RedisStore) -> None:
        one, other = self._chance.sample(OTHERS, 2)
        if self._chance.random() < 0.5:
            with suppress(StoreUnavailable):  # too many merge the same at once
                await worker.merge(one, other, plan=VIEW_PLAN, now_ms=NOW_MS)
        else:
            await worker.erase(one)
            await worker.admit(one)


async def act_at_once(account: Account, times: int, chance: random.Random) -> None:
    """Do so many things, each of which may begin before or after others have got further."""
    tasks = []
    for _ in range(times):
        tasks.append(asyncio.create_task(account.act()))
        if chance.random() < 0.2:
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)


async def answers_soon(worker: RedisStore, visitor: str, expected: Profile | None) -> None:
    """Wait until news of changes have arrived."""

    async def does() -> bool:
        return await worker.read(visitor, plan=VIEW_PLAN) == expected

    await soon(does)


@pytest.mark.parametrize("cache_bytes", [10**6, 4_000, 0])
@pytest.mark.parametrize(
    "seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 40))]
)
async def test_every_answer_holds_all_that_is_acknowledged(
    open_redis: OpenRedisStore, raw: Redis, cache_bytes: int, seed: int
) -> None:
    """None is old or of another visitor, and none outlives an erasure."""
    chance = random.Random(seed)
    workers = [await open_redis(HASTY), await open_redis(HASTY)]
    for worker in workers:
        worker._near.max_bytes = cache_bytes
    account = Account(workers, raw, chance)
    for _ in range(30):
        await act_at_once(account, 50, chance)
    await asyncio.gather(*(worker.upkeep.drain() for worker in workers))
    assert all(worker.upkeep.compacted for worker in workers)
    fresh = await open_redis(HASTY)
    for visitor in STAYING:
        stored = await fresh.read(visitor, plan=VIEW_PLAN)
        assert stored is not None
        assert stored.totals[f"seen_{visitor}"].count == account.begun[visitor]
    for visitor, worker in product(STAYING + OTHERS, workers):
        await answers_soon(worker, visitor, await fresh.read(visitor, plan=VIEW_PLAN))
    for visitor in STAYING:
        assert await fresh.erase(visitor)
    for visitor, worker in product(STAYING, workers):
        await answers_soon(worker, visitor, None)
        assert worker.recall(visitor, plan=VIEW_PLAN) is None
