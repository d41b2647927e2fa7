"""Clocks that are wrong: those of workers that differ, and one that is set back."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

from edgeseg.app import create_app
from edgeseg.clock import HOUR_MS, instant
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.settings import Settings

NOW_MS = 1_800_000_000_000
RULES = """
segments:
  - {id: readers, when: {event: page_viewed, count: {gte: 2}}}
  - {id: recent, when: {event: page_viewed, within: 1h}}
  - {id: idle, when: {not: {event: page_viewed, within: 1h}}}
  - {id: agreed, when: {consent: m}}
"""


class Worker:
    """One worker over a store that others use, with a clock of its own."""

    def __init__(self, folder: Path, store: MemoryStore) -> None:
        """Start with the right time."""
        self.now_ms = NOW_MS
        settings = Settings(rules=str(folder), secret=("secret-of-the-tests",), reload_s=0)
        app = create_app(settings, store=store, clock=lambda: self.now_ms)
        self.client: TestClient[Any] = TestClient(app, base_url="http://127.0.0.1")

    def view(self, cookies: httpx.Cookies, **body: object) -> dict[str, Any]:
        """View a page; answer what classify said."""
        self.client.cookies = cookies
        page = {"page": {"url": "https://x.example/a"}}
        answer = self.client.post("/v1/classify", json=page | body)
        assert answer.status_code == 200, answer.text
        cookies.update(answer.cookies)
        told: dict[str, Any] = answer.json()
        assert told["degraded"] is False
        return told

    def history(self, cookies: httpx.Cookies) -> list[tuple[str, str]]:
        """Answer event and instant of what is stored, the earliest first."""
        self.client.cookies = cookies
        stored = self.client.get("/v1/me/export").json()["history"]
        return [(each["event"], each["at"]) for each in stored]


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[tuple[Worker, Worker]]:
    """Two workers of one service."""
    (tmp_path / "all.yaml").write_text(RULES, "utf-8")
    store = MemoryStore(clock=lambda: NOW_MS)
    one, other = Worker(tmp_path, store), Worker(tmp_path, store)
    with ExitStack() as stack:
        for worker in (one, other):
            stack.enter_context(worker.client)
        yield one, other


def test_workers_whose_clocks_differ_forget_nobody(workers: tuple[Worker, Worker]) -> None:
    """Each dates what it takes by its own clock; what is later than now is taken as just now."""
    right, behind = workers
    behind.now_ms -= 2 * HOUR_MS
    cookies = httpx.Cookies()
    first = right.view(cookies, consent={"m": True})
    sent = {"event": "seen", "timestamp": instant(NOW_MS)}
    second = behind.view(cookies, events=[sent])
    assert second["visitor"] == first["visitor"]
    assert second["segments"] == ["agreed", "readers", "recent"]
    assert right.view(cookies)["segments"] == ["agreed", "readers", "recent"]
    late, early = instant(NOW_MS), instant(NOW_MS - 2 * HOUR_MS)
    assert right.history(cookies) == [
        ("page_viewed", early),
        ("seen", early),
        ("page_viewed", late),
        ("page_viewed", late),
    ]


def test_a_clock_that_is_set_back_costs_nothing(workers: tuple[Worker, Worker]) -> None:
    """Cookie, consent and events of what is the future now hold; all is dated right again later."""
    worker, _other = workers
    cookies = httpx.Cookies()
    visitor = worker.view(cookies, consent={"m": True})["visitor"]
    worker.now_ms -= 24 * HOUR_MS
    back = worker.view(cookies, view=False)
    assert (back["visitor"], back["segments"]) == (visitor, ["agreed", "recent"])
    worker.now_ms = NOW_MS + 2 * HOUR_MS
    assert worker.view(cookies, view=False)["segments"] == ["agreed", "idle"]
