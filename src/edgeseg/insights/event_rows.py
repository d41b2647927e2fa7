"""Events of visitors as rows of a table, for other programs to analyse. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from edgeseg.clock import instant
from edgeseg.decisions.outcome_plan import (
    CLICKED,
    CONVERTED,
    DISMISSED,
    JOINED,
    REFUNDED,
    RESPONDED,
    SHOWN,
)
from edgeseg.events.event import Event
from edgeseg.events.schema import EventType


class Stream(StrEnum):
    """What is exported."""

    EXPOSURES = "exposures"
    CONVERSIONS = "conversions"
    EVENTS = "events"


_NAMES: Final = {
    Stream.EXPOSURES: frozenset({SHOWN, CLICKED, DISMISSED}),
    Stream.CONVERSIONS: frozenset({CONVERTED, REFUNDED, JOINED, RESPONDED}),
}
_PROPERTIES: Final = {
    Stream.EXPOSURES: ("campaign", "variant", "slot", "layer", "experiment"),
    Stream.CONVERSIONS: (
        *("campaign", "variant", "goal", "credited", "revenue", "segments", "holdout"),
    ),
    Stream.EVENTS: ("properties",),
}
_SURE: Final = ("at", "visitor", "event")


class Wanted(NamedTuple):
    """Which events to export: of a stream, from an instant to before another, epoch ms."""

    stream: Stream
    from_ms: int
    until_ms: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns; every value is text, "" for none."""
        return _SURE + _PROPERTIES[self.stream]


def event_rows(
    visitor_id: str,
    history: Iterable[Event],
    wanted: Wanted,
    declared: Mapping[str, EventType],
) -> Iterator[tuple[str, ...]]:
    """Iterate over the rows of one visitor.

    Args:
        visitor_id: whose history it is.
        history: the retained events, oldest first.
        wanted: which of them.
        declared: the event schema; properties marked as PII in it are left out.
    """
    names = _NAMES.get(wanted.stream)
    for event in history:
        if not wanted.from_ms <= event.at_ms < wanted.until_ms:
            continue
        if event.name not in names if names is not None else event.name.startswith("$"):
            continue
        sure = (instant(event.at_ms), visitor_id, event.name)
        properties = _told(event, declared)
        if names is None:
            yield (*sure, msgspec.json.encode(properties).decode())
        else:
            named = _PROPERTIES[wanted.stream]
            yield (*sure, *(_text(properties.get(name, "")) for name in named))


def _told(event: Event, declared: Mapping[str, EventType]) -> dict[str, object]:
    type_ = declared.get(event.name)
    known = (type_.properties if type_ else None) or {}
    return {
        name: value
        for name, value in event.properties.items()
        if name not in known or not known[name].pii
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
