"""The oracle: a naive, obviously right reading of conditions over the whole history.

It knows nothing of plans, folds, formulas or indexes. Three-valued: None is unknown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec

from edgeseg.events.event import Event, Value
from edgeseg.segments.condition import (
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
    NoneOf,
    Not,
    SeasonTest,
    SegmentTest,
    SequenceTest,
    ShareTest,
    TagTest,
    Test,
)
from edgeseg.segments.rule import NamedMetric, Segment
from edgeseg.segments.schedule import Schedule
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
    pins: dict[str, bool] = {}
    bucket_id: str = ""
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
                return self.is_in(self.segments[segment])
            case ShareTest(percent, salt, above):
                low, high = (Fraction(str(each)) * 100 for each in (above, percent))
                return low <= self._place(salt) < high if visitor.bucket_id else None
            case SeasonTest(schedule):
                return lasts(schedule, self.now_ms)
            case ContextTest(name, tests) if name.removeprefix("visitor.") in {"hour", "weekday"}:
                return passes_all(tests, self._clock(name))
            case ContextTest(name, tests) if not name.startswith(("visit.", "first.")):
                return passes_all(tests, visitor.context.get(name))
            case _ if not visitor.known:
                return None
            case TagTest(tag):
                return tag in visitor.tags
            case FieldTest("due", tests):
                due = visitor.attributes.get("due")
                return self._instant(tests, milliseconds(str(due)) if due else None)
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

    def members(self) -> tuple[list[str], set[str]]:
        """Answer the segments that the visitor is in, by priority and id, and the open ones."""
        ordered = sorted(self.segments.values(), key=lambda each: (-each.priority, each.id))
        held = [segment for segment in ordered if self.is_in(segment)]
        pins = self.visitor.pins if self.visitor.known else {}
        firsts: dict[str, str] = {}
        for segment in sorted(held, key=lambda each: not pins.get(each.id, False)):
            firsts.setdefault(segment.exclusive_group or segment.id, segment.id)
        left = [each.id for each in held if each.id in firsts.values()]
        return left, {each.id for each in ordered if self.is_in(each) is None}

    def is_in(self, segment: Segment) -> bool | None:
        """Tell whether season, base, version, rule and pins put the visitor in a segment."""
        if self.visitor.known and segment.id in self.visitor.pins:
            return self.visitor.pins[segment.id]
        return self.meets(segment)

    def meets(self, segment: Segment) -> bool | None:
        """Tell the same, whatever the pins of this segment."""
        parts = [self.holds(segment.base), self.holds(segment.when)]
        if segment.season is not None:
            parts.append(lasts(segment.season, self.now_ms))
        if segment.versions:
            parts.append(self._version(segment))
        return conjunction(parts)

    def _version(self, segment: Segment) -> bool | None:
        truths = [self.holds(version.when) for version in segment.versions]
        if not self.visitor.bucket_id:  # any of those that somebody gets
            met = {
                truth for truth, each in zip(truths, segment.versions, strict=True) if each.weight
            }
            return False if met == {False} else None
        total, reached = sum(each.weight for each in segment.versions), 0
        for version, truth in zip(segment.versions, truths, strict=True):
            reached += version.weight
            if self._place(segment.id) < Fraction(10_000 * reached, total):
                return truth
        raise AssertionError

    def _place(self, salt: str) -> int:
        """Answer the visitor's place among 10,000, as published."""
        return fnv1a32(str(fnv1a32(salt + self.visitor.bucket_id))) % 10_000

    def _clock(self, name: str) -> Value | None:
        zone: tzinfo = UTC
        if name.startswith("visitor."):
            given = self.visitor.context.get("time_zone", "Nowhere")
            if given == "Nowhere":
                return None
            zone = ZoneInfo(str(given))
        local = datetime.fromtimestamp(self.now_ms / 1_000, zone)
        return local.hour if name.endswith("hour") else f"{local:%a}".lower()

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

    def _passes_instant(self, test: Test, at_ms: int | None) -> bool:  # noqa: PLR0911 - one an operator
        if test.op == "exists":
            return (at_ms is not None) == test.operand
        if at_ms is None:
            return test.op == "ne"
        if isinstance(test.operand, str | tuple):
            return _compares(test, at_ms)
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
                several = (value if isinstance(value, list) else [value] for value in values)
                return len({str(one) for each in several for one in each if one is not None})
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


def _compares(test: Test, at_ms: int) -> bool:
    """Tell whether an instant passes a test against instants."""
    operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    first, *rest = (milliseconds(str(each)) for each in operands)
    match test.op:
        case "between":
            return first <= at_ms <= rest[0]
        case "before":
            return at_ms < first
        case "after":
            return at_ms > first
        case _:
            return (at_ms == first) == (test.op == "eq")


def lasts(schedule: Schedule, now_ms: int) -> bool:
    """Tell whether a schedule is active."""
    if schedule.from_ms is not None and now_ms < schedule.from_ms:
        return False
    if schedule.until_ms is not None and now_ms >= schedule.until_ms:
        return False
    local = datetime.fromtimestamp(now_ms / 1_000, schedule.time_zone)
    clock = local.time()
    day = local
    if schedule.start < schedule.end and not schedule.start <= clock < schedule.end:
        return False
    if schedule.start > schedule.end and clock < schedule.start:
        if clock >= schedule.end:
            return False
        day -= timedelta(days=1)  # the night began the day before
    if schedule.months and day.month not in schedule.months:
        return False
    return not schedule.weekdays or day.weekday() in schedule.weekdays


def fnv1a32(text: str) -> int:
    """Hash as http://www.isthe.com/chongo/tech/comp/fnv tells it."""
    digest = 2_166_136_261
    for byte in text.encode("ascii"):
        digest = (digest ^ byte) * 16_777_619 % 2**32
    return digest


def total(values: Iterable[object]) -> float:
    """Add up the numbers among the values."""
    return sum(value for value in values if type(value) in {int, float})  # type: ignore[misc]


def milliseconds(text: str) -> int:
    """Read an instant."""
    given = datetime.fromisoformat(text)
    located = given if given.tzinfo else given.replace(tzinfo=UTC)
    return round(located.timestamp() * 1_000)


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
