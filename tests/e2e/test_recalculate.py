"""`edgeseg recalculate` as operators run it: interrupted, shared, beside live traffic."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from edgeseg.assembly import store_from
from edgeseg.clock import system_clock
from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.store import ProfileStore
from edgeseg.settings import Settings
from tests.e2e.service import is_running, wait_for

VISITORS = 1_500
RULES = """
segments:
  - {id: readers, when: {event: page_viewed, where: {path: /x}, count: {gte: 17}}}
"""


@pytest.fixture
def environment(debian_server: EmbeddedServer, key_prefix: str, tmp_path: Path) -> dict[str, str]:
    """Settings of the commands."""
    for folder in ("rules", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text(RULES, "utf-8")
    clean = {name: text for name, text in os.environ.items() if not name.startswith("EDGESEG_")}
    return clean | {
        "EDGESEG_REDIS_URL": debian_server.url,
        "EDGESEG_KEY_PREFIX": key_prefix[:50],
        "EDGESEG_RULES": str(tmp_path / "rules"),
        "EDGESEG_TEMPLATES": str(tmp_path / "templates"),
        "EDGESEG_DATA_DIR": str(tmp_path),
    }


@pytest.fixture
async def store(environment: dict[str, str]) -> AsyncIterator[ProfileStore]:
    """The store of the commands."""
    url, prefix = environment["EDGESEG_REDIS_URL"], environment["EDGESEG_KEY_PREFIX"]
    opened = store_from(Settings(redis_url=url, key_prefix=prefix, budget_ms=10_000))
    await opened.open()
    yield opened
    await opened.close()


async def _fill(store: ProfileStore, visitors: int = VISITORS) -> None:
    now_ms = system_clock()
    events = [Event("page_viewed", now_ms - n, {"path": "/x"}) for n in range(17)]

    async def one(number: int) -> None:
        await store.record(f"v{number}", events, plan=EMPTY_PLAN, now_ms=now_ms)

    for start in range(0, visitors, 100):
        await asyncio.gather(*(one(number) for number in range(start, start + 100)))
        await store.upkeep.drain()  # type: ignore[attr-defined]


def _start(environment: dict[str, str], *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "edgeseg", "recalculate", "--json", *options]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.needs("redis-server")
async def test_one_that_is_killed_goes_on_where_it_was(
    environment: dict[str, str], store: ProfileStore
) -> None:
    """After a kill -9 the same command, now by two processes, does the rest; nothing is lost."""
    await _fill(store)
    first = _start(environment, "--report", "--rate", "500")
    note = f"{environment['EDGESEG_KEY_PREFIX']}note:{{recalculation-report}}"

    def has_finished_a_page() -> bool:
        assert first.poll() is None, first.communicate()
        return _looked(environment["EDGESEG_REDIS_URL"], note) > 0

    wait_for(has_finished_a_page, 30, "a page is finished")
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    before = _looked(environment["EDGESEG_REDIS_URL"], note)
    assert 0 < before < VISITORS

    async def browse(number: int) -> None:
        event = Event("page_viewed", system_clock(), {"path": "/x"})
        await store.record(f"v{number}", [event], plan=EMPTY_PLAN, now_ms=system_clock())

    second = _start(environment, "--report", "--rate", "max", "--workers", "2")
    for start in range(0, VISITORS, 100):  # live traffic meanwhile
        await asyncio.gather(*(browse(number) for number in range(start, start + 100)))
    output, errors = second.communicate(timeout=60)
    assert second.returncode == 0, errors
    found = json.loads(output)
    assert found["profiles"] == VISITORS
    assert found["segments"] == {"readers": VISITORS}
    assert found["processes"] >= 2
    for number in range(0, VISITORS, 7):
        profile = await store.read(f"v{number}", plan=EMPTY_PLAN)
        assert profile is not None
        assert profile.totals["page_viewed"].count == 18


@pytest.mark.needs("redis-server")
async def test_one_that_is_told_to_end_takes_its_processes_along(
    environment: dict[str, str], store: ProfileStore
) -> None:
    """SIGTERM is told to the first alone; the others would work on, for as long as it takes."""
    await _fill(store, 100)
    first = _start(environment, "--rate", "1", "--workers", "2")

    def fellows() -> list[int]:
        told = subprocess.check_output(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], text=True)
        rows = [line.split(None, 2) for line in told.splitlines()]
        return [int(row[0]) for row in rows if row[1] == str(first.pid) and "spawn_main" in row[2]]

    (fellow,) = wait_for(fellows, 30, "another process takes part")
    first.terminate()
    await asyncio.to_thread(first.communicate, timeout=30)
    assert first.returncode == 1
    assert not is_running(fellow)


def _looked(url: str, note: str) -> int:
    with redis.Redis.from_url(url) as client:
        text = client.get(note)
    return json.loads(text[17:])["counts"][0] if text else 0
