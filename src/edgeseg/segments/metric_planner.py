"""Plan what to remember of events: the metrics that conditions need, each only once."""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.segments.condition import Test, Where
from edgeseg.segments.formula import BETWEEN, Formula, all_of
from edgeseg.segments.index import Index
from edgeseg.segments.test_formulas import tests_formula

KEY_BITS: Final = 40


class MetricPlanner:
    """Collects metrics; equal definitions share one."""

    def __init__(self, instant_ms: Callable[[object], int | None] = lambda _value: None) -> None:
        """Start with nothing to remember; ``instant_ms`` reads properties that are instants."""
        self._instant_ms = instant_ms
        self._events: set[str] = set()
        self._metrics: dict[tuple[int, int], Metric] = {}
        self._filters: dict[tuple[int, int], Where] = {}
        self._affinities: dict[str, None] = {}
        self._defined: dict[int, str] = {}

    def need(self, metric: Metric, where: Where = ()) -> int:
        """Answer the key of a metric, which is now part of the plan.

        Args:
            metric: what to remember; its ``key`` is ignored, and of several that
                differ in ``keep`` alone the largest is kept.
            where: which of the events count.
        """
        definition = msgspec.structs.astuple(msgspec.structs.replace(metric, key=0, keep=0))
        key = self._key_of([definition, _plain(where)])
        known = self._metrics.get((key, 0))
        keep = max(metric.keep, known.keep if known else 0)
        self._metrics[key, 0] = msgspec.structs.replace(metric, key=key, keep=keep)
        self._filters[key, 0] = where
        return key

    def need_sequence(
        self, steps: Sequence[tuple[str, Where]], unwanted: tuple[str, Where] | None
    ) -> int:
        """Answer the key of a sequence of events, which is now part of the plan.

        Args:
            steps: event and filter of each, in order.
            unwanted: of what must not follow, None for nothing.
        """
        asked = [*steps, unwanted] if unwanted else list(steps)
        key = self._key_of([[event, _plain(where)] for event, where in asked] + [len(steps)])
        for step, (event, where) in reversed(list(enumerate(asked))):
            self._metrics[key, step] = Metric(key=key, event=event, steps=len(steps), step=step)
            self._filters[key, step] = where
        return key

    def _key_of(self, definition: object) -> int:
        """Answer the key of a definition, or the next free one where another has it.

        Keys stand in every profile, so they are short. Among 10,000 metrics two begin with
        the same key once in 20,000 sets of rules; then one of them looks back as far as the
        journal does whenever the other comes or goes.
        """
        digest = _digest(definition)
        key = int(digest, 16) >> (64 - KEY_BITS)
        while self._defined.setdefault(key, digest) != digest:
            key = (key + 1) % 2**KEY_BITS
        return key

    def need_tally(self, event: str) -> None:
        """Keep the tally of an event name, however many other names there are."""
        self._events.add(event)

    def need_affinity(self, name: str) -> None:
        """Keep the weights of the values of an event property."""
        self._affinities[name] = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that were needed so far."""
        return tuple(self._metrics.values())

    def plan(self, *, prepared: bool = False) -> MetricPlan:
        """Answer the plan for all that was needed so far.

        Args:
            prepared: whether its indexes are to be worked out before the first event.
        """
        entries = list(self._metrics)
        metrics = self.metrics
        by_event: dict[str, list[int]] = {}
        for position, metric in enumerate(metrics):
            by_event.setdefault(metric.event, []).append(position)
        formulas = [_formula(self._filters[entry]) for entry in entries]
        indexes = {
            event: Index([(at, formulas[at]) for at in positions], is_multi=lambda _fact: True)
            for event, positions in by_event.items()
        }

        if prepared:
            for index in indexes.values():
                index.prepare()

        def feeds(name: str, properties: Mapping[str, object]) -> Sequence[int]:
            index = indexes.get(name)
            return index.evaluate(properties).held if index else ()

        identity = sorted((metric.key, metric.keep) for metric in metrics)
        affinities = tuple(self._affinities)
        id_ = _digest([identity, affinities])
        return MetricPlan(
            id=id_,
            metrics=metrics,
            feeds=feeds,
            affinities=affinities,
            events=frozenset(self._events),
            instant_ms=self._instant_ms,
        )


def _formula(where: Where) -> Formula:
    return all_of(tests_formula(name, tests) for name, tests in where)


def _plain(where: Where) -> list[object]:
    """Answer a filter in plain values, the same in whatever order it is written."""
    tests = {name: sorted(map(_plain_test, each), key=_json) for name, each in where}
    return sorted(tests.items())  # type: ignore[return-value]


def _plain_test(test: Test) -> tuple[object, ...]:
    op, operand, ignore_case = msgspec.structs.astuple(test)
    if isinstance(operand, tuple) and op != BETWEEN:
        operand = sorted(operand, key=_json)
    return op, operand, ignore_case


def _digest(value: object) -> str:
    return blake2b(_json(value).encode(), digest_size=8).hexdigest()


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
