"""Connections that break in every way: a call fails in time, and nobody gets another's profile."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from edgeseg.errors import StoreError
from edgeseg.profiles.address import parse_location
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.redis_store import RedisStore
from tests.conformance.fault_proxy import Fault, FaultProxy
from tests.conformance.stores import open_redis_store
from tests.conformance.traffic import Traffic

LIMITS = ConnectionLimits(timeout_s=0.3, stall_s=0.6, heartbeat_s=0.2)
BACK_WITHIN_S = 2.0
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


@pytest.fixture
async def proxy(embedded_server: EmbeddedServer) -> AsyncIterator[FaultProxy]:
    """A proxy before a real server."""
    async with FaultProxy(parse_location(embedded_server.url).address).running() as running:
        yield running


@pytest.fixture
async def store(proxy: FaultProxy, key_prefix: str) -> AsyncIterator[RedisStore]:
    """A store behind that proxy, with a cache."""
    store = await open_redis_store(
        proxy.url, prefix=key_prefix, limits=LIMITS, cache_bytes=1_000_000, stale_s=30
    )
    yield store
    proxy.fault = Fault.NONE
    await store.close()


async def until_recorded(traffic: Traffic, visitor: str) -> float:
    """Record until that is acknowledged; answer how long it took."""
    started_s = time.monotonic()
    while not await traffic.record(visitor):
        assert time.monotonic() - started_s < 10 * BACK_WITHIN_S
        await asyncio.sleep(0.01)
    return time.monotonic() - started_s


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
async def test_a_broken_connection_fails_what_is_under_way(
    store: RedisStore, proxy: FaultProxy, fault: Fault
) -> None:
    """In time; then the connection is another one, and all that was acknowledged counts."""
    traffic = Traffic(store, [f"v{number}" for number in range(20)])
    for visitor in traffic.visitors:
        assert await until_recorded(traffic, visitor) < BACK_WITHIN_S
    proxy.fault = fault
    started_s = time.monotonic()
    assert not all(await asyncio.gather(*map(traffic.record, traffic.visitors)))
    assert time.monotonic() - started_s < LIMITS.timeout_s + 1
    proxy.fault = Fault.NONE
    assert await until_recorded(traffic, "v0") < BACK_WITHIN_S
    await asyncio.gather(*(until_recorded(traffic, each) for each in traffic.visitors))
    stored = await traffic.stored()
    for visitor in traffic.visitors:
        acknowledged, failed = traffic.acknowledged[visitor], traffic.failed[visitor]
        assert acknowledged <= stored[visitor] <= acknowledged + failed


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
async def test_faults_in_the_middle_of_traffic_mix_nobody_up(
    store: RedisStore, proxy: FaultProxy, fault: Fault
) -> None:
    """Again and again; each answer tells of its own visitor only."""
    traffic = Traffic(store, [f"v{number}" for number in range(30)])
    async with traffic.flowing():
        for _ in range(3):
            await traffic.until_all_are_acknowledged(BACK_WITHIN_S)
            proxy.fault = fault
            before = traffic.failed.total()
            async with asyncio.timeout(BACK_WITHIN_S):
                while traffic.failed.total() == before:  # noqa: ASYNC110 - plain and short
                    await asyncio.sleep(0.005)
            proxy.fault = Fault.NONE
        await traffic.until_all_are_acknowledged(BACK_WITHIN_S)
    stored = await traffic.stored()
    for visitor in traffic.visitors:
        acknowledged, failed = traffic.acknowledged[visitor], traffic.failed[visitor]
        assert acknowledged <= stored[visitor] <= acknowledged + failed


async def test_a_silent_end_of_the_connection_is_noticed_without_traffic(
    store: RedisStore, proxy: FaultProxy
) -> None:
    """So a copy is not taken for fresh long after the server could have told of changes."""
    assert await Traffic(store, ["v"]).record("v")
    key = store._key("v")
    assert store._router.is_current(key)
    proxy.fault = Fault.BLACK_HOLE
    started_s = time.monotonic()
    while store._router.is_current(key):
        assert time.monotonic() - started_s < BACK_WITHIN_S
        await asyncio.sleep(0.01)
    with pytest.raises(StoreError):
        await store.ping()


async def test_a_server_that_hangs_up_at_once_is_not_stormed(
    store: RedisStore, proxy: FaultProxy
) -> None:
    """Connections that do not last are tried ever more slowly."""
    traffic = Traffic(store, [f"v{number}" for number in range(5)])
    await traffic.record("v0")
    await asyncio.sleep(0)
    proxy.fault = Fault.TRUNCATED
    connected = proxy.connections
    started_s = time.monotonic()
    while time.monotonic() - started_s < 1.5:
        await traffic.record("v0")
        await asyncio.sleep(0.005)
    assert proxy.connections - connected < 20
