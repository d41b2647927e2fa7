"""Servers that take no writes for a while: what is known is still told, and nothing pretended."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeseg.errors import WriteRefused
from edgeseg.profiles.recollection import Trust, recollect
from edgeseg.profiles.redis_store import RedisStore
from tests.conformance.conftest import PATIENT
from tests.conformance.plans import NOW_MS, VIEW_PLAN, view
from tests.conformance.servers import RedisProcess, find_free_port, wait_until
from tests.conformance.stores import open_redis_store

pytestmark = pytest.mark.needs("redis-server")

Change = Callable[[RedisProcess], None]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server of the test's own."""
    with RedisProcess(tmp_path) as running:
        yield running


def fill_memory(server: RedisProcess) -> None:
    """Let the server have less memory than it uses."""
    server.ask("CONFIG", "SET", "maxmemory", "1")
    server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")


def empty_memory(server: RedisProcess) -> None:
    """Let it have what it needs."""
    server.ask("CONFIG", "SET", "maxmemory", "0")


def break_disk(server: RedisProcess) -> None:
    """Let snapshots fail, as on a full disk; the server then refuses writes."""
    server.ask("CONFIG", "SET", "save", "3600 1")
    server.ask("SET", "test-change", "x")
    shutil.rmtree(server.folder)
    server.ask("BGSAVE")
    with server.client() as client:
        wait_until(
            lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "it fails"
        )


def mend_disk(server: RedisProcess) -> None:
    """Stop taking snapshots."""
    server.ask("CONFIG", "SET", "save", "")


def demote(server: RedisProcess) -> None:
    """Make it a replica of a server that is not there."""
    server.ask("REPLICAOF", "127.0.0.1", find_free_port())


def promote(server: RedisProcess) -> None:
    """Make it a master again."""
    server.ask("REPLICAOF", "NO", "ONE")


async def view_page(store: RedisStore, number: int) -> tuple[int, Trust]:
    """Answer how many page views are counted, and how far to trust that."""
    profile, trust = await recollect(store, "v", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert profile is not None
    return profile.totals["page_viewed"].count, trust


@pytest.mark.parametrize("cache_bytes", [0, 1_000_000])
@pytest.mark.parametrize(
    ("refuse", "accept", "code"),
    [
        (fill_memory, empty_memory, "OOM"),
        (break_disk, mend_disk, "MISCONF"),
        (demote, promote, "READONLY"),
    ],
)
async def test_reading_goes_on_where_writing_does_not(
    server: RedisProcess,
    key_prefix: str,
    refuse: Change,
    accept: Change,
    code: str,
    cache_bytes: int,
) -> None:
    """The page view counts in its own answer, is not stored, and the next ones are again."""
    store = await open_redis_store(
        server.url, prefix=key_prefix, limits=PATIENT, cache_bytes=cache_bytes
    )
    assert await view_page(store, 0) == (1, Trust.FULL)
    assert await view_page(store, 1) == (2, Trust.FULL)
    refuse(server)
    for number in range(2, 5):
        assert await view_page(store, number) == (3, Trust.UNSAVED)
    with pytest.raises(WriteRefused, match=code):
        await store.record("new", [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    with pytest.raises(WriteRefused, match=code):
        await store.erase("v")
    assert await store.read("new", plan=VIEW_PLAN) is None
    accept(server)
    assert await view_page(store, 5) == (3, Trust.FULL)
    assert [event.properties["number"] for event in await store.history("v")] == [0, 1, 5]
    await store.close()


async def test_a_store_that_is_gone_is_recalled_for_a_while(
    server: RedisProcess, key_prefix: str
) -> None:
    """Each page view counts in its own answer; nobody is recalled who was not seen here."""
    open_store: dict[str, Any] = {"prefix": key_prefix, "limits": PATIENT, "cache_bytes": 1_000_000}
    store = await open_redis_store(server.url, **open_store, stale_s=60)
    strict = await open_redis_store(server.url, **open_store, stale_s=0)
    for each in (store, strict):
        await recollect(each, "v", [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    count, trust = await view_page(store, 1)
    assert (count, trust) == (3, Trust.FULL)
    server.kill()
    while (await view_page(store, 2))[1] is Trust.FULL:
        pass
    for _ in range(3):
        assert await view_page(store, 2) == (4, Trust.STALE)
    _known, trust = await recollect(store, "v", [], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert trust is Trust.STALE
    for each, visitor in ((store, "w"), (strict, "v")):
        unknown = await recollect(each, visitor, [view(3)], plan=VIEW_PLAN, now_ms=NOW_MS)
        assert unknown == (None, Trust.NONE)
    server.start()
    async with asyncio.timeout(20):
        while (await view_page(store, 4))[1] is Trust.STALE:  # noqa: ASYNC110 - it asks
            await asyncio.sleep(0.01)
    assert await view_page(store, 5) == (2, Trust.FULL)  # it kept nothing on disk
    await store.close()
    await strict.close()
