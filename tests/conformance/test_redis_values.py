"""What is special to profiles in Redis: the stored values, their expiry and their faults."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from edgeseg.clock import DAY_MS, HOUR_MS
from edgeseg.errors import InputError, ProfileCorrupt, ProfileTooNew, StoreError
from edgeseg.events.event import Event
from edgeseg.profiles import codec
from edgeseg.profiles.compaction import read_profile
from edgeseg.profiles.connection import Command, Reply
from edgeseg.profiles.fold import fold
from edgeseg.profiles.past import Past
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.profiles.redis_store import RedisStore
from edgeseg.profiles.retention import Retention
from tests.conformance.conftest import OpenRedisStore
from tests.conformance.plans import NOW_MS, VIEW_PLAN, VIEWS, plan_of, view

SHORT = Retention(retention_ms=10 * DAY_MS, cap_ms=30 * DAY_MS, tail_lines=4)


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Redis]:
    """A plain client, to look at the stored values and to spoil them."""
    client = Redis.from_url(redis_url, socket_timeout=20, protocol=2)
    yield client
    await client.aclose()


@pytest.fixture
def key(key_prefix: str) -> str:
    """The key of the visitor "v"."""
    return f"{key_prefix}p:{{v}}"


@pytest.fixture
def quarantine(key_prefix: str) -> str:
    """Where a corrupt value of the visitor "v" goes."""
    return f"{key_prefix}quarantine:{{v}}"


async def record(store: RedisStore, number: int, now_ms: int = NOW_MS) -> int:
    """Record one page view, let upkeep finish and answer how many are counted."""
    profile = await store.record("v", [view(number)], plan=VIEW_PLAN, now_ms=now_ms)
    await store.upkeep.drain()
    return profile.totals["page_viewed"].count


@pytest.mark.parametrize(
    ("processes", "rounds"), [(4, 20), pytest.param(8, 1_000, marks=pytest.mark.long)]
)
async def test_events_from_several_processes_count_exactly(
    redis_url: str, key_prefix: str, open_redis: OpenRedisStore, processes: int, rounds: int
) -> None:
    """In each round processes record five events each of one visitor: each of them counts."""
    events = 5
    command = [sys.executable, "-m", "tests.conformance.contender", redis_url, key_prefix]
    sizes = [str(processes), str(rounds), str(events)]
    starts = (
        asyncio.create_subprocess_exec(*command, str(own), *sizes) for own in range(processes)
    )
    workers = await asyncio.gather(*starts)
    assert await asyncio.gather(*(worker.wait() for worker in workers)) == [0] * processes
    store = await open_redis()
    expected = processes * events
    for turn in range(rounds):
        profile = await store.read(f"v{turn}", plan=VIEW_PLAN)
        assert profile is not None
        assert profile.totals["page_viewed"].count == expected
        assert profile.metrics[VIEWS.key].total == sum(range(expected))
        latest = tuple(view(n).at_ms for n in range(expected - 1, expected - 6, -1))
        assert profile.metrics[VIEWS.key].recent == latest


async def test_a_new_profile_expires(open_redis: OpenRedisStore, raw: Redis, key: str) -> None:
    """The first write sets the retention as time to live."""
    await record(await open_redis(SHORT), 0)
    assert 9 * DAY_MS < await raw.pttl(key) <= 10 * DAY_MS


async def test_compaction_pushes_the_expiry_forward(
    open_redis: OpenRedisStore, raw: Redis, key: str
) -> None:
    """The retention slides with activity, up to the cap since the first write."""
    store = await open_redis(SHORT)
    for number in range(4):
        await raw.pexpire(key, HOUR_MS)
        await record(store, number, NOW_MS + 5 * DAY_MS * (number == 3))
    assert store.upkeep.compacted == 1
    assert 9 * DAY_MS < await raw.pttl(key) <= 10 * DAY_MS
    await record(store, 5, NOW_MS + 27 * DAY_MS)
    assert 0 < await raw.pttl(key) <= 3 * DAY_MS


async def test_an_active_day_refreshes_the_expiry(
    open_redis: OpenRedisStore, raw: Redis, key: str
) -> None:
    """A view more than a day after the last refresh is enough."""
    store = await open_redis(SHORT)
    await record(store, 0)
    await raw.pexpire(key, HOUR_MS)
    await record(store, 1, NOW_MS + DAY_MS)
    assert await raw.pttl(key) <= HOUR_MS
    await record(store, 2, NOW_MS + DAY_MS + 1)
    assert await raw.pttl(key) > 9 * DAY_MS


async def test_imported_history_does_not_shorten_the_cap(
    open_redis: OpenRedisStore, raw: Redis, key: str
) -> None:
    """The cap counts from when the profile was first stored, not from its oldest event."""
    store = await open_redis(SHORT)
    old = [Event("page_viewed", NOW_MS - 900 * DAY_MS, {"number": n}) for n in range(6)]
    profile = await store.record("v", old, plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.upkeep.drain()
    assert profile.created_ms == NOW_MS - 900 * DAY_MS
    assert store.upkeep.compacted == 1
    assert await raw.pttl(key) > 9 * DAY_MS


@pytest.mark.parametrize(
    "junk",
    [
        b"junk",
        b"{}",
        b"E",
        b"E0" + b"0" * 24 + b"\n",
        b"E2zzzz",
        b"E1" + b"0" * 24 + b"\n{}\n",
        b"E1" + b"0" * 22 + b"05\nabcde",
        b"E2" + b"0" * 22 + b"ff\nabcde",
        b"[junk\n",
        b"\x00" * 50,
    ],
)
async def test_a_corrupt_value_is_moved_aside(
    open_redis: OpenRedisStore, raw: Redis, key: str, quarantine: str, junk: bytes
) -> None:
    """The call fails, the next one starts anew, and the junk is kept for a week."""
    store = await open_redis()
    await raw.set(key, junk)
    with pytest.raises(ProfileCorrupt):
        await store.record("v", [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.upkeep.drain()
    assert store.upkeep.quarantined == 1
    assert (await raw.get(quarantine)).startswith(junk)
    assert 6 * DAY_MS < await raw.pttl(quarantine) <= 7 * DAY_MS
    assert await record(store, 1) == 1
    assert await store.erase("v")
    assert not await raw.exists(quarantine)


async def test_a_profile_whose_past_is_damaged_is_moved_aside(
    open_redis: OpenRedisStore, raw: Redis, key: str, quarantine: str
) -> None:
    """Nothing reads the past before a compaction; without this the tail would grow for ever."""
    store = await open_redis(Retention(tail_lines=2))
    profile = fold(EMPTY_PROFILE, [view(0)], VIEW_PLAN)
    past = Past(events=(view(0),))
    instants = {"refreshed_ms": NOW_MS, "kept_since_ms": NOW_MS}
    value = codec.encode_value(profile, past, codec.next_generation(1), **instants)
    await raw.set(key, value[:-26] + b"\xff" * 8 + value[-18:])  # behind it: two instants
    assert [await record(store, number) for number in (1, 2, 3)] == [2, 3, 1]
    assert store.upkeep.quarantined == 1
    assert codec.parse_value(await raw.get(quarantine)).tail_count == 2


async def test_a_key_of_another_type_is_moved_aside(
    open_redis: OpenRedisStore, raw: Redis, key: str, quarantine: str
) -> None:
    """Reading finds it, too."""
    store = await open_redis()
    await raw.rpush(key, "x")
    with pytest.raises(ProfileCorrupt):
        await store.read("v", plan=VIEW_PLAN)
    await store.upkeep.drain()
    assert await raw.type(quarantine) == b"list"
    await raw.rpush(key, "x")
    assert await store.erase("v")
    assert await store.read("v", plan=VIEW_PLAN) is None
    await store.admit("v")
    await raw.rpush(key, "x")
    assert await store.erase("v")  # with nothing put aside


async def test_only_the_corrupt_value_is_moved(
    open_redis: OpenRedisStore, raw: Redis, key: str, quarantine: str
) -> None:
    """A profile that took its place meanwhile stays."""
    store = await open_redis()
    await record(store, 0)
    store.upkeep.quarantine(key, quarantine, b"junk")
    await store.upkeep.drain()
    assert store.upkeep.quarantined == 0
    assert await record(store, 1) == 2


async def test_a_newer_profile_is_only_appended_to(
    open_redis: OpenRedisStore, raw: Redis, key: str, quarantine: str
) -> None:
    """A rolling deploy loses no event and nothing is moved or folded."""
    store = await open_redis()
    newer = b"E9-something-we-cannot-know\n"
    await raw.set(key, newer)
    for number in range(20):
        with pytest.raises(ProfileTooNew):
            await store.record("v", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.upkeep.drain()
    tail = codec.encode_lines([view(number) for number in range(20)])
    assert await raw.get(key) == newer + tail
    assert not await raw.exists(quarantine)


async def test_lines_without_a_header_are_mended(
    open_redis: OpenRedisStore, raw: Redis, key: str
) -> None:
    """A key that vanished while it was appended to gets a header and an expiry."""
    store = await open_redis(SHORT)
    await raw.set(key, codec.encode_lines([view(0)]))
    assert await record(store, 1) == 2
    assert await raw.pttl(key) > 9 * DAY_MS
    assert await record(store, 2) == 3
    store.upkeep.mend(key, NOW_MS)  # as a worker that read them before
    await store.upkeep.drain()
    stored = codec.parse_value(await raw.get(key))
    assert codec.decode_lines(stored.tail) == [view(number) for number in range(3)]


async def test_nothing_stays_behind_a_tombstone(
    open_redis: OpenRedisStore, raw: Redis, key: str
) -> None:
    """Late events are cut off, the grace time runs on and then the id is free again."""
    store = await open_redis(Retention(grace_ms=HOUR_MS))
    await record(store, 0)
    await store.erase("v")
    await raw.pexpire(key, HOUR_MS // 2)
    assert await record(store, 1) == 1
    assert len(await raw.get(key)) == codec.HEADER_BYTES
    assert 0 < await raw.pttl(key) <= HOUR_MS // 2
    await raw.delete(key)  # as its expiry does
    assert await record(store, 2) == 1
    assert await record(store, 3) == 2


async def test_an_absence_lasts_as_long_as_was_asked(
    open_redis: OpenRedisStore, raw: Redis, key: str
) -> None:
    """The time of grace where nobody says; asking again can make it longer."""
    store = await open_redis(Retention(grace_ms=HOUR_MS))
    await record(store, 0)
    await store.erase("v")
    assert 0 < await raw.pttl(key) <= HOUR_MS
    for away_ms in (DAY_MS, 0):
        await store.erase("v", away_ms=away_ms)
        assert HOUR_MS < await raw.pttl(key) <= DAY_MS


async def test_a_late_burial_leaves_a_profile_that_began_since(
    open_redis: OpenRedisStore, raw: Redis, key: str
) -> None:
    """Whoever read the tombstone may be slow, and the visitor let in again meanwhile."""
    store = await open_redis()
    await store.erase("v")
    tombstone = await raw.get(key)
    await store.admit("v")
    await record(store, 0)
    store.upkeep.bury(key, tombstone)
    await store.upkeep.drain()
    assert await record(store, 1) == 2


async def test_of_two_who_let_a_visitor_in_again_the_later_removes_nothing(
    open_redis: OpenRedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was recorded since the first one let them in stays."""
    one, other = await open_redis(), await open_redis()
    await one.erase("v")
    execute = one._values.execute

    async def answer_late(visitor_id: str, *commands: Command) -> list[Reply]:
        replies = await execute(visitor_id, *commands)
        if commands[0][0] == "GET":
            await other.admit(visitor_id)
            assert await record(other, 1) == 1
        return replies

    with monkeypatch.context() as patch:
        patch.setattr(one._values, "execute", answer_late)
        await one.admit("v")
    assert await record(one, 2) == 2


async def test_a_late_compaction_keeps_newer_events(
    open_redis: OpenRedisStore, raw: Redis, key: str
) -> None:
    """What was appended after the compaction read the value stays behind it."""
    store = await open_redis()
    for number in range(3):
        await record(store, number)
    seen = codec.parse_value(await raw.get(key))
    reading = read_profile(seen, VIEW_PLAN)
    await record(store, 3)
    store.upkeep.compact((key, ""), seen, reading, VIEW_PLAN, NOW_MS)
    await store.upkeep.drain()
    left = codec.parse_value(await raw.get(key))
    assert codec.decode_lines(left.tail) == [view(3)]
    store.upkeep.compact((key, ""), seen, reading, VIEW_PLAN, NOW_MS)
    await store.upkeep.drain()
    assert store.upkeep.compacted == 1
    assert await record(store, 4) == 5


async def test_an_event_that_could_not_be_read_back_is_refused(
    open_redis: OpenRedisStore, raw: Redis, key: str
) -> None:
    """One bad value must not cost the visitor's profile."""
    store = await open_redis()
    bad = Event("paid", NOW_MS, {"amount": float("nan")})
    with pytest.raises(InputError, match="cannot be stored"):
        await store.record("v", [bad], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert not await raw.exists(key)


async def test_a_server_that_refuses_writes_says_why(
    open_redis: OpenRedisStore, raw: Redis
) -> None:
    """The server's text is kept, and reads go on."""
    store = await open_redis()
    await record(store, 0)
    await raw.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(StoreError, match="OOM"):
            await store.record("v", [view(1)], plan=VIEW_PLAN, now_ms=NOW_MS)
        profile = await store.read("v", plan=VIEW_PLAN)
    finally:
        await raw.config_set("maxmemory", "0")
    assert profile is not None
    assert profile.metrics[VIEWS.key].count == 1


async def test_a_typical_profile_is_small(open_redis: OpenRedisStore, raw: Redis, key: str) -> None:
    """Compacted, with 16 events in its journal, it takes less than 1.5 KB."""
    store = await open_redis()
    for number in range(16):
        await record(store, number)
    assert await raw.memory_usage(key) < 1536


async def test_upkeep_counts_what_it_did(open_redis: OpenRedisStore) -> None:
    """Also when many compactions run at once."""
    store = await open_redis(SHORT)
    for number in range(4):
        await asyncio.gather(
            *(
                store.record(f"v{n}", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
                for n in range(50)
            )
        )
    await store.upkeep.drain()
    assert (store.upkeep.compacted, store.upkeep.failed) == (50, 0)


async def test_a_profile_of_other_rules_is_soon_compacted(open_redis: OpenRedisStore) -> None:
    """So that catching up costs one request and not the next ones, too; a late event does not."""
    store = await open_redis(Retention(tail_lines=5))
    for number in range(3, 8):
        await record(store, number)
    await store.upkeep.drain()
    assert store.upkeep.compacted == 1
    for number, plan in ((8, VIEW_PLAN), (2, VIEW_PLAN), (9, VIEW_PLAN), (10, plan_of())):
        await store.record("v", [view(number)], plan=plan, now_ms=NOW_MS)
        await store.upkeep.drain()
    assert store.upkeep.compacted == 2
