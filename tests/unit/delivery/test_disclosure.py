"""What a visitor takes along: each part of a profile in its place, or masked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

from edgeseg.app import create_app
from edgeseg.clock import DAY_MS
from edgeseg.profiles.memory_store import MemoryStore
from tests.unit.delivery.settings import SERVER, write_settings

NOW_MS = 1_800_000_000_000
THEN, NOW = "2027-01-15T08:00:00.000Z", "2027-01-15T08:01:00.000Z"
EXPIRES = "2027-01-25T08:00:00.000Z"
RULES = """
fields: [{id: plan, type: text}]
metrics: [{id: seconds, event: played, sum: seconds}]
segments:
  - {id: vip, when: {all: []}}
  - {id: viewers, when: {metric: seconds, gte: 9}}
"""


class Clock:
    """A clock that stands until it is told."""

    now_ms = NOW_MS

    def __call__(self) -> int:
        """Answer its time."""
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    """The clock of the service."""
    return Clock()


@pytest.fixture
def client(tmp_path: Path, clock: Clock) -> Iterator[TestClient[Any]]:
    """A browser of a service whose consents hold for ten days."""
    settings = write_settings(tmp_path, RULES, consent_days=10, unknown_fields="accept")
    app = create_app(settings, store=MemoryStore(clock=clock), clock=clock)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def _play(client: TestClient[Any], url: str, referrer: str = "") -> str:
    page = {"url": url, "referrer": referrer}
    played = {"event": "played", "properties": {"seconds": 2, "email": "ann@x.example"}}
    body = {"page": page, "consent": {"m": True}, "events": [played]}
    answer: httpx.Response = client.post("/v1/classify", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["visitor"])


def _set(client: TestClient[Any], path: str, body: object) -> None:
    answer = client.put(path, json=body, headers=SERVER)
    assert answer.is_success, answer.text


def test_every_part_of_a_profile_is_told_in_its_place(
    client: TestClient[Any], clock: Clock
) -> None:
    """Of two visits of a minute: what came first stays first, and what is masked is named."""
    visitor = _play(client, "https://x.example/first", "https://news.example/")
    path = f"/v1/visitors/{visitor}"
    _set(client, f"{path}/attributes", {"attributes": {"plan": "paid", "z": "1", "iban": "CZ1"}})
    _set(client, f"{path}/tags", {"tags": ["tagged"]})
    _set(client, f"{path}/pins", {"pins": {"vip": False}})
    clock.now_ms += 60_000
    _play(client, "https://x.example/second")

    told = client.get("/v1/me/export").json()

    mine = told["profile"]
    assert (mine["visitor"], mine["known"], mine["created_at"]) == (visitor, False, THEN)
    assert mine["attributes"] == {"plan": "paid", "z": "***", "iban": "***"}
    assert (mine["masked"], mine["tags"], mine["lists"]) == (["iban", "z"], ["tagged"], [])
    assert mine["consents"]["m"]["expires_at"] == EXPIRES
    assert told["pins"] == {"vip": False}
    assert (told["first_page"], told["first_referrer"]) == ("/first", "news.example")
    visit = {"number": 1, "pages": 2, "started_at": THEN, "last_at": NOW, "landing_path": "/first"}
    assert told["visit"] == visit
    counted = [each for each in told["metrics"] if each["event"] == "played"]
    assert [each["property"] for each in counted] == ["", "seconds"]
    assert {(each["first_at"], each["last_at"]) for each in counted} == {(THEN, NOW)}
    emails = {each["properties"].get("email") for each in told["history"]}
    assert emails == {None, "***"}


def test_a_former_id_tells_of_who_it_leads_to(client: TestClient[Any], clock: Clock) -> None:
    """Somebody who has become a known person is told so, with the ids they had."""
    visitor = _play(client, "https://x.example/")
    clock.now_ms += DAY_MS
    body = {"user_id": "ann"}
    known = client.post(f"/v1/visitors/{visitor}/identify", json=body, headers=SERVER)

    told = client.get(f"/v1/visitors/{visitor}/export", headers=SERVER).json()

    assert (told["profile"]["visitor"], told["profile"]["known"]) == (known.json()["visitor"], True)
    assert (told["former_ids"], told["profile"]["created_at"]) == ([visitor], THEN)
