"""Plan what to remember of events: the metrics that conditions need, each only once."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.segments.formula import Formula, all_of
from edgeseg.segments.index import Index
from edgeseg.segments.rule import Test
from edgeseg.segments.test_formulas import tests_formula

Where: TypeAlias = tuple[tuple[str, tuple[Test, ...]], ...]


class MetricPlanner:
    """Collects metrics; equal definitions share one."""

    def __init__(self) -> None:
        """Start with nothing to remember."""
        self._metrics: dict[int, Metric] = {}
        self._filters: dict[int, Where] = {}

    def need(self, metric: Metric, where: Where = ()) -> int:
        """Answer the key of a metric, which is now part of the plan.

        Args:
            metric: what to remember; its ``key`` is ignored, and of several that
                differ in ``keep`` alone the largest is kept.
            where: which of the events count.
        """
        tests = {name: [msgspec.structs.astuple(test) for test in each] for name, each in where}
        definition = msgspec.structs.astuple(msgspec.structs.replace(metric, key=0, keep=0))
        key = int(_digest([definition, sorted(tests.items())]), 16) >> 1
        known = self._metrics.get(key)
        keep = max(metric.keep, known.keep if known else 0)
        self._metrics[key] = msgspec.structs.replace(metric, key=key, keep=keep)
        self._filters[key] = where
        return key

    def plan(self) -> MetricPlan:
        """Answer the plan for all that was needed so far."""
        metrics = tuple(self._metrics.values())
        by_event: dict[str, list[int]] = {}
        for position, metric in enumerate(metrics):
            by_event.setdefault(metric.event, []).append(position)
        indexes = {
            event: Index(
                [(position, self._formula(metrics[position])) for position in positions],
                is_multi=lambda _fact: True,
            )
            for event, positions in by_event.items()
        }

        def feeds(name: str, properties: Mapping[str, object]) -> Sequence[int]:
            index = indexes.get(name)
            return index.evaluate(properties).held if index else ()

        identity = sorted((metric.key, metric.keep) for metric in metrics)
        return MetricPlan(id=_digest(identity), metrics=metrics, feeds=feeds)

    def _formula(self, metric: Metric) -> Formula:
        return all_of(tests_formula(name, tests) for name, tests in self._filters[metric.key])


def _digest(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=8).hexdigest()
