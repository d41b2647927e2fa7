"""The profile: what is known about one visitor, as folded from their events."""

from typing import Final

import msgspec

from edgeseg.clock import MINUTE_MS
from edgeseg.events.event import Value
from edgeseg.profiles.changes import Attributes, ConsentChange

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
        count: matching events, ever, or as far as ``since_ms`` tells.
        first_ms: instant of the earliest, 0 for none.
        last_ms: instant of the latest, 0 for none.
        total: sum of the metric's ``sum_of`` property.
        recent: instants of the latest ones, newest first, at most the metric's ``keep``.
            Of a metric over instants, the latest of those, in place of the events' own.
        distinct: different values of the metric's ``distinct_of`` property, at most
            `MAX_DISTINCT`; later ones are not counted.
        amounts: values of the metric's ``sum_of`` property, beside ``recent``.
        visit: number of the latest visit with such an event, 0 for none.
        earlier_ms: instant of the last one before that visit, 0 for none.
        since_ms: what happened before this instant may be missing, 0 for nothing.

    Of a sequence other things are told:

    - ``recent`` has one instant a step, 0 for none: the latest start of a run that has come
      so far;
    - ``count`` and ``last_ms`` are those of whole runs, by their last step;
    - ``earlier_ms`` is the first event after the last run that must not follow it.
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
    since_ms: int = 0


NO_STATE: Final = MetricState()
"""Of a metric that no event has fed."""
MAX_DISTINCT: Final = 256
"""Different values of a property that a metric tells apart."""


class LedgerEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One thing that keyed events told about, such as an order.

    Attributes:
        made_ms: when it was made, by the earliest event that says so; 0 for not yet.
        told_ms: the latest instant that anything was told of it.
        layers: what its properties became when, oldest first: each property stands in
            the layer of the latest event that named it, and in no other.
        refunded: taken from each of `AMOUNTS`, in their order; () for nothing.
        is_refunded: whether a refund named no amount: all of them are taken away.
        is_cancelled: whether it is gone, for good.
    """

    made_ms: int = 0
    told_ms: int = 0
    layers: tuple[tuple[int, dict[str, Value]], ...] = ()
    refunded: tuple[int | float, ...] = ()
    is_refunded: bool = False
    is_cancelled: bool = False


class Ledger(msgspec.Struct, frozen=True, array_like=True):
    """The things of one kind that a profile remembers, see `ledger`.

    Attributes:
        entries: id → what is known of the thing.
        settled: metric → its state without any entry: what events without id fed, and
            things that had to make place.
        total: the same for the tally of the event, None for none.
        dropped: how many things had to make place; nothing changes those any more.
    """

    entries: dict[str, LedgerEntry] = {}
    settled: dict[int, MetricState] = {}
    total: EventTotal | None = None
    dropped: int = 0


class Visit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The visit that is going on, or the last one there was."""

    number: int
    started_ms: int
    last_ms: int
    pages: int = 0
    landing_path: str = ""


class Profile(msgspec.Struct, frozen=True, array_like=True, weakref=True, dict=True):
    """What is known about one visitor.

    Attributes:
        created_ms: instant of the first event folded in.
        attributes: field → value, as the field schema types it, the longest unchanged first.
        tags: in the order they were first added.
        consents: purpose → its latest changes, newest first; a purpose never asked about
            is absent. Whether it is granted now: `changes.consents_at`.
        totals: event name → tally; beyond `MAX_EVENT_NAMES` the others together, under "".
        metrics: `Metric.key` → state; a metric that no event has fed is absent.
        visit: None before the first event.
        first_landing_path: path of the first page ever.
        first_referrer_host: host that led to the first page ever, "" for none.
        recent_ids: message ids of the latest events, oldest first, against repeats.
        plan_id: the plan the metrics were folded by.
        lists: names of the lists the visitor is on.
        pins: segment → whether the visitor is in it by hand, whatever its rule says.
        affinities: event property → its values with their weights, see `affinity`.
        set_ms: when ``attributes`` were set, see `changes.Attributes`.
        removed_ms: field → when it was removed.
        bucket_id: what shares and experiments stick to after a merge, "" for the own id.
        aliases: former id whose profile was merged into this → generation of the merge.
        index_entries: where the store's index names this visitor, the oldest first; a store
            that finds more than `MAX_INDEX_ENTRIES` removes the others from both.
        found_at: never stored: the id that the one asked for points to, "" for itself.
        ledgers: event that makes things, such as orders → those things.
        since_ms: of metrics that are not in ``metrics``, nothing before this instant is
            known, 0 for all of them being complete.
        affinities_since_ms: event property → the same for its ``affinities``.
    """

    created_ms: int = 0
    attributes: dict[str, Value] = {}
    tags: tuple[str, ...] = ()
    consents: dict[str, tuple[ConsentChange, ...]] = {}
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
    set_ms: tuple[tuple[int, int], ...] = ()
    removed_ms: dict[str, int] = {}
    bucket_id: str = ""
    aliases: dict[str, str] = {}
    index_entries: tuple[str, ...] = ()
    found_at: str = ""
    ledgers: dict[str, Ledger] = {}
    since_ms: int = 0
    affinities_since_ms: dict[str, int] = {}

    @property
    def dated_attributes(self) -> Attributes:
        """The attributes with the instants of their changes."""
        return Attributes(self.attributes, self.set_ms, self.removed_ms)

    @property
    def memo(self) -> dict[str, object]:
        """What others derived from ``attributes``, ``tags`` and ``lists`` alone.

        Never stored, and no part of a comparison; `fold` hands it on to a profile that has
        the same of these three.
        """
        return vars(self)


MAX_ALIASES: Final = 64
"""Former ids that lead to one profile; the oldest goes."""
MAX_INDEX_ENTRIES: Final = 20
"""Entries of the index that name one visitor; the oldest goes."""
MAX_RECENT_IDS: Final = 128
"""The dedup horizon: a repeat of one of a visitor's latest 128 message ids is dropped.

SDKs send a batch again as a whole, of 100 messages most often."""
MAX_EVENT_NAMES: Final = 200
"""Event names tallied in one profile, besides those that the rules ask about."""
OTHER_NAMES: Final = ""
"""Stands in the totals for the names beyond."""
EMPTY_PROFILE: Final = Profile()
