"""Compile definitions: conditions to formulas, events to metrics, all to one evaluator."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from edgeseg.events.event import Scalar
from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.segments.formula import (
    AGE,
    Formula,
    Literal,
    all_of,
    any_of,
    negate,
)
from edgeseg.segments.index import Index
from edgeseg.segments.rule import (
    All,
    Any,
    Condition,
    ConsentTest,
    ContextTest,
    Definitions,
    EventTest,
    FieldTest,
    MetricTest,
    NamedMetric,
    NoneOf,
    Not,
    SegmentTest,
    TagTest,
    Test,
)
from edgeseg.segments.test_formulas import (
    AGE_PREFIX,
    COMPLEMENTS,
    instants_formula,
    tests_formula,
)

Where = tuple[tuple[str, tuple[Test, ...]], ...]


class FactSources(NamedTuple):
    """Where the facts that rules ask about come from.

    Attributes:
        fields: attribute → fact key.
        context: name → fact key.
        counts: fact key → metric key, for how often events happened.
        totals: fact key → event name, for the same without any filter.
        ages: fact key → (metric key, n), for the n-th most recent event.
        metrics: fact key → (metric key, aggregate), for named metrics.
        dates: attribute of the type date → fact key.
        instants: key of an instant → key of the same for tests of its age.
    """

    fields: dict[str, str]
    context: dict[str, str]
    counts: dict[str, int]
    totals: dict[str, str]
    ages: dict[str, tuple[int, int]]
    metrics: dict[str, tuple[int, str]]
    dates: dict[str, str]
    instants: dict[str, str]


class Compiler:
    """Compiles conditions of one set of definitions, gathering what they need to know."""

    def __init__(self, definitions: Definitions) -> None:
        """Start with no facts asked about and no metrics needed."""
        self.definitions = definitions
        self.sources = FactSources({}, {}, {}, {}, {}, {}, {}, {})
        self._metrics: dict[int, Metric] = {}
        self._filters: dict[int, Where] = {}

    def formula(self, condition: Condition) -> Formula:  # noqa: PLR0911, C901 - one line a kind
        """Compile one condition."""
        match condition:
            case All(conditions):
                return all_of(self.formula(part) for part in conditions)
            case Any(conditions):
                return any_of(self.formula(part) for part in conditions)
            case NoneOf(conditions):
                return negate(any_of(self.formula(part) for part in conditions))
            case Not(inner):
                return negate(self.formula(inner))
            case FieldTest(name, tests):
                return self._field(name, tests)
            case ContextTest(name, tests):
                key = self.sources.context.setdefault(name, f"context.{name}")
                return tests_formula(key, tests)
            case MetricTest(name, tests):
                return self._metric(self.definitions.metrics[name], tests)
            case EventTest():
                return self._event(condition)
            case ConsentTest(purpose):
                return Literal("consent", "eq", purpose)
            case TagTest(tag):
                return Literal("tag", "eq", tag)
            case SegmentTest(segment):
                return Literal("segment", "eq", segment)

    def is_multi(self, fact: str) -> bool:
        """Tell the facts that may have several values at once."""
        if fact in {"consent", "tag", "segment"}:
            return True
        source, _dot, name = fact.partition(".")
        if source == "field":
            return self.definitions.fields[name].type == "list"
        return fact.startswith("context.custom.")  # whose type nobody declares

    def plan(self) -> MetricPlan:
        """Answer what to remember of events, for all that was compiled so far."""
        metrics = tuple(self._metrics.values())
        by_event: dict[str, list[tuple[int, Formula]]] = {}
        for position, metric in enumerate(metrics):
            where = self._filters[metric.key]
            formula = all_of(tests_formula(name, tests) for name, tests in where)
            by_event.setdefault(metric.event, []).append((position, formula))
        indexes = {
            event: Index(rules, is_multi=lambda _fact: True) for event, rules in by_event.items()
        }

        def feeds(name: str, properties: Mapping[str, object]) -> Sequence[int]:
            index = indexes.get(name)
            return index.evaluate(properties).held if index else ()

        identity = sorted((metric.key, metric.keep) for metric in metrics)
        return MetricPlan(id=_digest(identity), metrics=metrics, feeds=feeds)

    def _need(
        self, event: str, where: Where, *, keep: int = 0, sum_of: str = "", of: str = ""
    ) -> int:
        """Answer the key of the metric, which is now part of the plan."""
        tests = {name: [msgspec.structs.astuple(test) for test in each] for name, each in where}
        key = int(_digest([event, sorted(tests.items()), sum_of, of]), 16) >> 1
        known = self._metrics.get(key)
        keep = max(keep, known.keep if known else 0)
        self._metrics[key] = Metric(key=key, event=event, keep=keep, sum_of=sum_of, distinct_of=of)
        self._filters[key] = where
        return key

    def _field(self, name: str, tests: tuple[Test, ...]) -> Formula:
        key = f"field.{name}"
        if self.definitions.fields[name].type == "date":
            self.sources.dates[name] = key
            return self._instant(key, tests)
        self.sources.fields[name] = key
        return tests_formula(key, tests)

    def _metric(self, metric: NamedMetric, tests: tuple[Test, ...]) -> Formula:
        key = self._named(metric)
        if metric.aggregate in {"first", "last"}:
            return self._instant(key, tests)
        return tests_formula(key, tests)

    def _instant(self, key: str, tests: tuple[Test, ...]) -> Formula:
        self.sources.instants[key] = AGE_PREFIX + key
        return instants_formula(key, tests, self.definitions.time_zone)

    def _named(self, metric: NamedMetric) -> str:
        fact = f"metric.{metric.id}"
        if fact not in self.sources.metrics:
            sum_of = metric.of if metric.aggregate == "sum" else ""
            of = metric.of if metric.aggregate == "distinct" else ""
            key = self._need(metric.event, metric.where, sum_of=sum_of, of=of)
            self.sources.metrics[fact] = (key, metric.aggregate)
        return fact

    def _event(self, condition: EventTest) -> Formula:
        tests = condition.count or (Test("gte", 1),)
        if condition.within_ms is None:
            return tests_formula(self._count_fact(condition), tests)
        return all_of(self._windowed(condition, test) for test in tests)

    def _count_fact(self, condition: EventTest) -> str:
        if not condition.where:
            fact = f"total.{condition.event}"
            self.sources.totals[fact] = condition.event
            return fact
        key = self._need(condition.event, condition.where)
        fact = f"count.{key:x}"
        self.sources.counts[fact] = key
        return fact

    def _windowed(self, condition: EventTest, test: Test) -> Formula:
        """Count in a window, told by how young the n-th most recent event is."""

        def at_least(number: int) -> Formula:
            return self._at_least(number, condition)

        operand = test.operand
        numbers = [int(each) for each in (operand if isinstance(operand, tuple) else (operand,))]
        first = numbers[0] if numbers else 0
        match test.op:
            case "gte":
                return at_least(first)
            case "gt":
                return at_least(first + 1)
            case "lt":
                return negate(at_least(first))
            case "lte":
                return negate(at_least(first + 1))
            case "eq" | "in" | "ne" | "not_in":
                exactly = any_of(
                    all_of((at_least(number), negate(at_least(number + 1)))) for number in numbers
                )
                return negate(exactly) if test.op in COMPLEMENTS else exactly
            case op:
                message = f"{op} does not count"
                raise ValueError(message)

    def _at_least(self, number: int, condition: EventTest) -> Formula:
        if number <= 0:  # always so, but as unknown as any other number of events
            once = self._at_least(1, condition)
            return any_of((once, negate(once)))
        key = self._need(condition.event, condition.where, keep=number)
        fact = f"age.{key:x}.{number}"
        self.sources.ages[fact] = (key, number)
        return Literal(fact, AGE, condition.within_ms or 0)


def _digest(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"), default=_plain)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _plain(value: object) -> Scalar | list[object]:
    return list(value) if isinstance(value, tuple) else str(value)
