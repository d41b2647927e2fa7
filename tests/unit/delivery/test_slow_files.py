"""What reads or writes files leaves the event loop to other requests meanwhile."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgeseg import shared_counts
from edgeseg.app import create_app
from edgeseg.delivery import audit
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.telemetry import SHARED
from tests.unit.delivery.settings import KEY, write_settings

NOW_MS = 1_800_000_000_000
GIVEN_UP_S = 10.0


class Slow:
    """A file operation that goes on once the loop has turned; it fails if that never does."""

    def __init__(self, operation: Callable[..., Any]) -> None:
        """Slow ``operation`` down."""
        self._operation = operation
        self._loop = asyncio.get_running_loop()
        self._has_begun = asyncio.Event()
        self._may_go_on = threading.Event()

    def __call__(self, *args: Any) -> Any:
        """Wait, then do it."""
        self._loop.call_soon_threadsafe(self._has_begun.set)
        assert self._may_go_on.wait(GIVEN_UP_S)
        return self._operation(*args)

    async def turn(self) -> None:
        """Let it go on, from the loop."""
        await self._has_begun.wait()
        self._may_go_on.set()


@pytest.fixture
async def client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A service with an audit log, that shares the folder `counts` with other workers."""
    (tmp_path / "counts").mkdir()
    monkeypatch.setenv(SHARED, str(tmp_path / "counts"))
    settings = write_settings(tmp_path, "", audit_log=str(tmp_path / "audit.jsonl"))
    app: Any = create_app(settings, store=MemoryStore(), clock=lambda: NOW_MS)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        yield client


async def test_a_line_of_the_audit_log_holds_nobody_up(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written before the call is answered, and others are answered before that."""
    slow = Slow(audit._append)
    monkeypatch.setattr(audit, "_append", slow)
    erasing = asyncio.create_task(client.delete("/v1/visitors/ann"))
    await slow.turn()
    assert (await erasing).status_code == 204
    assert b'"action":"erase"' in (tmp_path / "audit.jsonl").read_bytes()


async def test_reading_the_counts_of_other_workers_holds_nobody_up(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are."""
    (tmp_path / "counts" / "hot_1.msgpack").write_bytes(b"\x80")
    slow = Slow(shared_counts._read)
    monkeypatch.setattr(shared_counts, "_read", slow)
    asking = asyncio.create_task(client.get("/metrics"))
    await slow.turn()
    answer = await asking
    assert answer.status_code == 200
    assert "process_cpu_seconds_total" in answer.text
