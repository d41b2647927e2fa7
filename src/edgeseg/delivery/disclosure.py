"""What is stored of a visitor, as it is told to them or handed out."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from edgeseg.clock import instant
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.edge import Edge
from edgeseg.events.event import Event, Value
from edgeseg.events.keyed import KEYED_EVENTS
from edgeseg.metric_plan import Metric
from edgeseg.profiles.changes import ConsentChange, ConsentState, consent_state
from edgeseg.profiles.identity import is_known
from edgeseg.profiles.ledger import net_events
from edgeseg.profiles.profile import MetricState, Profile
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


class MetricReport(msgspec.Struct, frozen=True):
    """What is counted of an event: of all of them, or of those that a condition asks about.

    Attributes:
        property: what the rest is about, "" for the event itself.
        at: instants of the latest ones, or those that the property held, newest first.
        total: sum of the property.
        values: different values of the property.
    """

    event: str
    property: str
    count: int
    first_at: str
    last_at: str
    at: list[str] = []
    total: float = 0
    values: list[str] = []


class VisitReport(msgspec.Struct, frozen=True):
    """The visit that is going on, or the last one."""

    number: int
    pages: int
    started_at: str
    last_at: str
    landing_path: str


class Export(msgspec.Struct, frozen=True):
    """All that is stored of a visitor, for them to take along.

    Attributes:
        profile: as `GET /v1/me` tells it.
        pins: segment → in or out by hand.
        interests: property → value → weight; masked values together.
        first_page: path of the first page ever.
        first_referrer: host that led to it.
        former_ids: ids that lead to the same profile.
        things: what became of orders and appointments.
        metrics: what is counted of events, the tallies of their names first.
        visit: null before the first event.
        history: the retained events, oldest first.
    """

    profile: Disclosure
    pins: dict[str, bool]
    interests: dict[str, dict[str, float]]
    first_page: str
    first_referrer: str
    former_ids: list[str]
    things: list[EventReport]
    metrics: list[MetricReport]
    visit: VisitReport | None
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
    rules: Snapshot,
    proven: bool,
) -> Export:
    """Answer all that is stored; what identifies a person is masked as in `disclose`.

    ``profile`` follows the plan of ``rules``.
    """
    definitions, visit = rules.definitions, profile.visit
    things = [
        event
        for kind in dict.fromkeys(kind for kind, _role in KEYED_EVENTS.values())
        if kind.made_by in profile.ledgers
        for event in net_events(kind, profile.ledgers[kind.made_by])
    ]
    return Export(
        profile=disclose(edge, visitor_id, profile, definitions=definitions, proven=proven),
        pins=profile.pins,
        interests=_interests(profile, edge, definitions, proven=proven),
        first_page=profile.first_landing_path,
        first_referrer=profile.first_referrer_host,
        former_ids=list(profile.aliases),
        things=[_event(event, edge, definitions, proven=proven) for event in things],
        metrics=[
            *(
                MetricReport(name, "", each.count, _instant(each.first_ms), _instant(each.last_ms))
                for name, each in profile.totals.items()
            ),
            *(
                _metric(rules.plan.by_key[key], state, edge, definitions, proven=proven)
                for key, state in profile.metrics.items()
                if key in rules.plan.by_key
            ),
        ],
        visit=VisitReport(
            visit.number,
            visit.pages,
            _instant(visit.started_ms),
            _instant(visit.last_ms),
            visit.landing_path,
        )
        if visit
        else None,
        history=[_event(event, edge, definitions, proven=proven) for event in history],
    )


def _interests(
    profile: Profile, edge: Edge, definitions: Definitions, *, proven: bool
) -> dict[str, dict[str, float]]:
    # Of whichever event the values were: a profile adds them up by property.
    hidden = set() if proven else _hidden(definitions.events, edge, definitions)
    return {
        name: {MASK: sum(weights.values())} if name in hidden else weights
        for name, weights in profile.affinities.items()
    }


def _event(event: Event, edge: Edge, definitions: Definitions, *, proven: bool) -> EventReport:
    hidden = set() if proven else _hidden(_telling_of(event.name), edge, definitions)
    return EventReport(event.name, instant(event.at_ms), _mask(event.properties, hidden))


def _metric(
    metric: Metric, state: MetricState, edge: Edge, definitions: Definitions, *, proven: bool
) -> MetricReport:
    about = metric.sum_of or metric.distinct_of or metric.latest_of or metric.instant_of
    report = MetricReport(
        metric.event, about, state.count, _instant(state.first_ms), _instant(state.last_ms)
    )
    if not proven and about in _hidden(_telling_of(metric.event), edge, definitions):
        return msgspec.structs.replace(report, values=[MASK])
    return msgspec.structs.replace(
        report,
        at=[instant(each) for each in state.recent if each],
        total=state.total,
        values=list(state.distinct),
    )


def _telling_of(event: str) -> list[str]:
    """Answer the events whose properties a told one may have: a thing has those of all about it."""
    return [name for name, (kind, _) in KEYED_EVENTS.items() if kind.made_by == event] or [event]


def _hidden(events: Iterable[str], edge: Edge, definitions: Definitions) -> set[str]:
    """Answer the properties of events that identify a person."""
    hidden = {name for name, field in definitions.fields.items() if field.pii}
    for event in events:
        declared = definitions.events.get(event)
        properties = (declared.properties or {}) if declared else {}
        hidden |= {name for name, each in properties.items() if each.pii}
    return hidden | {edge.limits.identity_property}


def _instant(at_ms: int) -> str:
    return instant(at_ms) if at_ms else ""


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
