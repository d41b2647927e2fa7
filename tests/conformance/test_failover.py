"""Masters that die or give way, and slots that move, in the middle of traffic.

Redis replicates behind the answer: what a master acknowledged and did not send on
before it died is lost, and edgeseg promises no more than that. Everything else counts.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import count, islice
from pathlib import Path

import pytest
from redis.crc import key_slot

from edgeseg.errors import StoreUnavailable
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.redis_store import RedisStore
from tests.conformance.servers import (
    HOST,
    SERVICE,
    ClusterServers,
    RedisProcess,
    Sentinels,
    start_cluster,
    start_sentinels,
    wait_until,
)
from tests.conformance.stores import open_redis_store
from tests.conformance.traffic import Traffic

pytestmark = pytest.mark.needs("redis-server")

HASTY = ConnectionLimits(timeout_s=0.5, stall_s=1.0)
BACK_WITHIN_S = 20.0
"""Mostly the servers' own time to agree on a new master, on a busy machine."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServers]:
    """A cluster to be broken, whole again after each test."""
    with start_cluster(tmp_path_factory.mktemp("shaky"), node_timeout_ms=1_000) as servers:
        yield servers


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    """A master, its replicas and sentinels, to be broken."""
    with start_sentinels(tmp_path) as servers:
        yield servers


@asynccontextmanager
async def hasty_store(url: str, prefix: str) -> AsyncIterator[RedisStore]:
    """Open a store that gives up as soon as a page view would."""
    store = await open_redis_store(
        url, prefix=prefix, limits=HASTY, aside_timeout_s=2, cache_bytes=1_000_000
    )
    yield store
    await store.close()


def visitors_in(first: int, last: int) -> Iterator[str]:
    """Answer ids of visitors whose slot is between ``first`` and ``last``."""
    return (
        visitor
        for visitor in (f"v{number}" for number in count())
        if first <= key_slot(visitor.encode()) <= last
    )


async def until_walked(store: RedisStore, visitors: set[str]) -> None:
    """Wait until a walk over all masters names ``visitors``."""
    async with asyncio.timeout(BACK_WITHIN_S):
        while True:
            with suppress(StoreUnavailable):
                assert {each async for each in store.visitor_ids()} == visitors
                return
            await asyncio.sleep(0.05)


async def in_thread(look: object, what: str) -> None:
    """Wait for the servers without holding up the traffic."""
    await asyncio.to_thread(wait_until, look, what)


def has_all(master: RedisProcess, replica: RedisProcess) -> bool:
    """Tell whether the replica has everything that the master acknowledged."""
    with master.client() as one, replica.client() as other:
        sent = one.info("replication")["master_repl_offset"]
        return other.info("replication")["slave_repl_offset"] >= sent


async def test_sentinels_choose_another_master(sentinels: Sentinels, key_prefix: str) -> None:
    """Page views fail fast while there is none, and then all that was replicated counts."""
    async with hasty_store(sentinels.url, key_prefix) as store:
        traffic = Traffic(store, [f"v{number}" for number in range(10)])
        async with traffic.flowing():
            await traffic.until_all_are_acknowledged()
        master = sentinels.master()
        replicas = [each for each in sentinels.servers if each is not master]
        await in_thread(lambda: all(has_all(master, each) for each in replicas), "in step")
        before = traffic.acknowledged.copy()
        async with traffic.flowing():
            master.kill()
            assert await traffic.until_all_are_acknowledged() < BACK_WITHIN_S
        between = traffic.acknowledged.copy()
        async with traffic.flowing():
            await traffic.until_all_are_acknowledged()
        stored = await traffic.stored()
        for visitor in traffic.visitors:
            after = traffic.acknowledged[visitor] - between[visitor]
            sent = traffic.acknowledged[visitor] + traffic.failed[visitor]
            assert before[visitor] + after <= stored[visitor] <= sent


async def test_a_master_that_gives_way_is_left(sentinels: Sentinels, key_prefix: str) -> None:
    """A planned failover: the old master takes writes for seconds more, and gets none of ours."""
    async with hasty_store(sentinels.url, key_prefix) as store:
        traffic = Traffic(store, ["v1", "v2"])
        async with traffic.flowing():
            await traffic.until_all_are_acknowledged()
            old = sentinels.master()
            port = int(sentinels.url.split(":")[2].split(",")[0])
            with RedisProcess.client_of(port) as sentinel:
                sentinel.execute_command("SENTINEL", "FAILOVER", SERVICE)
            await in_thread(lambda: sentinels.master() is not old, "another master")
            new, key = sentinels.master(), f"{key_prefix}p:{{v1}}"
            length = new.ask("STRLEN", key)  # the old one does not send it any more
            await in_thread(lambda: new.ask("STRLEN", key) > length, "it gets the page views")


async def test_a_replica_takes_over_its_part_of_a_cluster(
    cluster: ClusterServers, key_prefix: str
) -> None:
    """Nothing acknowledged is lost."""
    master = cluster.owner_of(0)
    others = [*islice(visitors_in(5_462, 16_383), 6)]
    hit = [*islice(visitors_in(0, 5_000), 4)]
    async with hasty_store(cluster.url, key_prefix) as store:
        traffic = Traffic(store, [*others, *hit])
        async with traffic.flowing():
            await traffic.until_all_are_acknowledged()
        await in_thread(lambda: cluster.replicates(master), "in step")
        before = traffic.acknowledged.copy()
        async with traffic.flowing():
            master.kill()
            assert await traffic.until_all_are_acknowledged() < BACK_WITHIN_S
        assert cluster.owner_of(0) is not master
        between = traffic.acknowledged.copy()
        async with traffic.flowing():
            await traffic.until_all_are_acknowledged()
        stored = await traffic.stored()
        for visitor in hit:
            after = traffic.acknowledged[visitor] - between[visitor]
            assert stored[visitor] >= before[visitor] + after
            assert stored[visitor] <= traffic.acknowledged[visitor] + traffic.failed[visitor]
        assert all(stored[each] >= traffic.acknowledged[each] for each in others)
        await until_walked(store, set(traffic.visitors))
    master.start()
    await in_thread(lambda: cluster.replicates(cluster.owner_of(0)), "the cluster is whole")


async def test_slots_move_while_visitors_are_on_them(
    cluster: ClusterServers, key_prefix: str
) -> None:
    """Key by key, there and back, with page views in between: nothing is lost or counted twice."""
    slot = key_slot(b"v7")
    source = cluster.owner_of(slot)
    target = cluster.owner_of((slot + 8_192) % 16_384)
    async with hasty_store(cluster.url, key_prefix) as store:
        traffic = Traffic(store, [*islice(visitors_in(slot, slot), 6), "elsewhere"])
        async with traffic.flowing():
            await traffic.until_all_are_acknowledged()
            for one, other in ((source, target), (target, source)):
                await asyncio.to_thread(cluster.begin_move, slot, one, other)
                for key in await asyncio.to_thread(cluster.keys_in, slot, one):
                    await asyncio.to_thread(cluster.move_key, key, one, other)
                    await traffic.until_all_are_acknowledged()
                await asyncio.to_thread(cluster.end_move, slot, one, other)
                await traffic.until_all_are_acknowledged()
        assert not traffic.failed
        assert await traffic.stored() == traffic.acknowledged
        assert {each async for each in store.visitor_ids()} == set(traffic.visitors)


async def test_a_cluster_is_found_through_any_of_its_nodes(
    cluster: ClusterServers, key_prefix: str
) -> None:
    """A replica, and a seed that is gone, do."""
    nobody = f"{HOST}:1"
    replica = next(n for n in cluster.nodes if n.client().info("replication")["role"] == "slave")
    url = f"redis+cluster://{nobody},{HOST}:{replica.port}"
    async with hasty_store(url, key_prefix) as store:
        assert await Traffic(store, ["v"]).record("v")
        await store.ping()
