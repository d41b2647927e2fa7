"""A typical visitor, by which the memory of the store is measured.

20 attributes, 30 metrics over 8 kinds of event, all of them fed, and a journal of 20 events
in as many days. Metrics keep as many instants as those of the sample rules do. Page views
have no message id, the other events have one as the snippet makes it.
"""

import hashlib
from itertools import cycle

import msgspec

from edgeseg.clock import DAY_MS
from edgeseg.events.event import ATTRIBUTES_SET, Event, Value, shorten_id
from edgeseg.metric_plan import Metric, MetricPlan
from tests.conformance.plans import NOW_MS, plan_of

ATTRIBUTES: dict[str, Value] = {
    "country": "CZ",
    "region": "South Moravia",
    "city": "Brno",
    "language": "cs",
    "gender": "f",
    "age_group": "25-34",
    "education": "university",
    "birth_year": 1988,
    "plan": "basic",
    "newsletter": True,
    "company": "Acme",
    "industry": "retail",
    "employees": 12,
    "first_name": "Eva",
    "last_name": "Novotna",
    "phone_verified": False,
    "loyalty": "gold",
    "store": "Brno-1",
    "currency": "CZK",
    "credit_score": 0.62,
}
_PROPERTIES: dict[str, dict[str, Value]] = {
    "page_viewed": {"path": "/accounts/page-{}", "title": "Page {}"},
    "product_viewed": {"product_id": "p-{}", "category": "electronics", "price": 99.5},
    "product_added": {"product_id": "p-{}", "quantity": 1},
    "order_completed": {"revenue": 199.0, "currency": "CZK"},
    "form_submitted": {"form": "request-account"},
    "email_opened": {"campaign": "spring"},
    "promotion_viewed": {"campaign": "autumn"},
    "signed_in": {"method": "password"},
}
_KEPT = (1, 0, 1, 1, 3, 1, 1, 0, 1, 1, 1)
_COURSE = (
    *("page_viewed", "page_viewed", "product_viewed", "page_viewed", "product_added"),
    *("page_viewed", "order_completed", "form_submitted", "page_viewed", "email_opened"),
    *("product_viewed", "promotion_viewed", "page_viewed", "signed_in", "page_viewed"),
    *("product_viewed", "page_viewed", "product_added", "order_completed", "page_viewed"),
)


def metrics(count: int = 30) -> MetricPlan:
    """Answer a plan of ``count`` metrics; some add up revenue."""
    kinds = zip(range(count), cycle(_PROPERTIES), cycle(_KEPT), strict=False)
    plan = plan_of(
        *(
            Metric(
                key=int.from_bytes(_digest(f"metric {number}")) >> 24,
                event=event,
                keep=keep,
                sum_of="revenue" if event == "order_completed" else "",
            )
            for number, event, keep in kinds
        )
    )
    return msgspec.structs.replace(plan, id=_digest("plan").hex())


def attributes(count: int = 20) -> Event:
    """Answer the event that sets the first ``count`` attributes."""
    chosen = dict(list(ATTRIBUTES.items())[:count])
    return Event(ATTRIBUTES_SET, NOW_MS, chosen)


def course(count: int = 20) -> list[Event]:
    """Answer the visitor's first ``count`` events, one a day."""
    return [
        Event(
            name,
            NOW_MS + day * DAY_MS + int.from_bytes(_digest(f"time {day}")[:3]),
            {
                key: value.format(day) if isinstance(value, str) else value
                for key, value in _PROPERTIES[name].items()
            },
            "" if name == "page_viewed" else shorten_id(_message_id(day)),
        )
        for day, name in enumerate(_COURSE[:count])
    ]


def _message_id(day: int) -> str:
    chance = int.from_bytes(_digest(f"message {day}")) / 2**64
    return f"{NOW_MS + day * DAY_MS + day * 7_919}{chance}"


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
