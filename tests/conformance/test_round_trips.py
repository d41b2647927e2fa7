"""How often a page view goes to the store and back, counted on a real server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgeseg.app import create_app
from edgeseg.profiles.connection import Command, Reply
from edgeseg.profiles.multiplexer import Multiplexer
from edgeseg.profiles.redis_connect import build_redis_store
from edgeseg.profiles.redis_store import RedisStore
from edgeseg.settings import Settings
from tests.conformance.conftest import PATIENT

SERVER = {"Authorization": "Bearer server-key-of-the-tests"}
PAGE = {"url": "https://shop.example/a"}
EVENTS = [{"event": "product_viewed", "properties": {"product_id": f"p{n}"}} for n in range(20)]
FORM = {"event": "form_submitted", "properties": {"email": "ann@x.example"}}


class Visit:
    """One browser of a service over a real store, whose round trips are counted."""

    def __init__(self, store: RedisStore, client: httpx.AsyncClient) -> None:
        """Start without a cookie."""
        self.store, self._client = store, client
        self._trips: list[tuple[Command, ...]] = []
        self._asking: asyncio.Task[Any] | None = None

    def note(self, commands: tuple[Command, ...]) -> None:
        """Count a round trip, unless it is upkeep's, which no page view waits for."""
        if asyncio.current_task() is self._asking:
            self._trips.append(commands)

    async def trips(self, headers: dict[str, str] | None = None, **body: Any) -> int:
        """Answer how many round trips one page view waits for."""
        await self.store.upkeep.drain()
        self._trips.clear()
        self._asking = asyncio.current_task()
        answer = await self._client.post(
            "/v1/classify", json={"page": PAGE, **body}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["degraded"] is False
        return len(self._trips)

    async def commands(self) -> tuple[Command, ...]:
        """Answer what one page view sends in its one round trip."""
        assert await self.trips() == 1
        return self._trips[0]


@pytest.fixture
async def visit(
    redis_url: str, key_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Visit]:
    """A browser before its first page view."""
    (tmp_path / "rules").mkdir()
    rules = "segments:\n  - {id: readers, when: {event: product_viewed, count: {gte: 20}}}\n"
    (tmp_path / "rules" / "all.yaml").write_text(rules, "utf-8")
    settings = Settings(
        rules=str(tmp_path / "rules"),
        templates=str(tmp_path / "templates"),
        secret=("secret-of-the-tests",),
        server_keys=(SERVER["Authorization"].removeprefix("Bearer "),),
        audit_log=str(tmp_path / "audit.jsonl"),
        reload_s=0,
    )
    store = build_redis_store(
        redis_url, prefix=key_prefix, limits=PATIENT, aside_timeout_s=20, cache_bytes=1_000_000
    )
    execute = Multiplexer.execute

    def count(line: Multiplexer, *commands: Command) -> asyncio.Future[list[Reply]]:
        visit.note(commands)
        return execute(line, *commands)

    app: Any = create_app(settings, store=store)
    transport = httpx.ASGITransport(app=app)
    await store.open()
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        visit = Visit(store, client)
        monkeypatch.setattr(Multiplexer, "execute", count)
        yield visit
    await store.close()


def each_step() -> Iterator[dict[str, Any]]:
    """Iterate over the page views of one visitor, in turn."""
    yield {"consent": {"m": True}}
    yield {}
    yield {"events": EVENTS}
    yield {"consent": {"m": True, "ads": True}}
    yield {"consent": {"ads": False}, "events": EVENTS[:19]}


async def test_a_page_view_takes_one_round_trip(visit: Visit) -> None:
    """The first one, one with twenty events, and one that changes consents: each waits once."""
    assert [await visit.trips(**step) for step in each_step()] == [1, 1, 1, 1, 1]


async def test_a_page_view_of_a_visitor_in_memory_sends_two_commands(visit: Visit) -> None:
    """It appends, and reads no more than the header, which tells that the copy was the latest."""
    await visit.trips(consent={"m": True})
    await visit.trips()
    commands = await visit.commands()
    assert [name for name, *_ in commands] == ["APPEND", "GETRANGE"]


async def test_a_visitor_without_consent_costs_the_store_nothing(visit: Visit) -> None:
    """Nothing may be stored, so nothing is asked."""
    assert await visit.trips() == 0
    assert await visit.trips(events=EVENTS) == 0


async def test_a_server_that_tells_the_consent_takes_one_round_trip(visit: Visit) -> None:
    """Without it the stored one is looked up before anything is written: a copy has it, or not."""
    named: dict[str, Any] = {"visitor": "user:42", "headers": SERVER}
    assert await visit.trips(**named, consent={"m": True}) == 1
    assert await visit.trips(**named) == 1
    assert await visit.trips(**named, consent={"m": True}, events=EVENTS) == 1  # and compacts
    assert await visit.trips(**named) == 1


async def test_a_form_with_an_address_is_indexed_once(visit: Visit) -> None:
    """To find the visitor by it later; the same address again costs nothing more."""
    await visit.trips(consent={"m": True})
    assert await visit.trips(events=[FORM]) <= 4
    assert await visit.trips(events=[FORM]) == 1
