"""Merges that stop half-way, and erasures under fire, on real servers."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from edgeseg.clock import DAY_MS
from edgeseg.errors import StoreTimeout, StoreUnavailable
from edgeseg.events.event import ATTRIBUTES_SET, Event
from edgeseg.profiles import codec
from edgeseg.profiles.identity import KNOWN
from edgeseg.profiles.redis_store import RedisStore
from edgeseg.profiles.retention import Retention
from tests.conformance.conftest import OpenRedisStore
from tests.conformance.plans import NOW_MS, VIEW_PLAN, view
from tests.conformance.test_merge import ANN, count, join
from tests.conformance.test_store import record_views


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Redis]:
    """A plain client of the same server."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


async def point_only(raw: Redis, prefix: str, source: str, target: str) -> None:
    """Do the first step of a merge, as a worker that dies before the second."""
    key = f"{prefix}p:{{{source}}}"
    value = bytes(await raw.get(key) or b"")
    pointer = codec.build_pointer(codec.next_generation(random.getrandbits(64)), target)
    body = target.encode() + b"\n" + value
    header = pointer[: codec.MARK_BYTES] + b"%08x\n" % len(body)
    await raw.set(key, header + body, px=10_000_000)


@pytest.mark.parametrize("first", ["read old", "read new", "record", "history", "merge", "erase"])
async def test_whoever_meets_half_a_merge_finishes_it(
    open_redis: OpenRedisStore, raw: Redis, key_prefix: str, first: str
) -> None:
    """Whatever the next call is, nothing is lost and nothing counts twice."""
    earlier = await open_redis()
    await record_views(earlier, "cookie", range(20))
    await record_views(earlier, ANN, range(20, 23))
    await point_only(raw, key_prefix, "cookie", ANN)
    store = await open_redis()  # without copies: news of the pointer may come after a read
    match first:
        case "read old":
            assert await count(store, "cookie") == 23
        case "read new":
            assert await count(store, ANN) == 3  # nobody has acknowledged the merge yet
        case "record":
            profile = await store.record("cookie", [view(30)], plan=VIEW_PLAN, now_ms=NOW_MS)
            assert profile.totals["page_viewed"].count == 24
        case "history":
            assert len(await store.history("cookie")) == 23
        case "merge":
            assert await join(store, ANN, "cookie") == ANN
        case _:
            assert await store.erase("cookie")
            assert await count(store, ANN) == 0
            return
    assert await count(store, "cookie") == (24 if first == "record" else 23)
    pointer = codec.parse_value(bytes(await raw.get(f"{key_prefix}p:{{cookie}}") or b""))
    assert (pointer.points_to, pointer.carried) == (ANN, b"")


async def test_what_a_broken_pointer_carries_is_put_aside(
    open_redis: OpenRedisStore, raw: Redis, key_prefix: str
) -> None:
    """Junk must not spoil the profile that it would join."""
    store = await open_redis()
    await record_views(store, ANN, range(3))
    await raw.set(f"{key_prefix}p:{{cookie}}", b"E2" + b"0" * 24 + b"\nnot an event\n")
    await point_only(raw, key_prefix, "cookie", ANN)
    assert await count(store, "cookie") == 3
    assert await raw.get(f"{key_prefix}quarantine:{{cookie}}")


async def test_a_former_id_lasts_no_longer_than_anything_of_a_visitor(
    open_redis: OpenRedisStore, raw: Redis, key_prefix: str
) -> None:
    """Also where the merge was never finished."""
    store = await open_redis(Retention(retention_ms=10 * DAY_MS, cap_ms=30 * DAY_MS))
    await record_views(store, "cookie", range(2))
    await store._pointers._point_to("cookie", ANN)
    for _ in range(2):
        assert 29 * DAY_MS < await raw.pttl(f"{key_prefix}p:{{cookie}}") <= 30 * DAY_MS
        await join(store, "cookie", ANN)


async def test_late_lines_behind_a_pointer_do_not_pile_up(
    open_redis: OpenRedisStore, raw: Redis, key_prefix: str
) -> None:
    """However long an old id is in use."""
    store = await open_redis()
    await join(store, "cookie", ANN)
    for number in range(200):
        await store.record("cookie", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
        await store.upkeep.drain()
    assert await count(store, ANN) == 200
    assert await raw.strlen(f"{key_prefix}p:{{cookie}}") < 6_000


async def test_a_former_id_that_was_erased_meanwhile_is_not_let_in_again(
    open_redis: OpenRedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever drops one of too many finds a tombstone there by then, and leaves it."""
    one, other = await open_redis(), await open_redis()
    await record_views(one, "cookie", range(2))
    await join(one, "cookie", ANN)
    get = one._pointers._get

    async def answer_late(visitor_id: str) -> codec.StoredProfile | None:
        stored = await get(visitor_id)
        assert await other.erase(ANN)
        return stored

    with monkeypatch.context() as patch:
        patch.setattr(one._pointers, "_get", answer_late)
        await one._pointers.drop(["cookie"])
    await record_views(one, "cookie", range(1))
    assert await one.read("cookie", plan=VIEW_PLAN) is None


async def test_a_tombstone_swallows_what_is_merged_into_it(
    open_redis: OpenRedisStore, raw: Redis, key_prefix: str
) -> None:
    """It would hold a whole profile for as long as it stays."""
    store = await open_redis()
    await store.erase(ANN, away_ms=10**9)
    await record_views(store, "cookie", range(2))
    await join(store, "cookie", ANN)
    for name in ("cookie", ANN):
        assert await raw.strlen(f"{key_prefix}p:{{{name}}}") == codec.HEADER_BYTES


async def test_what_comes_while_a_tombstone_is_cut_is_cut_too(
    open_redis: OpenRedisStore, raw: Redis, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page views may come at once, and nobody need come after them."""
    store = await open_redis()
    cut = store.upkeep._bury.run
    late = iter([view(1), view(2)])

    async def cut_late(*args: Any) -> int:
        done = await cut(*args)
        for event in late:
            await store.record("v", [event], plan=VIEW_PLAN, now_ms=NOW_MS)
        return done

    monkeypatch.setattr(store.upkeep._bury, "run", cut_late)
    await store.erase("v")
    await store.record("v", [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.upkeep.drain()
    assert await raw.strlen(f"{key_prefix}p:{{v}}") == codec.HEADER_BYTES


async def test_a_merge_begun_during_an_erasure_leaves_no_entry(
    open_redis: OpenRedisStore, raw: Redis, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the pointer carries is known by entries that the other profile does not know yet."""
    store = await open_redis()
    await store.record("cookie", [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.index("address", "cookie", plan=VIEW_PLAN, now_ms=NOW_MS)

    async def begin_merge(visitor_id: str) -> str:
        await point_only(raw, key_prefix, visitor_id, ANN)
        return visitor_id

    monkeypatch.setattr(store._pointers, "find", begin_merge)
    assert await store.erase("cookie")
    assert await store.look_up("address") == []


async def test_an_erasure_that_breaks_off_is_finished_by_the_next(
    open_redis: OpenRedisStore, raw: Redis, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The profile may be gone when the answer is late; it alone knew of entries and lists."""
    store = await open_redis()

    async def members() -> AsyncIterator[list[str]]:
        yield ["cookie"]

    await store.lists.put("vips", members(), now_ms=NOW_MS)
    await store.record("cookie", [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.index("address", "cookie", plan=VIEW_PLAN, now_ms=NOW_MS)
    await join(store, "cookie", ANN)
    await store.upkeep.drain()
    put = store._erasure._erase.run_with

    async def put_late(*args: Any, **more: Any) -> Any:
        monkeypatch.undo()
        await put(*args, **more)
        raise StoreTimeout("late")

    monkeypatch.setattr(store._erasure._erase, "run_with", put_late)
    with pytest.raises(StoreTimeout):
        await store.erase(ANN)
    await store.erase(ANN)
    assert await store.look_up("address") == []
    (left,) = await store.lists.all()
    keys = [key async for key in raw.scan_iter(match=f"{key_prefix}list:*")]
    assert (left.name, keys) == ("vips", [])


async def test_an_entry_is_taken_back_where_news_of_the_erasure_are_late(
    open_redis: OpenRedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come over another connection than the entry goes."""
    one, other = await open_redis(), await open_redis()
    await one.record("v", [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    forget, add = one._near.forget, one._index.add

    def forget_own(keys: Sequence[bytes | str]) -> None:
        if isinstance(keys[0], str):
            forget(keys)

    async def add_late(entry: str, visitor_id: str) -> None:
        await other.erase(visitor_id)
        await add(entry, visitor_id)

    monkeypatch.setattr(one._near, "forget", forget_own)
    monkeypatch.setattr(one._index, "add", add_late)
    await one.index("address", "v", plan=VIEW_PLAN, now_ms=NOW_MS)
    assert await one.look_up("address") == []


async def scan(raw: Redis, prefix: str, needles: list[bytes]) -> list[bytes]:
    """Answer the keys under ``prefix`` that hold one of ``needles`` in name or value."""
    found = []
    async for key in raw.scan_iter(match=f"{prefix}*", count=1_000):
        kind = await raw.type(key)
        value = await raw.get(key) if kind == b"string" else b"".join(await raw.smembers(key))
        if any(needle in key or needle in (value or b"") for needle in needles):
            found.append(key)
    return found


NAMES = ("visitor-one", "visitor-two", f"{KNOWN}visitor-three")
SECRETS = [b"visitor-one", b"visitor-two", b"visitor-three", b"secret-city"]


async def work(store: RedisStore, number: int, ended: asyncio.Event) -> None:
    """Record, merge and index one of three visitors in turn, as a worker under load."""
    while not ended.is_set():
        number += 1
        name = NAMES[number % 3]
        city = Event(ATTRIBUTES_SET, NOW_MS + number, {"city": "secret-city"})
        await store.record(name, [view(number), city], plan=VIEW_PLAN, now_ms=NOW_MS)
        with suppress(StoreUnavailable):  # too many merge the same at once
            if number % 7 == 0:
                await join(store, NAMES[0], NAMES[2])
                await join(store, NAMES[1], NAMES[0])
        if number % 5 == 0:
            await store.index("address", name, plan=VIEW_PLAN, now_ms=NOW_MS)


@pytest.mark.parametrize("asked", NAMES)
async def test_after_an_erasure_nothing_of_the_visitor_is_anywhere(
    open_redis: OpenRedisStore, raw: Redis, key_prefix: str, asked: str
) -> None:
    """With events, merges and index entries of four workers in flight; all keys, all values."""
    stores = [await open_redis() for _ in range(4)]
    ended = asyncio.Event()
    tasks = [asyncio.create_task(work(store, n, ended)) for n, store in enumerate(stores)]
    # A copy in the worker answers without waiting: leave the others their turn.
    while await count(stores[0], NAMES[1]) < 60:  # noqa: ASYNC110 - there is no one moment
        await asyncio.sleep(0)
    await join(stores[0], NAMES[0], NAMES[2])
    await join(stores[0], NAMES[1], NAMES[2])
    assert await stores[0].erase(asked)
    for _ in range(50):  # the others go on for a while
        await stores[1].read(NAMES[1], plan=VIEW_PLAN)
        await asyncio.sleep(0)
    ended.set()
    await asyncio.gather(*tasks)
    for store in stores:
        await store.upkeep.drain()
    left = await scan(raw, key_prefix, SECRETS)
    assert set(left) <= {f"{key_prefix}p:{{{name}}}".encode() for name in NAMES}
    for key in left:  # the marks that turn late writes away, with nothing in them
        value = bytes(await raw.get(key) or b"")
        assert codec.parse_value(value).erased
        assert not any(secret in value for secret in SECRETS)
        await raw.delete(key)  # as their time to live does
    assert await scan(raw, key_prefix, SECRETS) == []
