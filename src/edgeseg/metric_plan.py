"""What to remember of events: the plan that segments compile and profiles follow.

A plain type on the ground, so that the floor that folds events does not know
the rule language, and the floor that compiles rules does not know storage.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity computed from the events that match one filter.

    Attributes:
        key: stable identity of the definition, 63 bits; the same filter and the
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
        feeds: from an event's name and properties, the positions in `metrics` that it feeds.
    """

    id: str
    metrics: tuple[Metric, ...]
    feeds: Callable[[str, Mapping[str, object]], Sequence[int]]
    affinities: tuple[str, ...] = ()


EMPTY_PLAN = MetricPlan(id="", metrics=(), feeds=lambda _name, _properties: ())
