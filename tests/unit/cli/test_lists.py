"""`edgeseg lists` puts visitors on lists, and tells how many of them have a profile."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edgeseg.assembly import store_from
from edgeseg.clock import system_clock
from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.store import ProfileStore
from edgeseg.settings import Settings
from tests.unit.cli.conftest import Run

SECRET = "a secret of this test"


@pytest.fixture
def settings(embedded_server: EmbeddedServer, key_prefix: str) -> dict[str, str]:
    """Settings of the command."""
    prefix = key_prefix[:50]
    return {"redis_url": embedded_server.url, "key_prefix": prefix, "secret": SECRET}


@pytest.fixture
async def store(settings: dict[str, str]) -> AsyncIterator[ProfileStore]:
    """The store of the command, with the visitors `ann` and known person 7."""
    url, prefix = settings["redis_url"], settings["key_prefix"]
    opened = store_from(Settings(redis_url=url, key_prefix=prefix, budget_ms=10_000, cache_mb=0))
    await opened.open()
    now_ms = system_clock()
    for visitor_id in ("ann", Identities(SECRET).known("7")):
        view = Event("page_viewed", now_ms, {})
        await opened.record(visitor_id, [view], plan=EMPTY_PLAN, now_ms=now_ms)
    yield opened
    await opened.close()


async def test_a_file_becomes_a_list(
    run: Run, settings: dict[str, str], store: ProfileStore, tmp_path: Path
) -> None:
    """Known people by your own ids, packed or not; only differences are written."""
    file = tmp_path / "people.csv.gz"
    file.write_bytes(gzip.compress(b"user,plan\n7,plus\n8,basic\n"))
    words = ("lists", "put", "gold", str(file), "--json")
    result = await asyncio.to_thread(run, *words, **settings)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures == {
        "list": "gold", "members": 2, "refused": 0, "added": 1, "removed": 0, "waiting": 1,
    }  # fmt: skip
    profile = await store.read(Identities(SECRET).known("7"), plan=EMPTY_PLAN)
    assert profile is not None
    assert profile.lists == ("gold",)
    again = json.loads((await asyncio.to_thread(run, *words, **settings)).stdout)
    assert (again["added"], again["removed"]) == (0, 0)


async def test_lists_are_shown_and_removed(
    run: Run, settings: dict[str, str], store: ProfileStore, tmp_path: Path
) -> None:
    """With how many members have a profile that says so."""
    file = tmp_path / "ids.txt"
    file.write_text("ann\nno id\n", "utf-8")
    put = await asyncio.to_thread(run, "lists", "put", "gold", str(file), **settings)
    assert put.exit_code == 1
    assert "row 2: an id has 1 to 100" in put.stderr
    assert "gold: 1 member; 1 came" in put.output
    shown = await asyncio.to_thread(run, "lists", "show", **settings)
    assert "gold" in shown.output
    listed = await asyncio.to_thread(run, "lists", "show", "--json", **settings)
    assert json.loads(listed.stdout)[0]["applied"] == 1
    removed = await asyncio.to_thread(run, "lists", "remove", "gold", **settings)
    assert removed.exit_code == 0
    profile = await store.read("ann", plan=EMPTY_PLAN)
    assert profile is not None
    assert profile.lists == ()
    again = await asyncio.to_thread(run, "lists", "remove", "gold", **settings)
    assert again.exit_code == 1
    assert "there is no list `gold`" in again.stderr
