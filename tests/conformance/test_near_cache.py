"""Copies in the worker's memory: used when they are right, and never else."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import Any

import pytest
from redis.asyncio import Redis

from edgeseg.errors import ProfileCorrupt, StoreError
from edgeseg.profiles.near_cache import Copy, NearCache
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.profiles.redis_connect import build_redis_store
from edgeseg.profiles.redis_store import RedisStore
from edgeseg.profiles.retention import Retention
from edgeseg.telemetry import Telemetry
from tests.conformance.conftest import PATIENT, OpenRedisStore
from tests.conformance.news import soon
from tests.conformance.plans import NOW_MS, VIEW_PLAN, plan_of, view
from tests.conformance.servers import RedisProcess, TlsServer
from tests.conformance.stores import open_redis_store


class Observed:
    """A store, and how often its reads were answered by a copy."""

    def __init__(self, store: RedisStore) -> None:
        """Count from now on."""
        self.store = store
        self._telemetry = Telemetry()
        store.observe(self._telemetry)

    async def count(self, visitor: str = "v") -> int:
        """Answer how many page views a read tells of."""
        profile = await self.store.read(visitor, plan=VIEW_PLAN)
        return profile.totals["page_viewed"].count if profile else 0

    async def record(self, number: int, visitor: str = "v") -> int:
        """Record one page view; answer how many are counted."""
        profile = await self.store.record(visitor, [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
        return profile.totals["page_viewed"].count

    @property
    def by_copy(self) -> int:
        """The reads that were answered by a copy."""
        return self._telemetry.hot.near_reads("copy").times


@pytest.fixture
async def one(open_redis: OpenRedisStore) -> Observed:
    """One worker's store."""
    return Observed(await open_redis())


@pytest.fixture
async def other(open_redis: OpenRedisStore) -> Observed:
    """The store of another worker, over the same server."""
    return Observed(await open_redis())


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Redis]:
    """A plain client."""
    client = Redis.from_url(redis_url, socket_timeout=20, protocol=2)
    yield client
    await client.aclose()


async def test_a_page_view_leaves_a_copy_for_the_fragments_after_it(one: Observed) -> None:
    """Also with the next page view in it, at once."""
    for number in range(10):
        assert await one.record(number) == number + 1
        assert await one.count() == number + 1
        assert one.by_copy == number + 1


async def test_a_read_leaves_a_copy(one: Observed, other: Observed) -> None:
    """The second one does not ask the server."""
    await other.record(0)
    assert [await one.count() for _ in range(3)] == [1, 1, 1]
    assert one.by_copy == 2


async def test_what_another_worker_records_is_seen(one: Observed, other: Observed) -> None:
    """The server tells at once, so a copy is never older than the news takes to travel."""
    for number in range(0, 40, 2):
        assert await one.record(number) == number + 1
        assert await other.record(number + 1) == number + 2

        async def is_seen(expected: int = number + 2) -> bool:
            return await one.count() == expected

        await soon(is_seen)


async def test_what_another_worker_erases_is_forgotten(one: Observed, other: Observed) -> None:
    """No copy outlives the profile."""
    await one.record(0)
    assert await other.store.erase("v")

    async def is_gone() -> bool:
        return await one.store.read("v", plan=VIEW_PLAN) is None

    await soon(is_gone)
    assert one.store.recall("v", plan=VIEW_PLAN) is None


async def test_what_is_erased_here_is_forgotten_at_once(one: Observed) -> None:
    """Nothing is left to recall either."""
    await one.record(0)
    assert await one.store.erase("v")
    assert await one.store.read("v", plan=VIEW_PLAN) is None
    assert one.store.recall("v", plan=VIEW_PLAN) is None


async def compact(worker: Observed) -> None:
    """Record until the profile is due, and let upkeep finish."""
    for number in range(Retention().tail_lines):
        assert await worker.record(number) == number + 1
    await worker.store.upkeep.drain()
    assert worker.store.upkeep.compacted == 1


async def test_a_copy_outlives_a_compaction_of_its_own(one: Observed, other: Observed) -> None:
    """It is of the new value: reads need no server, and page views as little as before."""
    await compact(one)
    assert await one.count() == 16
    assert one.by_copy == 1
    assert await one.store.read("v", plan=VIEW_PLAN) == await other.store.read("v", plan=VIEW_PLAN)
    assert await one.record(16) == await one.count() == 17

    async def is_seen() -> bool:
        return await other.count() == 17

    await soon(is_seen)


async def test_what_others_add_after_a_compaction_is_seen(one: Observed, other: Observed) -> None:
    """The new value was read on the connection that is told of changes."""
    await compact(one)
    assert await other.record(16) == 17

    async def is_seen() -> bool:
        return await one.count() == 17

    await soon(is_seen)


async def test_what_others_erase_after_a_compaction_is_forgotten(
    one: Observed, other: Observed
) -> None:
    """As any other copy."""
    await compact(one)
    assert await other.store.erase("v")

    async def is_gone() -> bool:
        return await one.store.read("v", plan=VIEW_PLAN) is None

    await soon(is_gone)
    assert one.store.recall("v", plan=VIEW_PLAN) is None


async def view_once(worker: Observed, key_prefix: str) -> Callable[[], Awaitable[None]]:
    """Record one page view; answer how to compact by the copy that it left."""
    assert await worker.record(0) == 1
    keys = (f"{key_prefix}p:{{v}}", f"{key_prefix}quarantine:{{v}}")
    copy = worker.store._near.recall(keys[0])
    assert copy is not None

    async def compact_now() -> None:
        worker.store.upkeep.compact_copy(keys, copy, VIEW_PLAN, NOW_MS)
        await worker.store.upkeep.drain()

    return compact_now


async def test_what_was_erased_before_a_compaction_stays_so(
    one: Observed, other: Observed, key_prefix: str
) -> None:
    """Whoever compacts finds another value there, and leaves it as it is."""
    compact_now = await view_once(one, key_prefix)
    assert await other.store.erase("v")
    await compact_now()
    assert one.store.upkeep.compacted == one.store.upkeep.failed == 0

    async def is_gone() -> bool:
        return await one.store.read("v", plan=VIEW_PLAN) is None

    await soon(is_gone)


async def test_what_others_add_before_a_compaction_stays(
    one: Observed, other: Observed, key_prefix: str
) -> None:
    """The copy does not know of it; the value is folded anew."""
    compact_now = await view_once(one, key_prefix)
    assert await other.record(1) == 2
    await compact_now()
    assert one.store.upkeep.compacted == 1
    assert await one.count() == await other.count() == 2


async def test_a_copy_by_other_rules_is_not_used(one: Observed) -> None:
    """What the new rules ask for is computed from the stored past."""
    await one.record(0)
    profile = await one.store.read("v", plan=plan_of())
    assert profile is not None
    assert profile.plan_id == plan_of().id
    assert one.store.recall("v", plan=VIEW_PLAN) is None


async def test_late_events_count_as_without_a_copy(one: Observed, other: Observed) -> None:
    """Events before what is folded need the stored past."""
    for number in (5, 9, 1, 7, 3):
        await one.record(number)
    found = await one.store.read("v", plan=VIEW_PLAN)
    assert found == await other.store.read("v", plan=VIEW_PLAN)
    assert found is not None
    assert found.metrics[1].recent == tuple(view(n).at_ms for n in (9, 7, 5, 3, 1))


async def test_a_lost_connection_costs_the_copies(
    one: Observed, other: Observed, raw: Redis
) -> None:
    """What changed while nobody could tell is read again."""
    await one.record(0)
    await other.record(0, "w")
    for _ in range(2):
        await one.count()
        await raw.execute_command("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "yes")
        changed = False
        while not changed:
            try:
                expected = await other.record(1)
                changed = True
            except StoreError:
                await asyncio.sleep(0.01)

        async def is_right(expected: int = expected) -> bool:
            try:
                return await one.count() >= expected
            except StoreError:
                await asyncio.sleep(0.01)
                return False

        await soon(is_right)


async def act(worker: Observed, visitor: str, number: int, kind: float) -> None:
    """Record, read, or erase, as ``kind`` between 0 and 1 says."""
    if kind < 0.5:
        await worker.record(number, visitor)
    elif kind < 0.98:
        await worker.count(visitor)
    else:
        await worker.store.erase(visitor)
        await worker.store.admit(visitor)


async def cancelling(calls: Iterable[Coroutine[Any, Any, None]], chance: random.Random) -> None:
    """Run all ``calls`` at once, and cancel some at any moment; none may fail."""
    tasks = []
    for call in calls:
        tasks.append(asyncio.create_task(call))
        if chance.random() < 0.3:
            chance.choice(tasks[-20:]).cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {type(None), asyncio.CancelledError}


async def test_copies_agree_with_the_store_after_any_traffic(
    one: Observed, other: Observed
) -> None:
    """Two workers record, read and erase at random, and callers give up."""
    chance = random.Random(11)
    visitors = [f"v{number}" for number in range(6)]
    await cancelling(
        (
            act(chance.choice((one, other)), chance.choice(visitors), number, chance.random())
            for number in range(3_000)
        ),
        chance,
    )
    await asyncio.gather(one.store.upkeep.drain(), other.store.upkeep.drain())
    for visitor in visitors:

        async def agree(visitor: str = visitor) -> bool:
            return await one.count(visitor) == await other.count(visitor)

        await soon(agree)
        assert await one.count(visitor) >= len(await one.store.history(visitor))


async def test_thousands_of_cancelled_page_views_leave_no_foreign_answer(one: Observed) -> None:
    """Each visitor is told apart by when they came, and only that."""

    async def view_page(number: int) -> None:
        visitor = number % 40
        profile = await one.store.record(
            f"v{visitor}", [view(visitor)], plan=VIEW_PLAN, now_ms=NOW_MS
        )
        assert set(profile.metrics[1].recent) == {view(visitor).at_ms}

    await cancelling((view_page(number) for number in range(4_000)), random.Random(5))


@pytest.mark.needs("redis-server")
async def test_a_server_that_may_not_tell_is_asked_each_time(
    tls_server: TlsServer, key_prefix: str
) -> None:
    """Such as a proxy, or an account without the right: nothing is served from memory."""
    quiet = ["ACL", "SETUSER", "quiet", "on", ">quiet", "~test-*", "+@all", "-client|tracking"]
    with RedisProcess(tls_server.folder) as server:
        server.ask(*quiet)
        url = server.url.replace("//", "//quiet:quiet@")
        same: dict[str, Any] = {"prefix": key_prefix, "limits": PATIENT, "cache_bytes": 10**6}
        same["stale_s"] = 60
        stores = [Observed(await open_redis_store(url, **same)) for _ in range(2)]
        for number in range(20):
            assert await stores[number % 2].record(number) == number + 1
            assert await stores[0].count() == await stores[1].count() == number + 1
        assert stores[0].by_copy == stores[1].by_copy == 0
        await stores[0].store.erase("v")
        assert stores[1].store.recall("v", plan=VIEW_PLAN) is None
        for each in stores:
            await each.store.close()


async def test_a_spoiled_tail_is_found_by_a_copy_too(
    one: Observed, raw: Redis, key_prefix: str
) -> None:
    """The value goes to quarantine as it would without one."""
    assert await one.record(0) == 1
    key, near = f"{key_prefix}p:{{v}}", one.store._near
    copy = near.recall(key)
    assert copy is not None
    await raw.append(key, b"junk\n")
    near.keep(key, near.begin(key), copy)  # as if the news had not come yet
    with pytest.raises(ProfileCorrupt):
        await one.record(1)
    await one.store.upkeep.drain()
    assert one.store.upkeep.quarantined == 1
    assert await one.record(2) == 1


async def test_what_others_add_before_the_news_of_it_counts(
    one: Observed, other: Observed, key_prefix: str
) -> None:
    """A copy is taken for the latest, and is not: the header does not stand where it should."""
    key, near = f"{key_prefix}p:{{v}}", one.store._near
    for number in range(0, 10, 2):
        assert await one.record(number) == number + 1
        copy = near.recall(key)
        assert copy is not None
        assert await other.record(number + 1) == number + 2
        near.keep(key, near.begin(key), copy)  # as if the news had not come yet
    assert await one.record(10) == await one.count() == 11


async def test_what_was_erased_before_the_news_of_it_stays_so(
    one: Observed, other: Observed, key_prefix: str
) -> None:
    """A late page view appends to the tombstone, and brings nothing of the copy back."""
    assert await one.record(0) == 1
    key, near = f"{key_prefix}p:{{v}}", one.store._near
    copy = near.recall(key)
    assert copy is not None
    assert await other.store.erase("v")
    near.keep(key, near.begin(key), copy)  # as if the news had not come yet
    assert await one.record(1) == 1
    await one.store.upkeep.drain()
    assert await one.store.read("v", plan=VIEW_PLAN) is None


def copy_of(size: int) -> Copy:
    """Answer a copy of a value of ``size`` bytes."""
    return Copy(b"E", size, 0, EMPTY_PROFILE, 0)


def test_news_between_reply_and_turn_keep_the_copy_out() -> None:
    """The server's news may be handled before whoever waits for the reply is."""
    cache = NearCache(10**6)
    for news in (lambda: cache.forget([b"k"]), cache.clear):
        begun = cache.begin("k")
        news()
        cache.keep("k", begun, copy_of(100))
        assert cache.find("k") is None


def test_only_the_latest_of_two_page_views_leaves_a_fresh_copy() -> None:
    """The earlier one does not know of the later one's events; it helps the next one to begin."""
    cache = NearCache(10**6)
    earlier, _later = cache.begin("k"), cache.begin("k")
    cache.keep("k", earlier, copy_of(100))
    assert cache.find("k") is None
    latest = cache.begin("k")
    assert latest[0].copy == copy_of(100)
    cache.keep("k", latest, copy_of(200))
    cache.keep("k", earlier, copy_of(100))  # told too late
    found = cache.find("k")
    assert found is not None
    assert found.size == 200


def test_a_page_view_under_way_leaves_the_old_copy_for_recall_only() -> None:
    """It is no longer what the store would say, but better than nothing if that fails."""
    cache = NearCache(10**6)
    cache.keep("k", cache.begin("k"), copy_of(100))
    cache.begin("k")
    assert cache.find("k") is None
    assert cache.recall("k") is not None


def test_copies_are_bounded_by_their_estimated_bytes() -> None:
    """The least recently used go; one that is too large is not kept, and costs no others."""
    cache = NearCache(100_000)
    for number in range(1_000):
        cache.keep(f"k{number}", cache.begin(f"k{number}"), copy_of(1_000))
    kept = [number for number in range(1_000) if cache.find(f"k{number}")]
    assert kept == list(range(1_000 - len(kept), 1_000))
    assert 10 < len(kept) < 20
    cache.keep("large", cache.begin("large"), copy_of(1_000_000))
    assert cache.find("large") is None
    assert cache.find("k999") is not None


def test_no_cache_keeps_nothing() -> None:
    """A bound of 0 switches it off."""
    cache = NearCache(0)
    cache.keep("k", cache.begin("k"), copy_of(1))
    assert cache.recall("k") is None


def test_what_is_remembered_beside_a_copy_counts_as_well() -> None:
    """The bound holds for both together: ten times the rest leaves room for a tenth."""
    cache = NearCache(100_000)
    for number in range(100):
        cache.keep(f"k{number}", cache.begin(f"k{number}"), copy_of(0), memo_bytes=9_000)
    assert sum(cache.find(f"k{number}") is not None for number in range(100)) == 10


def test_a_copy_answers_reads_until_it_was_aged_twice() -> None:
    """The server may forget that it was read; page views, which need no news, still begin by it."""
    cache = NearCache(10**6)
    cache.keep("k", cache.begin("k"), copy_of(100))
    cache.age()
    assert cache.find("k") is not None
    cache.age()
    assert cache.find("k") is None
    ticket, turn = cache.begin("k")
    assert (ticket.copy, ticket.kept) == (copy_of(100), turn - 1)
    cache.keep("k", (ticket, turn), copy_of(200))
    assert cache.find("k") == copy_of(200)


def test_no_age_brings_back_what_is_gone() -> None:
    """Forgotten, pushed out or dropped with the connection: the next read asks the server."""
    ways: list[Callable[[NearCache], object]] = [
        lambda cache: cache.forget([b"k"]),
        lambda cache: cache.clear(),
        lambda cache: [cache.begin(f"k{number}") for number in range(20)],
    ]
    for times in range(2):
        for way in ways:
            cache = NearCache(10_000)
            cache.keep("k", cache.begin("k"), copy_of(0))
            for _ in range(times):
                cache.age()
            way(cache)
            assert cache.find("k") is None


@pytest.mark.needs("redis-server")
async def test_what_the_server_forgot_to_tell_is_seen_all_the_same(
    tls_server: TlsServer, key_prefix: str
) -> None:
    """Of more keys than its table has room for it forgets who has read them, and tells nobody.

    A write that follows from a profile must not rest on such a copy, however young it is.
    """
    few = ("--tracking-table-max-keys", "1")
    with RedisProcess(tls_server.folder, *few) as server:
        same: dict[str, Any] = {"prefix": key_prefix, "limits": PATIENT, "cache_bytes": 10**6}
        one, patient = (Observed(build_redis_store(server.url, **same)) for _ in range(2))
        for each, fresh_s in ((one, 0.05), (patient, 3_600)):
            each.store.fresh_s = fresh_s
            await each.store.open()
            await each.record(0)
            for number in range(20):
                await each.record(0, f"w{number}")
        other = Observed(await open_redis_store(server.url, **same))
        assert await other.record(1) == 3

        async def is_seen() -> bool:
            return await one.count() == 3

        await soon(is_seen)
        profile = await patient.store.read_anew("v", plan=VIEW_PLAN)
        assert profile is not None
        assert profile.totals["page_viewed"].count == 3
        for each in (one, patient, other):
            await each.store.close()
