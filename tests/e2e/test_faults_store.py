"""A store that refuses, fills up, loads or holds junk: page views go on, nothing is lost."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import redis

from edgeseg.profiles.embedded import EmbeddedServer
from tests.conformance.servers import RedisProcess, wait_until
from tests.e2e.conftest import StartService
from tests.e2e.service import SERVER_KEY, Service, wait_for
from tests.e2e.views import ACCOUNT, GRANTED, HOME, PROSPECTS, view_page

BUDGET_MS = 400
BACK_WITHIN_S = 2.0
SLOW_TO_LOAD = ("--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024")
KEY = {"Authorization": f"Bearer {SERVER_KEY}"}


def _is_whole(client: httpx.Client) -> bool:
    return view_page(client).json()["degraded"] is False


# --- A full disk ---------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", folder],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a file system: run as root to fill a disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def store_on_disk(small_disk: Path) -> Iterator[EmbeddedServer]:
    """A store server, with its append-only file, on that file system."""
    with EmbeddedServer(small_disk / "store") as server:
        yield server


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4_096)


def test_a_full_disk_is_still_read_from(
    new_service: StartService, small_disk: Path, store_on_disk: EmbeddedServer
) -> None:
    """What happens is not stored and counted; with room again everything is as before."""
    service = new_service(redis_url=store_on_disk.url, budget_ms=BUDGET_MS, cache_mb=0).start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        assert PROSPECTS in view_page(client, ACCOUNT, consent=GRANTED).json()["segments"]
        ballast = small_disk / "ballast"
        with pytest.raises(OSError, match="No space"):
            _fill(ballast)

        def is_refused() -> bool:
            answer = view_page(client)
            assert answer.status_code == 200
            return bool(answer.json()["degraded"])

        wait_for(is_refused, 10, "the disk is noticed to be full")
        answer = view_page(client, slots=["home-hero"]).json()
        assert answer["degraded"] is True
        assert PROSPECTS in answer["segments"]  # what is stored can be read
        assert service.count("edgeseg_unsaved_events_total") >= 2
        ballast.unlink()
        wait_for(lambda: _is_whole(client), 10, "there is room again")
        assert PROSPECTS in view_page(client).json()["segments"]


# --- Loading, and being a replica ----------------------------------------------


@pytest.fixture
def slow_store(tmp_path: Path) -> Iterator[RedisProcess]:
    """A server of the distribution that takes seconds to load what it has saved."""
    with RedisProcess(tmp_path / "slow", *SLOW_TO_LOAD) as server:
        yield server


@pytest.mark.needs("redis-server")
def test_a_loading_store_counts_as_absent(
    new_service: StartService, slow_store: RedisProcess
) -> None:
    """Degraded and in time while it loads, whole as soon as it has loaded."""
    service = new_service(redis_url=slow_store.url, budget_ms=BUDGET_MS, cache_mb=0, stale_s=0)
    service.start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        view_page(client, ACCOUNT, consent=GRANTED)
        with slow_store.client() as direct:
            direct.mset({f"other:{number}": "x" * 100 for number in range(1_200)})
        slow_store.ask("SAVE")
        slow_store.kill()
        slow_store.start()
        wait_until(lambda: _is_loading(slow_store), "it loads")
        started_s = time.perf_counter()
        answer = view_page(client)
        took_ms = (time.perf_counter() - started_s) * 1_000
        assert (answer.status_code, answer.json()["degraded"]) == (200, True)
        assert took_ms < BUDGET_MS
        assert _is_loading(slow_store), "it was over too soon to tell"
        wait_until(lambda: not _is_loading(slow_store), "it has loaded")
        wait_for(lambda: _is_whole(client), BACK_WITHIN_S, "the store is found")
        assert PROSPECTS in view_page(client).json()["segments"]


def _is_loading(server: RedisProcess) -> bool:
    with server.client() as direct:
        return bool(direct.info("persistence")["loading"])


@pytest.mark.needs("redis-server")
def test_a_replica_is_read_and_not_written(
    new_service: StartService, slow_store: RedisProcess
) -> None:
    """A master that was made a replica answers what it has; as a master it takes events again."""
    service = new_service(redis_url=slow_store.url, budget_ms=BUDGET_MS, cache_mb=0).start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        view_page(client, ACCOUNT, consent=GRANTED)
        slow_store.ask("REPLICAOF", "127.0.0.1", 1)
        answer = view_page(client).json()
        assert answer["degraded"] is True
        assert PROSPECTS in answer["segments"]
        slow_store.ask("REPLICAOF", "NO", "ONE")
        assert view_page(client).json()["degraded"] is False


# --- What is in the store ------------------------------------------------------


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that keeps no copies, so that it sees what is in the store."""
    folder = tmp_path_factory.mktemp("forgetful") / "data"
    settings = {"cache_mb": 0, "stale_s": 0, "budget_ms": 5_000}
    with closing(Service(folder, **settings)) as running:  # type: ignore[arg-type]
        yield running.start()


def _profile_key(service: Service, visitor: str) -> bytes:
    with service.store() as direct:
        (key,) = direct.scan_iter(match=f"*p:*{visitor}*", count=1_000)
    return bytes(key)


def _spoil(service: Service, value: bytes) -> Callable[[str], bytes]:
    def spoil(visitor: str) -> bytes:
        key = _profile_key(service, visitor)
        with service.store() as direct:
            direct.set(key, value)
        return key

    return spoil


def test_a_corrupt_profile_is_put_aside(forgetful: Service) -> None:
    """That page view knows nobody, the next one begins anew, the junk is kept and counted."""
    service = forgetful
    counted = service.count("edgeseg_quarantined_profiles_total")
    with httpx.Client(base_url=service.url, timeout=20, headers=KEY) as client:
        view_page(client, ACCOUNT, visitor="ann", consent=GRANTED)
        key = _spoil(service, b"\0junk")("ann")
        answer = view_page(client, visitor="ann", consent=GRANTED)
        assert (answer.status_code, answer.json()["degraded"]) == (200, True)
        assert PROSPECTS not in answer.json()["segments"]
        wait_for(
            lambda: service.count("edgeseg_quarantined_profiles_total") == counted + 1,
            5,
            "it is counted",
        )
        again = view_page(client, visitor="ann", consent=GRANTED).json()
        assert again["degraded"] is False
        assert "new-visitors" in again["segments"]
        with service.store() as direct:
            (aside,) = direct.scan_iter(match="*quarantine:*ann*", count=1_000)
            assert bytes(direct.get(aside) or b"").startswith(b"\0junk")
            assert direct.exists(key)


def test_a_profile_of_a_newer_version_is_left_to_it(forgetful: Service) -> None:
    """In a rolling deploy older workers append what happens, and answer without the profile."""
    service = forgetful
    counted = service.count("edgeseg_quarantined_profiles_total")
    newer = b"E9-something-we-cannot-know\n"
    with httpx.Client(base_url=service.url, timeout=20, headers=KEY) as client:
        view_page(client, ACCOUNT, visitor="eve", consent=GRANTED)
        key = _spoil(service, newer)("eve")
        for _ in range(20):
            answer = view_page(client, visitor="eve", consent=GRANTED)
            assert (answer.status_code, answer.json()["degraded"]) == (200, True)
            assert PROSPECTS not in answer.json()["segments"]
        with service.store() as direct:
            value = bytes(direct.get(key) or b"")
    assert value.startswith(newer)
    assert value.count(b"\n") >= 1 + 20
    assert service.count("edgeseg_quarantined_profiles_total") == counted


# --- Nothing acknowledged is lost ----------------------------------------------


def test_nothing_acknowledged_is_lost_with_a_killed_store(
    new_service: StartService, tmp_path: Path
) -> None:
    """Events under way when the store dies may be stored or not; those answered for are."""
    store = EmbeddedServer(tmp_path / "store")
    store.start()
    service = new_service(redis_url=store.url, budget_ms=BUDGET_MS, stale_s=0, workers=2).start()
    try:
        for _ in range(2):
            sent, acknowledged = asyncio.run(_traffic_over_a_kill(service, store))
            stored = _stored(service, list(sent))
            for visitor, count in sent.items():
                assert acknowledged[visitor] <= stored[visitor] <= count, visitor
            assert sum(acknowledged.values()) > len(sent) * 5
    finally:
        store.stop()


async def _traffic_over_a_kill(
    service: Service, store: EmbeddedServer
) -> tuple[dict[str, int], dict[str, int]]:
    visitors = [uuid4().hex for _ in range(20)]
    sent, acknowledged = dict.fromkeys(visitors, 0), dict.fromkeys(visitors, 0)
    back = asyncio.Event()

    async def browse(client: httpx.AsyncClient, visitor: str) -> None:
        while not (back.is_set() and acknowledged[visitor] > 10):
            sent[visitor] += 1
            body = {
                "page": {"url": HOME},
                "visitor": visitor,
                "consent": GRANTED,
                "events": [{"event": "product_viewed"}],
            }
            answer = await client.post("/v1/classify", json=body)
            assert answer.status_code == 200
            assert answer.json()["visitor"] == visitor
            acknowledged[visitor] += not answer.json()["degraded"]

    async def blow() -> None:
        while min(acknowledged.values()) < 3:  # noqa: ASYNC110 - it looks at counts
            await asyncio.sleep(0.01)
        os.kill(store.pid, signal.SIGKILL)
        while store.is_alive():  # noqa: ASYNC110 - as above, at a process
            await asyncio.sleep(0.01)
        await asyncio.to_thread(store.start)
        back.set()

    async with httpx.AsyncClient(base_url=service.url, headers=KEY, timeout=20) as client:
        await asyncio.gather(blow(), *(browse(client, visitor) for visitor in visitors))
    return sent, acknowledged


def _stored(service: Service, visitors: list[str]) -> dict[str, int]:
    with httpx.Client(base_url=service.url, headers=KEY, timeout=20) as client:
        answers = {visitor: client.get(f"/v1/visitors/{visitor}") for visitor in visitors}
    return {visitor: each.json()["events"]["product_viewed"] for visitor, each in answers.items()}


def test_no_service_storms_a_store_that_comes_back(
    new_service: StartService, tmp_path: Path
) -> None:
    """However much is asked meanwhile, few connections are made while it is away and after."""
    store = EmbeddedServer(tmp_path / "store")
    store.start()
    settings = {"redis_url": store.url, "budget_ms": BUDGET_MS, "stale_s": 0, "visitor_rate": 0}
    service = new_service(**settings).start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        view_page(client, consent=GRANTED)
        os.kill(store.pid, signal.SIGKILL)
        wait_for(lambda: not store.is_alive(), 5, "the store has ended")
        for _ in range(300):
            assert view_page(client).status_code == 200
        store.start()
        wait_for(lambda: _is_whole(client), BACK_WITHIN_S, "the store is found")
        with redis.Redis(unix_socket_path=str(store.socket_path)) as direct:
            assert direct.info("stats")["total_connections_received"] < 12
    store.stop()
