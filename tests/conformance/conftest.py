"""The stores that the conformance suite runs over."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeAlias

import pytest

from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.profiles.redis_store import RedisStore
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.store import ProfileStore
from tests.conformance.servers import (
    ClusterServers,
    Sentinels,
    TlsServer,
    start_cluster,
    start_sentinels,
)
from tests.conformance.stores import open_redis_store

PATIENT = ConnectionLimits(timeout_s=20, stall_s=30)
"""A busy machine must not fail a test that is not about time."""

DEFAULTS = Retention()

OpenStore: TypeAlias = Callable[..., Awaitable[ProfileStore]]
OpenRedisStore: TypeAlias = Callable[..., Awaitable[RedisStore]]


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    """A server that wants TLS, a certificate, a name and a password, and allows little."""
    with TlsServer(tmp_path_factory.mktemp("tls")) as server:
        yield server


@pytest.fixture(scope="session")
def sentinel_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sentinels]:
    """A master with two replicas and three sentinels, not to be broken."""
    with start_sentinels(tmp_path_factory.mktemp("sentinel")) as servers:
        yield servers


@pytest.fixture(scope="session")
def cluster_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServers]:
    """A cluster of three masters with a replica each, not to be broken."""
    with start_cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


@pytest.fixture(
    params=[
        "memory",
        "embedded",
        *(
            pytest.param(kind, marks=pytest.mark.needs("redis-server"))
            for kind in ("debian", "tls", "sentinel", "cluster")
        ),
    ]
)
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of the store under test, "" for the one in memory."""
    if request.param == "memory":
        return ""
    return request.getfixturevalue(f"{request.param}_server").url


async def _open(url: str, prefix: str, retention: Retention) -> RedisStore:
    return await open_redis_store(
        url,
        prefix=prefix,
        retention=retention,
        limits=PATIENT,
        aside_timeout_s=20,
        cache_bytes=1_000_000,
    )


@pytest.fixture
async def open_store(store_url: str, key_prefix: str) -> AsyncIterator[OpenStore]:
    """Opens the store under test; opened again, it is another worker's view of the same."""
    opened: list[ProfileStore] = []

    async def open_one(retention: Retention = DEFAULTS) -> ProfileStore:
        if store_url:
            opened.append(await _open(store_url, key_prefix, retention))
        else:
            opened.append(opened[0] if opened else MemoryStore(retention=retention))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_store: OpenStore) -> ProfileStore:
    """The store under test with its defaults."""
    return await open_store()


@pytest.fixture
async def open_redis(redis_url: str, key_prefix: str) -> AsyncIterator[OpenRedisStore]:
    """Opens a store over a real server."""
    opened: list[RedisStore] = []

    async def open_one(retention: Retention = DEFAULTS) -> RedisStore:
        opened.append(await _open(redis_url, key_prefix, retention))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()
