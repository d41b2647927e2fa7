"""The oracle's reading of orders and appointments: what is left of all that was told."""

from collections.abc import Sequence

from edgeseg.events.event import Event, Value

KINDS = {"order_completed": "order_id", "appointment_booked": "appointment_id"}
OF_KIND = {
    "order_completed": "order_completed",
    "order_updated": "order_completed",
    "order_refunded": "order_completed",
    "order_cancelled": "order_completed",
    "appointment_booked": "appointment_booked",
    "appointment_rescheduled": "appointment_booked",
    "appointment_cancelled": "appointment_booked",
}
AMOUNTS = ("revenue", "total", "value", "amount")


def thing(event: Event) -> tuple[str, str] | None:
    """Answer what an event is about, None for nothing that has an id."""
    kind = OF_KIND.get(event.name)
    id_ = event.properties.get(KINDS[kind]) if kind else None
    return (kind, str(id_)) if kind and isinstance(id_, str) else None


def counted(events: Sequence[Event]) -> list[Event]:
    """Answer the events with each order and appointment once, as it is in the end."""
    found = [event for event in events if event.name not in KINDS or thing(event) is None]
    for about in dict.fromkeys(filter(None, map(thing, events))):
        told = [event for event in events if thing(event) == about]
        told.sort(key=lambda event: event.at_ms)
        made = [event for event in told if event.name == about[0]]
        if made and not any(event.name.endswith("_cancelled") for event in told):
            found.append(Event(about[0], made[0].at_ms, _left(told)))
    return found


def _left(told: Sequence[Event]) -> dict[str, Value]:
    properties: dict[str, Value] = {}
    for event in told:
        if not event.name.endswith("_refunded"):
            properties |= event.properties
    for name in AMOUNTS:
        before = properties.get(name)
        if type(before) in {int, float} and before > 0:  # type: ignore[operator]
            taken = sum(_refunded(event, name) for event in told)
            properties[name] = max(0, before - taken)  # type: ignore[operator]
    return properties


def _refunded(event: Event, name: str) -> float:
    """Answer how much of an amount a refund takes away."""
    if not event.name.endswith("_refunded"):
        return 0
    named = {each: event.properties.get(each) for each in AMOUNTS}
    numbers = {each: value for each, value in named.items() if type(value) in {int, float}}
    if not numbers:
        return float("inf")
    return abs(numbers.get(name, next(iter(numbers.values()))))  # type: ignore[arg-type]


def happened(events: Sequence[Event]) -> list[Event]:
    """Answer the events without those that only repeat that a thing was made."""
    found, known = [], set()
    for event in sorted(events, key=lambda each: each.at_ms):
        about = thing(event)
        if event.name in KINDS and about in known:
            continue
        if event.name in KINDS:
            known.add(about)
        found.append(event)
        known.discard(None)
    return found
