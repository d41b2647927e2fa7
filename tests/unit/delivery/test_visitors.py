"""Profiles from the server side: reading, attributes, tags, erasing."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from edgeseg.app import create_app
from edgeseg.clock import DAY_MS, instant
from edgeseg.events.event import LISTS_ADDED, TAGS_ADDED, Event
from edgeseg.metric_plan import EMPTY_PLAN, MetricPlan
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.profiles.profile import Profile
from tests.unit.delivery.settings import KEY, write_settings

NOW_MS = 1_800_000_000_000
RULES = """
fields:
  - {id: plan, type: text, values: [free, paid]}
  - {id: age, type: number}
  - {id: topics, type: list}
  - {id: born, type: date}
segments:
  - {id: payers, when: {field: plan, eq: paid}}
  - {id: staff, when: {tag: staff}}
  - {id: on-list, when: {list: vip}}
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Any]]:
    """A service with the rules above, called with its server key."""
    settings = write_settings(tmp_path, RULES)
    app = create_app(settings, store=MemoryStore(), clock=lambda: NOW_MS)
    with TestClient(app) as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        yield client


def segments(client: TestClient[Any]) -> list[str]:
    """Answer the segments of visitor `ann` on a page view."""
    body = {"page": {"url": "https://x.example/"}, "visitor": "ann", "consent": {"m": True}}
    found: list[str] = client.post("/v1/classify", json=body).json()["segments"]
    return found


def test_attributes_change_segments_at_once(client: TestClient[Any]) -> None:
    """What the server sets is what the next page view sees; null removes it."""
    body = {"attributes": {"plan": "paid", "age": 30}, "consent": {"m": True}}
    answer = client.put("/v1/visitors/ann/attributes", json=body)
    assert answer.json()["attributes"] == {"plan": "paid", "age": 30}
    assert segments(client) == ["payers"]
    client.put("/v1/visitors/ann/attributes", json={"attributes": {"plan": None}})
    assert segments(client) == []


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"plan": "gold"}, "attributes.plan"),
        ({"plan": 5}, "attributes.plan"),
        ({"age": "30"}, "attributes.age"),
        ({"age": True}, "attributes.age"),
        ({"topics": "art"}, "attributes.topics"),
        ({"topics": [1]}, "attributes.topics"),
        ({"born": "yesterday"}, "attributes.born"),
        ({"plam": "free"}, "attributes.plam"),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_refused(
    client: TestClient[Any], attributes: dict[str, object], field: str
) -> None:
    """Types are enforced on the way in, with the field named and nothing stored."""
    body = {"attributes": attributes, "consent": {"m": True}}
    answer = client.put("/v1/visitors/ann/attributes", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert client.get("/v1/visitors/ann").status_code == 404


def test_nothing_is_stored_without_consent(client: TestClient[Any]) -> None:
    """A visitor of whom nothing is stored needs consent in the request."""
    answer = client.put("/v1/visitors/ann/attributes", json={"attributes": {"age": 30}})
    assert (answer.status_code, answer.json()["field"]) == (400, "consent")


def test_tags_are_set_as_a_whole(client: TestClient[Any]) -> None:
    """The list given is the list kept."""
    client.put("/v1/visitors/ann/tags", json={"tags": ["staff", "vip"], "consent": {"m": True}})
    assert segments(client) == ["staff"]
    answer = client.put("/v1/visitors/ann/tags", json={"tags": ["vip"]})
    assert answer.json()["tags"] == ["vip"]
    assert segments(client) == []


class Late(MemoryStore):
    """A store to which news of what other workers change do not come."""

    def __init__(self) -> None:
        """Begin without copies."""
        super().__init__()
        self._copies: dict[str, Profile | None] = {}

    async def record(
        self, visitor_id: str, events: Sequence[Event], *, plan: MetricPlan, now_ms: int
    ) -> Profile:
        """Record, and keep a copy."""
        profile = await super().record(visitor_id, events, plan=plan, now_ms=now_ms)
        self._copies[visitor_id] = profile
        return profile

    async def read(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the copy."""
        if visitor_id in self._copies:
            return self._copies[visitor_id]
        return await super().read(visitor_id, plan=plan)

    async def read_anew(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer what is stored."""
        self._copies.pop(visitor_id, None)
        return await self.read(visitor_id, plan=plan)


@pytest.mark.parametrize(("member", "added"), [("tags", TAGS_ADDED), ("lists", LISTS_ADDED)])
def test_what_another_worker_put_there_is_taken_away(
    tmp_path: Path, member: str, added: str
) -> None:
    """Whoever replaces all tags means those that are stored, not those of an old copy."""
    store = Late()
    app = create_app(write_settings(tmp_path, RULES), store=store, clock=lambda: NOW_MS)
    with TestClient(app) as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        client.put(f"/v1/visitors/ann/{member}", json={member: ["one"], "consent": {"m": True}})
        news = [Event(added, NOW_MS, {member: ["other"]})]
        asyncio.run(MemoryStore.record(store, "ann", news, plan=EMPTY_PLAN, now_ms=NOW_MS))
        answer = client.put(f"/v1/visitors/ann/{member}", json={member: ["one"]})
    assert answer.json()[member] == ["one"]


def test_lists_are_set_as_a_whole(client: TestClient[Any]) -> None:
    """The lists given are the ones the visitor is on."""
    client.put("/v1/visitors/ann/lists", json={"lists": ["vip", "beta"], "consent": {"m": True}})
    assert segments(client) == ["on-list"]
    answer = client.put("/v1/visitors/ann/lists", json={"lists": ["beta"]})
    assert answer.json()["lists"] == ["beta"]
    assert segments(client) == []


def test_pins_win_over_the_rules(client: TestClient[Any]) -> None:
    """In by hand, out by hand, and back to what the rule says."""
    body = {"pins": {"payers": True}, "consent": {"m": True}}
    assert client.put("/v1/visitors/ann/pins", json=body).json()["pins"] == {"payers": True}
    assert segments(client) == ["payers"]
    client.put("/v1/visitors/ann/attributes", json={"attributes": {"plan": "paid"}})
    client.put("/v1/visitors/ann/pins", json={"pins": {"payers": False}})
    assert segments(client) == []
    client.put("/v1/visitors/ann/pins", json={"pins": {"payers": None}})
    assert segments(client) == ["payers"]


def test_a_pin_names_a_segment_that_exists(client: TestClient[Any]) -> None:
    """A misspelt one is refused with a suggestion."""
    body = {"pins": {"payer": True}, "consent": {"m": True}}
    answer = client.put("/v1/visitors/ann/pins", json=body)
    assert answer.status_code == 400
    assert "did you mean `payers`?" in answer.json()["detail"]


def test_a_server_reads_the_segments_of_a_visitor(tmp_path: Path) -> None:
    """Without a page view: by the stored profile as long as consent lasts, and nothing counts."""
    here = "  - {id: here, when: {context: path, exists: true}}\n"
    fresh = "  - {id: fresh, priority: 1, when: {event: page_viewed, within: 30d}}\n"
    settings = write_settings(tmp_path, RULES + here + fresh, consent_days=10)
    now = [NOW_MS]
    app = create_app(settings, store=MemoryStore(), clock=lambda: now[0])
    with TestClient(app) as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        assert client.get("/v1/visitors/ann/segments").status_code == 404
        body = {"attributes": {"plan": "paid"}, "consent": {"m": True}}
        client.put("/v1/visitors/ann/attributes", json=body)
        assert segments(client) == ["fresh", "here", "payers"]

        answer = client.get("/v1/visitors/ann/segments").json()
        counted = client.get("/v1/visitors/ann").json()["events"]
        now[0] += 10 * DAY_MS
        expired = client.get("/v1/visitors/ann/segments").json()

    assert (answer["visitor"], answer["segments"]) == ("ann", ["fresh", "payers"])
    assert answer["valid_until"] == instant(NOW_MS + 10 * DAY_MS)
    assert counted["page_viewed"] == 1
    assert expired["segments"] == []


def test_a_wrong_address_or_method_is_told_what_to_do(client: TestClient[Any]) -> None:
    """The detail says more than the title does."""
    assert "/openapi" in client.get("/v1/visitor/ann").json()["detail"]
    refused = client.get("/v1/visitors/ann/tags")
    assert (refused.status_code, refused.json()["detail"]) == (405, "use PUT, OPTIONS")


@pytest.mark.parametrize("path", ["/v1/visitors/ann/", "/v1/visitors/ann//", "/v1/visitors//ann"])
def test_a_slash_too_many_changes_nobody_else(client: TestClient[Any], path: str) -> None:
    """Clients put addresses together: the visitor named is meant, and all visitors never are."""
    for visitor in ("ann", "ben"):
        body = {"attributes": {}, "consent": {"m": True}}
        client.put(f"/v1/visitors/{visitor}/attributes", json=body)

    assert client.get(path).json()["visitor"] == "ann"
    assert client.delete("/v1/visitors/").status_code == 405
    assert client.get("/v1/visitors/ann").status_code == 200
    assert client.delete(path).status_code == 204
    assert client.get("/v1/visitors/ann").status_code == 404
    assert client.get("/v1/visitors/ben").status_code == 200


def test_erasing_leaves_nothing(client: TestClient[Any]) -> None:
    """After it the visitor is unknown."""
    client.put("/v1/visitors/ann/tags", json={"tags": ["vip"], "consent": {"m": True}})
    assert client.delete("/v1/visitors/ann").status_code == 204
    assert client.get("/v1/visitors/ann").status_code == 404


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "Bearer wrong"}])
def test_only_a_server_key_opens_profiles(client: TestClient[Any], headers: dict[str, str]) -> None:
    """Without it, or with another key, every call is refused."""
    refused = client.get("/v1/visitors/ann", headers=headers)
    assert (refused.status_code, refused.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert client.get("/v1/visitors/ann/segments", headers=headers).status_code == 401
    assert client.delete("/v1/visitors/ann", headers=headers).status_code == 401


def test_orders_count_in_the_reporting_currency(tmp_path: Path) -> None:
    """Whatever currency they come in; one without a rate is refused by name."""
    spend = "  - {id: spend, event: order_completed, sum: revenue}\n"
    rules = f"metrics:\n{spend}segments:\n  - {{id: rich, when: {{metric: spend, gte: 100}}}}\n"
    rates = ("CZK=0.04",)
    settings = write_settings(tmp_path, rules, currency="EUR", currency_rates=rates)
    app = create_app(settings, store=MemoryStore(), clock=lambda: NOW_MS)

    def order(currency: str, revenue: float) -> dict[str, Any]:
        properties = {"order_id": currency, "revenue": revenue, "currency": currency}
        event = {"event": "order_completed", "properties": properties}
        body = {"page": {"url": "https://x.example/"}, "visitor": "ann", "consent": {"m": True}}
        found = client.post("/v1/classify", json={**body, "events": [event]})
        return {"status": found.status_code, **found.json()}

    with TestClient(app) as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        assert order("CZK", 2_000)["segments"] == []
        assert order("EUR", 20)["segments"] == ["rich"]
        refused = order("GBP", 5)
    assert (refused["status"], refused["field"]) == (400, "events[0].properties.currency")


def test_page_views_remember_the_kind_of_device(client: TestClient[Any]) -> None:
    """So that rules can ask for the one mostly used; nothing else of the agent is kept."""
    phone = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
    )
    body = {"page": {"url": "https://x.example/a"}, "visitor": "ann", "consent": {"m": True}}
    client.post("/v1/classify", json={**body, "context": {"user_agent": phone}})
    (view,) = client.get("/v1/visitors/ann/export").json()["history"]
    assert view["properties"] == {"path": "/a", "host": "x.example", "device": "mobile"}
