"""The profile: what is known about one visitor, as folded from their events."""

from typing import Final

import msgspec

from edgeseg.clock import MINUTE_MS
from edgeseg.events.event import Value

VISIT_TIMEOUT_MS: Final = 30 * MINUTE_MS
"""A visit ends after this much time without an event."""


class EventTotal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Lifetime tally of one event name, kept whatever the rules ask.

    ``visit`` and ``earlier_ms`` are as in `MetricState`.
    """

    count: int
    first_ms: int
    last_ms: int
    visit: int = 0
    earlier_ms: int = 0


class MetricState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one metric of the plan remembers.

    Attributes:
        count: matching events, ever (or since ``complete_since``, see the docs).
        first_ms: instant of the earliest, 0 for none.
        last_ms: instant of the latest, 0 for none.
        total: sum of the metric's ``sum_of`` property.
        recent: instants of the latest ones, newest first, at most the metric's ``keep``.
        distinct: different values of the metric's ``distinct_of`` property, at most
            `MAX_DISTINCT`; later ones are not counted.
        amounts: values of the metric's ``sum_of`` property, beside ``recent``.

    Of a sequence, ``recent`` holds for each step the latest start of a run so far (0 for
    none), ``count`` and ``last_ms`` tell of whole runs, and ``earlier_ms`` is the first
    event after the last run that must not follow it.

    Attributes:
        visit: number of the latest visit with such an event, 0 for none.
        earlier_ms: instant of the last one before that visit, 0 for none.
    """

    count: int = 0
    first_ms: int = 0
    last_ms: int = 0
    total: int | float = 0
    recent: tuple[int, ...] = ()
    distinct: tuple[str, ...] = ()
    amounts: tuple[int | float, ...] = ()
    visit: int = 0
    earlier_ms: int = 0


MAX_DISTINCT: Final = 256


class Visit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The visit that is going on, or the last one there was."""

    number: int
    started_ms: int
    last_ms: int
    pages: int = 0
    landing_path: str = ""


class Profile(msgspec.Struct, frozen=True, array_like=True):
    """What is known about one visitor.

    Attributes:
        created_ms: instant of the first event folded in.
        attributes: field → value, as the field schema types it.
        tags: in the order they were first added.
        consents: purpose → granted; a purpose never asked about is absent.
        totals: event name → tally.
        metrics: `Metric.key` → state; a metric that no event has fed is absent.
        visit: None before the first event.
        first_landing_path: path of the first page ever.
        first_referrer_host: host that led to the first page ever, "" for none.
        recent_ids: message ids of the latest events, oldest first, against repeats.
        plan_id: the plan the metrics were folded by.
        lists: names of the lists the visitor is on.
        pins: segment → whether the visitor is in it by hand, whatever its rule says.
        affinities: event property → its values with their weights, see `affinity`.
    """

    created_ms: int = 0
    attributes: dict[str, Value] = {}
    tags: tuple[str, ...] = ()
    consents: dict[str, bool] = {}
    totals: dict[str, EventTotal] = {}
    metrics: dict[int, MetricState] = {}
    visit: Visit | None = None
    first_landing_path: str = ""
    first_referrer_host: str = ""
    recent_ids: tuple[str, ...] = ()
    plan_id: str = ""
    lists: tuple[str, ...] = ()
    pins: dict[str, bool] = {}
    affinities: dict[str, dict[str, float]] = {}


MAX_RECENT_IDS: Final = 64
"""The dedup horizon: a repeat of one of a visitor's latest 64 message ids is dropped."""
EMPTY_PROFILE: Final = Profile()
