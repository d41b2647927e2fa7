"""The oracle: a naive, obviously right reading of conditions over the whole history.

It knows nothing of plans, folds, formulas or indexes. Three-valued: None is unknown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from edgeseg.events.event import Event, Value
from edgeseg.segments.rule import (
    AffinityTest,
    All,
    Any,
    Condition,
    ConsentTest,
    ContextTest,
    EventTest,
    FieldTest,
    ListTest,
    MetricTest,
    NamedMetric,
    NoneOf,
    Not,
    Segment,
    SegmentTest,
    SequenceTest,
    TagTest,
    Test,
)
from tests.unit.segments.oracle_orders import counted, happened
from tests.unit.segments.oracle_values import passes_all

VISIT_MS = 30 * 60 * 1_000


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to know; ``known`` is False when the profile may not be read."""

    events: tuple[Event, ...]
    attributes: dict[str, Value]
    tags: tuple[str, ...]
    lists: tuple[str, ...]
    consents: dict[str, bool]
    context: dict[str, Value]
    known: bool = True


class Oracle:
    """Evaluates conditions for one visitor at one instant."""

    def __init__(
        self,
        segments: Mapping[str, Segment],
        metrics: Mapping[str, NamedMetric],
        visitor: Visitor,
        now_ms: int,
    ) -> None:
        self.segments = segments
        self.metrics = metrics
        self.visitor = visitor
        self.now_ms = now_ms
        self.counted = counted(visitor.events)
        self.happened = happened(visitor.events)

    def holds(self, condition: Condition) -> bool | None:  # noqa: C901, PLR0911, PLR0912 - one a kind
        """Answer whether the condition holds; None when unknown facts leave it open."""
        visitor = self.visitor
        match condition:
            case All(parts):
                return conjunction(self.holds(part) for part in parts)
            case Any(parts):
                return disjunction(self.holds(part) for part in parts)
            case NoneOf(parts):
                return inverse(disjunction(self.holds(part) for part in parts))
            case Not(inner):
                return inverse(self.holds(inner))
            case ConsentTest(purpose):
                return visitor.consents.get(purpose, False)
            case SegmentTest(segment):
                return self.holds(self.segments[segment].when)
            case ContextTest(name, tests) if not name.startswith(("visit.", "first.")):
                return passes_all(tests, visitor.context.get(name))
            case _ if not visitor.known:
                return None
            case TagTest(tag):
                return tag in visitor.tags
            case FieldTest(name, tests):
                return passes_all(tests, visitor.attributes.get(name))
            case ContextTest(name, tests):
                return passes_all(tests, self._visit(name))
            case MetricTest(name, tests) if self.metrics[name].aggregate == "instants":
                return self._any_instant(tests, self._instants(self.metrics[name]))
            case MetricTest(name, tests):
                return passes_all(tests, self._metric(self.metrics[name]))
            case SequenceTest():
                return self._sequence(condition)
            case AffinityTest(to, value, rank):
                return value in self._interests(to)[:rank]
            case ListTest(name):
                return name in visitor.lists
            case EventTest():
                return self._event(condition)

    def _event(self, condition: EventTest) -> bool:
        events = self._matching(condition.event, condition.where, condition.within_ms)
        if condition.between:
            low, high = (milliseconds(each) for each in condition.between)
            events = [event for event in events if low <= event.at_ms < high]
        if condition.sum:
            amounts = [event.properties.get(condition.sum_of) for event in events]
            return passes_all(condition.sum, total(amounts))
        if condition.first:
            first_ms = min((event.at_ms for event in events), default=None)
            return self._instant(condition.first, first_ms)
        if condition.last:
            visits = self._visits()
            going_on = bool(visits) and self.now_ms - visits[-1][-1].at_ms <= VISIT_MS
            visit = visits[-1] if going_on else []
            before = [event.at_ms for event in events if not visit or event.at_ms < visit[0].at_ms]
            return self._instant(condition.last, max(before, default=None))
        return passes_all(condition.count or (Test("gte", 1),), len(events))

    def _matches(self, event: Event, step: EventTest) -> bool:
        return event.name == step.event and all(
            passes_all(tests, event.properties.get(key)) for key, tests in step.where
        )

    def _sequence(self, condition: SequenceTest) -> bool:
        """Try every way of choosing one later event for each step."""
        history = sorted(self.happened, key=lambda event: event.at_ms)

        def runs(steps: Sequence[EventTest], after: int) -> Iterator[list[int]]:
            if not steps:
                yield []
                return
            for index in range(after, len(history)):
                if self._matches(history[index], steps[0]):
                    for rest in runs(steps[1:], index + 1):
                        yield [index, *rest]

        found = list(runs(condition.steps, 0))
        if not condition.not_followed_by:
            window_ms = condition.within_ms or 10**15
            return any(self.now_ms - window_ms < history[run[0]].at_ms for run in found)
        if not found:
            return False
        last = max(run[-1] for run in found)
        ended_ms, span_ms = history[last].at_ms, condition.within_ms or 0
        too_soon = any(
            self._matches(event, condition.not_followed_by) and event.at_ms - ended_ms < span_ms
            for event in history[last + 1 :]
        )
        return self.now_ms - ended_ms >= span_ms and not too_soon

    def _interests(self, name: str) -> list[str]:
        # All weights halve together, so that their order is the same at any instant: it is told
        # at the latest event, where rounding does not take light weights for equal.
        latest_ms = max((event.at_ms for event in self.happened), default=0)
        weights: dict[str, float] = {}
        for event in self.happened:
            given = event.properties.get(name, [])
            for value in given if isinstance(given, list) else [given]:
                if isinstance(value, str):
                    halvings = (latest_ms - event.at_ms) / (30 * 86_400_000)
                    weights[value] = weights.get(value, 0.0) + 0.5**halvings
        return sorted(weights, key=lambda value: (-round(weights[value], 12), value))

    def _instant(self, tests: Iterable[Test], at_ms: int | None) -> bool:
        """Tell whether an instant, possibly missing, passes every test."""
        return all(self._passes_instant(test, at_ms) for test in tests)

    def _instants(self, metric: NamedMetric) -> list[int]:
        events = self._matching(metric.event, metric.where, None)
        values = [event.properties.get(metric.of) for event in events]
        return [milliseconds(value) for value in values if isinstance(value, str) and "T" in value]

    def _any_instant(self, tests: Iterable[Test], instants: Sequence[int]) -> bool:
        """Tell whether each test is passed by some instant."""
        return all(
            bool(instants) == test.operand
            if test.op == "exists"
            else any(self._passes_instant(test, at_ms) for at_ms in instants)
            for test in tests
        )

    def _passes_instant(self, test: Test, at_ms: int | None) -> bool:
        if at_ms is None:
            return False
        now_ms, span_ms = self.now_ms, test.operand
        assert isinstance(span_ms, int)
        match test.op:
            case "within_last":
                return now_ms - span_ms < at_ms <= now_ms
            case "within_next":
                return now_ms <= at_ms < now_ms + span_ms
            case "before":
                return at_ms < now_ms - span_ms
            case _:
                return now_ms - span_ms < at_ms

    def _matching(
        self,
        name: str,
        where: Sequence[tuple[str, tuple[Test, ...]]],
        within_ms: int | None,
    ) -> list[Event]:
        return [
            event
            for event in self.counted
            if event.name == name
            and (within_ms is None or self.now_ms - within_ms < event.at_ms)
            and all(passes_all(tests, event.properties.get(key)) for key, tests in where)
        ]

    def _metric(self, metric: NamedMetric) -> Value | None:
        events = self._matching(metric.event, metric.where, None)
        values = [event.properties.get(metric.of) for event in events]
        match metric.aggregate:
            case "count":
                return len(events)
            case "distinct":
                return len({str(value) for value in values if value is not None})
            case "sum":
                return total(values)
            case "average":
                return total(values) / len(events) if events else None
            case "first":
                return min((event.at_ms for event in events), default=None)
            case _:
                return max((event.at_ms for event in events), default=None)

    def _visits(self) -> list[list[Event]]:
        visits: list[list[Event]] = []
        for event in sorted(self.visitor.events, key=lambda each: each.at_ms):
            if not visits or event.at_ms - visits[-1][-1].at_ms > VISIT_MS:
                visits.append([])
            visits[-1].append(event)
        return visits

    def _visit(self, name: str) -> Value | None:
        visits = self._visits()
        if not visits:
            return None
        pages = [event for event in visits[-1] if event.name == "page_viewed"]
        match name:
            case "visit.number":
                return len(visits)
            case "visit.pages":
                return len(pages)
            case _:
                return (visits[-1][-1].at_ms - visits[-1][0].at_ms) // 1_000


def total(values: Iterable[object]) -> float:
    """Add up the numbers among the values."""
    return sum(value for value in values if type(value) in {int, float})  # type: ignore[misc]


def milliseconds(text: str) -> int:
    """Read an instant."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def conjunction(parts: Iterable[bool | None]) -> bool | None:
    """Kleene's "and"."""
    values = list(parts)
    return False if False in values else None if None in values else True


def disjunction(parts: Iterable[bool | None]) -> bool | None:
    """Kleene's "or"."""
    values = list(parts)
    return True if True in values else None if None in values else False


def inverse(value: bool | None) -> bool | None:  # noqa: FBT001 - the value itself
    """Kleene's "not"."""
    return None if value is None else not value
