"""Made-up visitors for measuring an installation: they fit its rules, and are nobody."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Final

import msgspec

from edgeseg.clock import DAY_MS, HOUR_MS
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.visitor_id import new_visitor_id
from edgeseg.events.event import ATTRIBUTES_SET, PAGE_VIEWED, Event, Value
from edgeseg.events.schema import Declaration

MAX_FIELDS: Final = 40
MAX_EVENTS: Final = 20
"""Attributes and events of each visitor, at most, however much the rules declare."""
_CHANCE_OF_FIELD: Final = 0.8


class MadeUp(msgspec.Struct, frozen=True, kw_only=True):
    """One made-up visitor.

    Attributes:
        history: what happened, oldest first.
    """

    id: str
    history: tuple[Event, ...]


def make_up_visitors(rules: Snapshot, count: int, now_ms: int) -> Iterator[MadeUp]:
    """Iterate over visitors with the fields and the events that the rules know.

    All but their ids is the same each time. Half of their events are page views.
    """
    random = Random(1)  # noqa: S311 - made-up visitors need no secrets
    fields = list(rules.definitions.fields.values())[:MAX_FIELDS]
    names = sorted({each.event for each in rules.plan.metrics} - {PAGE_VIEWED})[: MAX_EVENTS // 2]
    for _ in range(count):
        attributes = {
            each.id: _value(each, random) for each in fields if random.random() < _CHANCE_OF_FIELD
        }
        first_ms = now_ms - 30 * DAY_MS
        history = [Event(ATTRIBUTES_SET, first_ms, attributes)]
        for number in range(max(2 * len(names), MAX_EVENTS)):
            name = PAGE_VIEWED if number % 2 or not names else names[number // 2 % len(names)]
            at_ms = first_ms + number * DAY_MS + random.randrange(HOUR_MS)
            history.append(Event(name, at_ms, dict(page(random))))
        yield MadeUp(id=new_visitor_id(), history=tuple(history))


def page(random: Random) -> Mapping[str, Value]:
    """Answer the context of a page view."""
    return {
        "path": f"/section-{random.randrange(12)}/page-{random.randrange(20)}",
        "host": "shop.example",
        "language": "en",
    }


def _value(field: Declaration, random: Random) -> Value:
    if field.values:
        return random.choice(field.values)
    match field.type:
        case "number":
            return random.randrange(10_000)
        case "boolean":
            return random.random() < 0.5  # noqa: PLR2004 - a coin
        case "date":
            return f"20{random.randrange(10, 26)}-{random.randrange(1, 13):02}-01"
        case "list":
            return [f"value-{random.randrange(20)}" for _ in range(3)]
        case _:
            return f"value-{random.randrange(20)}"
