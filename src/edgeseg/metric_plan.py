"""What to remember of events: the plan that segments compile and profiles follow.

A plain type on the ground, so that the floor that folds events does not know
the rule language, and the floor that compiles rules does not know storage.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity computed from the events that match one filter.

    Attributes:
        key: stable identity of the definition, 40 bits; the same filter and the
            same aggregate have the same key in every version of the rules.
        event: name of the events that feed it.
        keep: how many of the most recent timestamps to remember, 0 to 1,000.
        sum_of: property to add up, "" for none.
        distinct_of: property whose different values are counted, "" for none.
        from_ms: only events at or after this instant count, None for all.
        until_ms: only events before this instant count, None for all.
        steps: for one step of a sequence, how many steps it has; 0 for other metrics.
            All steps share one key, and later steps come first in the plan.
        step: which of them, from 0; ``steps`` itself for what must not follow.
        instant_of: property that holds an instant; ``keep`` of those are remembered then,
            the latest ones. "" for none.
        latest_of: property whose latest different values are remembered, ``keep`` of them,
            each with when it was met last and the time before; "" for none.
    """

    key: int
    event: str
    keep: int = 0
    sum_of: str = ""
    distinct_of: str = ""
    from_ms: int | None = None
    until_ms: int | None = None
    steps: int = 0
    step: int = 0
    instant_of: str = ""
    latest_of: str = ""

    def covers(self, at_ms: int) -> bool:
        """Tell whether events at this instant count."""
        if self.from_ms is not None and at_ms < self.from_ms:
            return False
        return self.until_ms is None or at_ms < self.until_ms


class MetricPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All metrics of one version of the rules.

    Attributes:
        id: changes whenever a metric is added, or keeps more timestamps.
        metrics: in positions; `feeds` answers these.
        affinities: event properties whose values' weights are kept.
        events: names of the events that conditions ask about; always tallied.
        instant_ms: from a property's value to the instant it tells, None for none.
        feeds: from an event's name and properties, the positions in `metrics` that it feeds.
        over: event name → keys of the metrics that it may feed, but for sequences; derived.
        by_key: key → metric, of a sequence one of its steps; derived.
        fed: names of the events that may feed a metric; derived.
        memo_bytes: memory that the rules take beside each profile that is decoded, about
            (see `Profile.memo`).
    """

    id: str
    metrics: tuple[Metric, ...]
    feeds: Callable[[str, Mapping[str, object]], Sequence[int]]
    affinities: tuple[str, ...] = ()
    events: frozenset[str] = frozenset()
    instant_ms: Callable[[object], int | None] = lambda _value: None
    over: Mapping[str, frozenset[int]] = {}
    by_key: Mapping[int, Metric] = {}
    fed: frozenset[str] = frozenset()
    memo_bytes: int = 0

    def __post_init__(self) -> None:
        """Gather what is derived once, as `feeds` stands for an index built once."""
        found: dict[str, set[int]] = {}
        for metric in self.metrics:
            if not metric.steps:
                found.setdefault(metric.event, set()).add(metric.key)
        over = {event: frozenset(keys) for event, keys in found.items()}
        msgspec.structs.force_setattr(self, "over", over)
        by_key = {metric.key: metric for metric in self.metrics}
        msgspec.structs.force_setattr(self, "by_key", by_key)
        fed = frozenset(metric.event for metric in self.metrics)
        msgspec.structs.force_setattr(self, "fed", fed)


EMPTY_PLAN = MetricPlan(id="", metrics=(), feeds=lambda _name, _properties: ())
