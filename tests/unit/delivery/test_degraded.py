"""What says that it is degraded is counted once; what failed beside an answer elsewhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

from edgeseg.app import create_app
from edgeseg.errors import StoreUnavailable, WriteRefused
from edgeseg.profiles.memory_store import MemoryStore
from tests.unit.delivery.settings import SERVER, write_settings

NOW_MS = 1_800_000_000_000
RULES = """
segments: [{id: readers, when: {event: page_viewed}}]
slots: [{id: hero, kind: html, vary_on: [readers]}]
goals: [{id: asked, event: form_submitted}]
campaigns:
  - {id: spring, slot: hero, goal: asked, variants: [{id: a, template: t.html}]}
"""
PAGE = {"url": "https://x.example/a"}
GRANTED, DENIED = {"marketing": True}, {"marketing": False}
SHOWN = {
    "event": "campaign_shown",
    "properties": {"campaign": "spring", "variant": "a", "slot": "hero"},
}
FORM = {"event": "form_submitted", "properties": {"form": "f", "email": "ann@x.example"}}
FLAGS = "/ofrep/v1/evaluate/flags"
Client = TestClient[Any]


class FaultyStore(MemoryStore):
    """A store whose operations fail that are named in ``broken``."""

    broken: frozenset[str] = frozenset()

    async def record(self, *args: Any, **named: Any) -> Any:
        """Record, or fail."""
        self._check("record")
        if any(event.name == "campaign_joined" for event in args[1]):
            self._check("record outcome")
        return await super().record(*args, **named)

    async def read(self, *args: Any, **named: Any) -> Any:
        """Read, or fail."""
        self._check("read")
        return await super().read(*args, **named)

    async def erase(self, *args: Any, **named: Any) -> Any:
        """Erase, or fail."""
        self._check("erase")
        return await super().erase(*args, **named)

    async def index(self, *args: Any, **named: Any) -> Any:
        """Index, or fail."""
        self._check("index")
        return await super().index(*args, **named)

    def _check(self, operation: str) -> None:
        if operation in self.broken:
            raise StoreUnavailable("gone")
        if f"{operation} refused" in self.broken:
            raise WriteRefused("full")


@pytest.fixture
def store() -> FaultyStore:
    """A store that works at first."""
    return FaultyStore(clock=lambda: NOW_MS)


@pytest.fixture
def client(tmp_path: Path, store: FaultyStore) -> Iterator[Client]:
    """A browser whose visitor is known to the service."""
    settings = write_settings(tmp_path, RULES, {"t.html": "hello"})
    app = create_app(settings, store=store, clock=lambda: NOW_MS)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert _view(client, consent=GRANTED).json()["degraded"] is False
        yield client


def _view(client: Client, **body: object) -> httpx.Response:
    answer = client.post("/v1/classify", json={"page": PAGE, **body})
    assert answer.status_code == 200, answer.text
    return answer


def _flags(client: Client, path: str, context: dict[str, str], **headers: str) -> httpx.Response:
    same_origin = {"Sec-Fetch-Site": "same-origin"}
    return client.post(path, json={"context": context}, headers=same_origin | headers)


def _counted(client: Client, name: str) -> dict[str, float]:
    """Answer labels → number of one metric, unless it is 0."""
    lines = client.get("/metrics").text.splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith(f"{name}_total"))
    counted = {labels.partition("_total")[2]: float(number) for labels, _, number in found}
    return {labels: number for labels, number in counted.items() if number}


BY_STORE = '{cause="store"}'
ASK: dict[str, Callable[[Client], httpx.Response]] = {
    "page view": _view,
    "page view with an exposure before its goal": lambda client: _view(
        client, events=[SHOWN, FORM]
    ),
    "page view that takes consent back": lambda client: _view(client, consent=DENIED),
    "page view of a named visitor": lambda client: client.post(
        "/v1/classify",
        json={"page": PAGE, "visitor": "ann", "consent": GRANTED},
        headers=SERVER,
    ),
    "page view of a visitor whose consent cannot be read": lambda client: client.post(
        "/v1/classify", json={"page": PAGE, "visitor": "ann"}, headers=SERVER
    ),
    "fragment": lambda client: client.get("/v1/fragment/hero"),
    "segment key": lambda client: client.get("/v1/segment-key"),
    "flags": lambda client: _flags(client, FLAGS, {}),
    "flag": lambda client: _flags(client, f"{FLAGS}/slot/hero", {}),
    "flags of a named visitor": lambda client: _flags(
        client, FLAGS, {"targetingKey": "ann"}, **SERVER
    ),
}


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
def test_a_degraded_answer_is_counted_once(
    client: Client, store: FaultyStore, ask: Callable[[Client], httpx.Response]
) -> None:
    """Whichever call it answers, and however often the store was asked for it."""
    store.broken = frozenset({"record", "read", "erase"})
    answer = ask(client)
    assert answer.status_code == 200, answer.text
    told = answer.text + answer.headers.get("edgeseg-status", "")
    assert '"degraded":true' in told or "; degraded" in told
    assert _counted(client, "edgeseg_degraded") == {BY_STORE: 1}


@pytest.mark.parametrize("operation", ["record", "record refused"])
def test_a_page_view_that_was_not_stored_is_counted_once(
    client: Client, store: FaultyStore, operation: str
) -> None:
    """So are its events, though an exposure is tried before the goal, and then with it."""
    store.broken = frozenset({operation})
    assert _view(client, events=[SHOWN, FORM]).json()["degraded"] is True
    assert _counted(client, "edgeseg_degraded") == {BY_STORE: 1}
    assert _counted(client, "edgeseg_unsaved_events") == {"": 3}


@pytest.mark.parametrize(
    ("operation", "events", "what"),
    [("index", [FORM], "address"), ("record outcome", [SHOWN], "outcome")],
)
def test_what_fails_beside_an_answer_is_counted_apart(
    client: Client, store: FaultyStore, operation: str, events: list[object], what: str
) -> None:
    """The answer is whole and does not say that it is degraded."""
    store.broken = frozenset({operation})
    assert _view(client, events=events).json()["degraded"] is False
    assert _counted(client, "edgeseg_degraded") == {}
    assert _counted(client, "edgeseg_failed_writes") == {f'{{what="{what}"}}': 1}


def test_an_erasure_that_fails_is_counted(client: Client, store: FaultyStore) -> None:
    """The consent call tells so by its status; it has no `degraded`."""
    store.broken = frozenset({"erase"})
    assert client.post("/v1/consent", json={"consent": DENIED}).status_code == 202
    assert _counted(client, "edgeseg_degraded") == {}
    assert _counted(client, "edgeseg_failed_writes") == {'{what="erasure"}': 1}
