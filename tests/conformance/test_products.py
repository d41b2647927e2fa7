"""Counts of products and the catalogue, over every store."""

import asyncio
import zlib

import pytest
from redis.asyncio import Redis

from edgeseg.profiles import redis_products
from edgeseg.profiles.product_store import BOUGHT_WITH, POPULAR, VIEWED_WITH, VIEWS, Count, Kind
from edgeseg.profiles.store import ProfileStore
from tests.conformance.conftest import OpenRedisStore, OpenStore


async def test_counts_add_up_and_come_heaviest_first(store: ProfileStore) -> None:
    """Each set on its own; equals in the same order in every store."""
    products = store.products
    await products.add({Count(POPULAR, "", "a"): 1.5, Count(POPULAR, "", "b"): 1.0})
    await products.add({Count(POPULAR, "", "b"): 2.25, Count(POPULAR, "vip", "ů{c}:"): 1e300})
    await products.add({Count(VIEWED_WITH, "a", "x"): 1.0, Count(VIEWED_WITH, "a", "y"): 1.0})
    found = await products.top(POPULAR, ["", "vip", "none"], 10)
    assert found == [{"b": 3.25, "a": 1.5}, {"ů{c}:": 1e300}, {}]
    assert list(found[0]) == ["b", "a"]
    assert list((await products.top(VIEWED_WITH, ["a"], 10))[0]) == ["y", "x"]
    assert await products.top(POPULAR, [""], 1) == [{"b": 3.25}]
    assert await products.top(POPULAR, [], 1) == []


async def test_weights_are_answered_by_name(store: ProfileStore) -> None:
    """What is not there weighs nothing."""
    await store.products.add({Count(VIEWS, "", "a"): 0.5})
    assert await store.products.weights(VIEWS, ["b", "a"]) == [0.0, 0.5]
    assert await store.products.weights(VIEWS, []) == []
    await store.products.add({})


async def test_the_lightest_make_place(store: ProfileStore) -> None:
    """A set holds no more than its kind keeps."""
    kind = Kind("few", 1_000_000, 3)
    weights = {Count(kind, "", f"p{number}"): float(number) for number in range(1, 8)}
    await store.products.add(weights)
    assert list((await store.products.top(kind, [""], 10))[0]) == ["p7", "p6", "p5"]


async def test_all_workers_count_into_the_same_sets(open_store: OpenStore) -> None:
    """However they write at once, nothing is lost."""
    stores = [await open_store() for _ in range(3)]
    more = {Count(BOUGHT_WITH, "a", "b"): 1.0, Count(VIEWS, "", "a"): 2.0}
    await asyncio.gather(*(store.products.add(more) for store in stores for _ in range(20)))
    assert await stores[0].products.top(BOUGHT_WITH, ["a"], 5) == [{"b": 60.0}]
    assert await stores[1].products.weights(VIEWS, ["a"]) == [120.0]


async def test_a_catalogue_is_kept_whole_with_its_version(open_store: OpenStore) -> None:
    """Another worker sees that it is a newer one before it reads it."""
    one, other = (await open_store()).products, (await open_store()).products
    assert await other.catalogue_version() == ""
    assert await other.get_catalogue() == ("", b"")
    packed = zlib.compress(bytes(range(256)) * 10)
    await one.put_catalogue("v1", b"old")
    await one.put_catalogue("v2", packed)
    assert await other.catalogue_version() == "v2"
    assert await other.get_catalogue() == ("v2", packed)


async def test_sets_expire_when_nothing_is_added(
    open_redis: OpenRedisStore, redis_url: str, key_prefix: str
) -> None:
    """Products that are gone leave nothing behind for ever, and the catalogue stays."""
    products = (await open_redis()).products
    await products.add({Count(POPULAR, "", "a"): 1.0})
    await products.put_catalogue("v", b"x")
    raw = Redis.from_url(redis_url)
    left_ms = await raw.pttl(f"{key_prefix}{{products}}:popular:")
    whole_ms = redis_products._HALF_LIVES_KEPT * POPULAR.half_life_ms
    assert left_ms == pytest.approx(whole_ms, rel=0.01)
    assert await raw.pttl(f"{key_prefix}{{products}}:catalogue") == -1
    await raw.aclose()
