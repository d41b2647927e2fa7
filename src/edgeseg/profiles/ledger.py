"""The ledger: what became of orders, appointments and the like. Pure.

Nothing here depends on the order in which the events arrive: what a later event says
wins, by its own time; only where two say different things of the same instant does the
one win that arrived last.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec

from edgeseg.events.event import Event, Value, is_number
from edgeseg.events.keyed import AMOUNTS, KeyedEvents, Role
from edgeseg.profiles.amounts import add_up
from edgeseg.profiles.profile import Ledger, LedgerEntry

MAX_ENTRIES: Final = 64
"""Things of one kind that are remembered; the oldest makes place."""
MAX_PROPERTIES: Final = 50
"""Properties of one thing that are remembered; those named last win."""
_NEW: Final = LedgerEntry()
_NOTHING: Final = (0,) * len(AMOUNTS)

Layers: TypeAlias = tuple[tuple[int, dict[str, Value]], ...]
"""As in `LedgerEntry`."""


def enter(ledger: Ledger, id_: str, role: Role, event: Event) -> tuple[Ledger, LedgerEntry | None]:
    """Answer the ledger with what an event tells of a thing, and the entry that made place."""
    entries = {**ledger.entries, id_: _tell(ledger.entries.get(id_, _NEW), role, event)}
    dropped, gone = ledger.dropped, None
    if len(entries) > MAX_ENTRIES:
        oldest = min(entries, key=lambda each: (instant_ms(entries[each]), each))
        gone = entries.pop(oldest)
        dropped += 1
    return Ledger(entries, ledger.settled, ledger.total, dropped), gone


def net_event(kind: KeyedEvents, entry: LedgerEntry) -> Event | None:
    """Answer the one event that a thing comes to; None if it is not there."""
    if not entry.made_ms or entry.is_cancelled:
        return None
    properties: dict[str, Value] = {}
    for _told_ms, layer in entry.layers:
        properties |= layer
    if entry.refunded or entry.is_refunded:
        for name, taken in zip(AMOUNTS, entry.refunded or _NOTHING, strict=True):
            amount = _number(properties, name)
            if amount is not None and amount > 0:
                properties[name] = 0 if entry.is_refunded else max(0, add_up(amount, -taken))
    return Event(kind.made_by, entry.made_ms, properties)


def net_events(kind: KeyedEvents, ledger: Ledger) -> Iterator[Event]:
    """Iterate over what all things come to, oldest first."""
    for entry in sorted(ledger.entries.values(), key=instant_ms):
        event = net_event(kind, entry)
        if event is not None:
            yield event


def _tell(entry: LedgerEntry, role: Role, event: Event) -> LedgerEntry:
    told = msgspec.structs.replace(entry, told_ms=max(entry.told_ms, event.at_ms))
    match role:
        case Role.MADE:
            made_ms = min(entry.made_ms or event.at_ms, event.at_ms)
            told = msgspec.structs.replace(told, made_ms=made_ms)
            return msgspec.structs.replace(told, layers=_lay(told, event))
        case Role.CHANGED:
            return msgspec.structs.replace(told, layers=_lay(told, event))
        case Role.REFUNDED:
            return _refund(told, event.properties)
        case Role.CANCELLED:
            return LedgerEntry(made_ms=told.made_ms, told_ms=told.told_ms, is_cancelled=True)


def _lay(entry: LedgerEntry, event: Event) -> Layers:
    """Answer the layers with one more."""
    return () if entry.is_cancelled else lay((*entry.layers, (event.at_ms, event.properties)))


def lay(layers: Iterable[tuple[int, dict[str, Value]]]) -> Layers:
    """Answer the layers in the order of time; what a later one names is left out of earlier ones.

    Of layers of one instant the last one given is the latest.
    """
    oldest_first = sorted(layers, key=lambda layer: layer[0])  # stable: ties stay as given
    named: set[str] = set()
    kept = []
    for told_ms, properties in reversed(oldest_first):
        own = {name: value for name, value in properties.items() if name not in named}
        own = dict(list(own.items())[: MAX_PROPERTIES - len(named)])
        named.update(own)
        if own:
            kept.append((told_ms, own))
    return tuple(reversed(kept))


def _refund(entry: LedgerEntry, properties: Mapping[str, Value]) -> LedgerEntry:
    """Take from each amount what the refund names of it, else what it names first."""
    if entry.is_cancelled:
        return entry
    taken = refunded_amounts(properties)
    if taken is None:
        return msgspec.structs.replace(entry, is_refunded=True)
    before = entry.refunded or _NOTHING
    refunded = tuple(add_up(one, other) for one, other in zip(before, taken, strict=True))
    return msgspec.structs.replace(entry, refunded=refunded)


def refunded_amounts(properties: Mapping[str, Value]) -> tuple[int | float, ...] | None:
    """Answer what a refund takes from each of `AMOUNTS`, None where it names no amount."""
    named = [_number(properties, name) for name in AMOUNTS]
    first = next((amount for amount in named if amount is not None), None)
    if first is None:
        return None
    return tuple(abs(first if amount is None else amount) for amount in named)


def _number(properties: Mapping[str, Value], name: str) -> int | float | None:
    value = properties.get(name)
    return value if is_number(value) else None  # type: ignore[return-value]


def instant_ms(entry: LedgerEntry) -> int:
    """Answer the instant by which the oldest things make place."""
    return entry.made_ms or entry.told_ms
