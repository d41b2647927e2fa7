"""What is stored of a visitor, as it is told to them or handed out."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from edgeseg.clock import instant
from edgeseg.delivery.edge import Edge
from edgeseg.events.event import Event, Value
from edgeseg.events.keyed import KEYED_EVENTS
from edgeseg.profiles.changes import ConsentChange, ConsentState, consent_state
from edgeseg.profiles.identity import is_known
from edgeseg.profiles.ledger import net_events
from edgeseg.profiles.profile import Profile
from edgeseg.segments.rule import Definitions

MASK: Final = "***"


class ConsentChangeReport(msgspec.Struct, frozen=True):
    """What was said about one purpose, once; ``source`` is who noted it."""

    granted: bool
    at: str
    source: str


class ConsentReport(msgspec.Struct, frozen=True):
    """Where one purpose stands; ``expires_at`` is null for a denial, or if it never does."""

    state: ConsentState
    at: str
    expires_at: str | None
    source: str
    history: list[ConsentChangeReport]


class Disclosure(msgspec.Struct, frozen=True):
    """What is stored of a visitor.

    Attributes:
        known: whether it is a person who has proven who they are.
        attributes: those that identify a person as ``***``, unless that was proven.
        masked: names of what is masked.
        events: name → how often, ever; those that a profile counts together are not told.
    """

    visitor: str
    known: bool
    created_at: str
    attributes: dict[str, Value]
    masked: list[str]
    tags: list[str]
    lists: list[str]
    consents: dict[str, ConsentReport]
    events: dict[str, int]


class EventReport(msgspec.Struct, frozen=True):
    """One retained event."""

    event: str
    at: str
    properties: dict[str, Value]


class Export(msgspec.Struct, frozen=True):
    """All that is stored of a visitor, for them to take along.

    Attributes:
        profile: as `GET /v1/me` tells it.
        pins: segment → in or out by hand.
        interests: property → value → weight.
        first_page: path of the first page ever.
        first_referrer: host that led to it.
        former_ids: ids that lead to the same profile.
        things: what became of orders and appointments.
        history: the retained events, oldest first.
    """

    profile: Disclosure
    pins: dict[str, bool]
    interests: dict[str, dict[str, float]]
    first_page: str
    first_referrer: str
    former_ids: list[str]
    things: list[EventReport]
    history: list[EventReport]


def disclose(
    edge: Edge, visitor_id: str, profile: Profile, *, definitions: Definitions, proven: bool
) -> Disclosure:
    """Answer what is stored, personal attributes only if the person has ``proven`` to be it."""
    hidden = () if proven else _personal(definitions, profile.attributes)
    now_ms = edge.clock()
    present_id = profile.found_at or visitor_id
    return Disclosure(
        visitor=present_id,
        known=is_known(present_id),
        created_at=instant(profile.created_ms),
        attributes=_mask(profile.attributes, hidden),
        masked=sorted(hidden),
        tags=list(profile.tags),
        lists=list(profile.lists),
        consents={
            purpose: _consent(changes, now_ms, edge.limits.consent_ms)
            for purpose, changes in profile.consents.items()
        },
        events={name: total.count for name, total in profile.totals.items() if name},
    )


def export(
    edge: Edge,
    visitor_id: str,
    profile: Profile,
    history: Iterable[Event],
    *,
    definitions: Definitions,
    proven: bool,
) -> Export:
    """Answer all that is stored; what identifies a person is masked as in `disclose`."""
    things = [
        event
        for kind in {kind for kind, _role in KEYED_EVENTS.values()}
        if kind.made_by in profile.ledgers
        for event in net_events(kind, profile.ledgers[kind.made_by])
    ]
    return Export(
        profile=disclose(edge, visitor_id, profile, definitions=definitions, proven=proven),
        pins=profile.pins,
        interests=profile.affinities,
        first_page=profile.first_landing_path,
        first_referrer=profile.first_referrer_host,
        former_ids=list(profile.aliases),
        things=[_event(event, edge, definitions, proven=proven) for event in things],
        history=[_event(event, edge, definitions, proven=proven) for event in history],
    )


def _event(event: Event, edge: Edge, definitions: Definitions, *, proven: bool) -> EventReport:
    hidden: set[str] = set()
    if not proven:
        declared = definitions.events.get(event.name)
        properties = (declared.properties or {}) if declared else {}
        hidden = {name for name, each in properties.items() if each.pii}
        hidden |= {name for name, field in definitions.fields.items() if field.pii}
        hidden.add(edge.limits.identity_property)
    return EventReport(event.name, instant(event.at_ms), _mask(event.properties, hidden))


def _personal(definitions: Definitions, names: Iterable[str]) -> set[str]:
    """Answer the names that identify a person, or of which nobody says that they do not."""
    declared = definitions.fields
    return {name for name in names if name not in declared or declared[name].pii}


def _mask(values: Mapping[str, Value], hidden: Collection[str]) -> dict[str, Value]:
    return {name: MASK if name in hidden else value for name, value in values.items()}


def _consent(changes: tuple[ConsentChange, ...], now_ms: int, valid_ms: int) -> ConsentReport:
    current = changes[0]
    expires = current.granted and valid_ms
    return ConsentReport(
        state=consent_state(changes, now_ms=now_ms, valid_ms=valid_ms),
        at=instant(current.at_ms),
        expires_at=instant(current.at_ms + valid_ms) if expires else None,
        source=current.source,
        history=[
            ConsentChangeReport(change.granted, instant(change.at_ms), change.source)
            for change in changes[1:]
        ],
    )
