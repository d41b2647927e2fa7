"""Orders and appointments, as a shop's server tells of them and a marketer asks about them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.service import SERVER_KEY, Service

RULES = """
metrics:
  - {id: spent, label: Total spend, event: order_completed, sum: revenue}
  - {id: appointments, label: Appointments, event: appointment_booked, instants: starts_at}
segments:
  - {id: customers, when: {event: order_completed}}
  - {id: spenders, when: {metric: spent, gte: 50}}
  - {id: comes-in-soon, when: {metric: appointments, within_next: 7d}}
"""
LATER_RULES = """
  - {id: readers, when: {event: page_viewed, where: {path: /blog}, within: 30d}}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Service]:
    """A service with rules about orders, which retains the latest five events."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "shop.yaml").write_text(RULES, "utf-8")
    service = Service(tmp_path / "shop", rules=rules, journal_events=5).start()
    yield service
    service.close()


def tell(shop: Service, *events: tuple[str, dict[str, Any]], pages: int = 0) -> dict[str, Any]:
    """Send events of a visitor, and so many page views; answer what the service says last."""
    headers = {"Authorization": f"Bearer {SERVER_KEY}"}
    body: dict[str, Any] = {
        "visitor": "anna",
        "page": {"url": "https://shop.example/blog"},
        "consent": {"marketing": True},
        "view": False,
        "events": [{"event": name, "properties": given} for name, given in events],
    }
    with httpx.Client(base_url=shop.url, headers=headers) as client:
        for _ in range(pages):
            client.post("/v1/classify", json=body | {"view": True, "events": []})
        answer = client.post("/v1/classify", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_orders_and_appointments_are_what_everything_told_of_them_comes_to(shop: Service) -> None:
    """Long after they were folded away, and as explanations tell it."""
    today = datetime.now(UTC).replace(microsecond=0)
    soon, far = ((today + timedelta(days=days)).isoformat() for days in (3, 30))
    order, appointment = {"order_id": "A1"}, {"appointment_id": "T1"}

    told = tell(
        shop,
        ("order_completed", order | {"revenue": 80}),
        ("appointment_booked", appointment | {"starts_at": far}),
    )
    assert told["segments"] == ["customers", "spenders"]

    told = tell(
        shop,
        ("order_completed", order | {"revenue": 80}),
        ("order_refunded", order | {"total": 40}),
        ("appointment_rescheduled", appointment | {"starts_at": soon}),
        pages=20,
    )
    assert told["segments"] == ["comes-in-soon", "customers"]
    assert told["valid_until"] == soon[:19] + ".001Z"  # it begins at that very second
    assert "found: 40" in shop.run("explain", "anna", "spenders")

    told = tell(shop, ("order_cancelled", order), ("appointment_cancelled", appointment), pages=20)
    assert told["segments"] == []

    rules = Path(shop.data_dir).parent / "rules/shop.yaml"
    rules.write_text(RULES + LATER_RULES, "utf-8")
    assert "complete since" in shop.run("explain", "anna", "readers")
