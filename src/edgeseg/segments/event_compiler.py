"""Compile conditions on events: to tests of metrics, which the planner then plans."""

from datetime import tzinfo

from edgeseg.metric_plan import Metric
from edgeseg.segments.condition import AffinityTest, CapTest, EventTest, SequenceTest, Test
from edgeseg.segments.fact_keys import (
    AFFINITY,
    CAP,
    COUNT,
    QUIET,
    RUN,
    SUM,
    TOTAL,
    age_key,
    nth_key,
)
from edgeseg.segments.fact_sources import CapSource, Extreme, FactSources
from edgeseg.segments.formula import AGE, ANY_AGE, Formula, Literal, all_of, any_of, negate
from edgeseg.segments.metric_planner import MetricPlanner
from edgeseg.segments.test_formulas import (
    COMPLEMENTS,
    instant_ms,
    instants_formula,
    tests_formula,
)

MAX_AMOUNTS = 256
"""Latest events that a sum in a window adds up; further back it is approximate."""


class EventCompiler:
    """Compiles event conditions, noting the facts and metrics they need."""

    def __init__(self, planner: MetricPlanner, sources: FactSources, time_zone: tzinfo) -> None:
        """Note metrics in ``planner`` and facts in ``sources``."""
        self._planner = planner
        self._sources = sources
        self._time_zone = time_zone

    def formula(self, condition: EventTest) -> Formula:
        """Compile one condition."""
        if condition.sum:
            return self._sum(condition)
        if condition.first:
            return self._extreme(condition, "first", condition.first)
        if condition.last:
            return self._extreme(condition, "last", condition.last)
        tests = condition.count or (Test("gte", 1),)
        if condition.within_ms is None:
            return tests_formula(self._count(condition), tests)
        return all_of(self._windowed(condition, test) for test in tests)

    def sequence(self, condition: SequenceTest) -> Formula:
        """Compile a sequence of events, and what did not follow it."""
        unwanted = condition.not_followed_by
        key = self._planner.need_sequence(
            [(step.event, step.where) for step in condition.steps],
            (unwanted.event, unwanted.where) if unwanted else None,
        )
        if unwanted is None:
            fact = f"{RUN}{key:x}"
            self._sources.runs[fact] = key
            return Literal(fact, AGE, condition.within_ms or ANY_AGE)
        span_ms = condition.within_ms or 0
        fact = f"{QUIET}{key:x}.{span_ms}"
        self._sources.quiet[fact] = (key, span_ms)
        return all_of((Literal(fact, AGE, ANY_AGE), negate(Literal(fact, AGE, span_ms))))

    def affinity(self, condition: AffinityTest) -> Formula:
        """Compile a test of the visitor's strongest interests."""
        self._planner.need_affinity(condition.to)
        fact = f"{AFFINITY}{condition.to}.{condition.rank}"
        self._sources.affinities[fact] = (condition.to, condition.rank)
        return Literal(fact, "eq", condition.value)

    def cap(self, condition: CapTest) -> Formula:
        """Compile a cap: all caps are names in one fact, the set of those that are reached.

        So the index asks about one fact however many campaigns have caps.
        """
        metric = Metric(key=0, event=condition.event, keep=condition.at_most)
        key = self._planner.need(metric, condition.where)
        source = CapSource(condition.at_most, condition.per, condition.within_ms)
        name = f"{key:x}.{source.at_most}.{source.per or source.within_ms or 'ever'}"
        self._sources.caps.setdefault(key, {})[name] = source
        return Literal(CAP, "eq", name, positive=False)

    def _metric(self, condition: EventTest, *, keep: int = 0, sum_of: str = "") -> Metric:
        from_ms = until_ms = None
        if condition.between:
            from_ms, until_ms = (instant_ms(each, self._time_zone) for each in condition.between)
        return Metric(
            key=0,
            event=condition.event,
            keep=keep,
            sum_of=sum_of,
            from_ms=from_ms,
            until_ms=until_ms,
        )

    def _count(self, condition: EventTest) -> str:
        if not condition.where and not condition.between:
            fact = TOTAL + condition.event
            self._sources.totals[fact] = condition.event
            self._planner.need_tally(condition.event)
            return fact
        key = self._planner.need(self._metric(condition), condition.where)
        fact = f"{COUNT}{key:x}"
        self._sources.counts[fact] = key
        return fact

    def _sum(self, condition: EventTest) -> Formula:
        keep = MAX_AMOUNTS if condition.within_ms else 0
        metric = self._metric(condition, keep=keep, sum_of=condition.sum_of)
        key = self._planner.need(metric, condition.where)
        if condition.within_ms is None:
            fact = f"{SUM}{key:x}"
            self._sources.sums[fact] = key
        else:
            fact = f"{SUM}{key:x}.{condition.within_ms}"
            self._sources.recent_sums[fact] = (key, condition.within_ms)
        return tests_formula(fact, condition.sum)

    def _extreme(self, condition: EventTest, which: Extreme, tests: tuple[Test, ...]) -> Formula:
        if not condition.where and not condition.between:
            fact = f"{which}.{condition.event}"
            self._sources.total_extremes[fact] = (condition.event, which)
            self._planner.need_tally(condition.event)
        else:
            key = self._planner.need(self._metric(condition), condition.where)
            fact = f"{which}.{key:x}"
            self._sources.extremes[fact] = (key, which)
        self._sources.instants[fact] = age_key(fact)
        return instants_formula(fact, tests, self._time_zone)

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
            case "between":
                return all_of((at_least(first), negate(at_least(numbers[1] + 1))))
            case _:
                exactly = any_of(
                    all_of((at_least(number), negate(at_least(number + 1)))) for number in numbers
                )
                return negate(exactly) if test.op in COMPLEMENTS else exactly

    def _at_least(self, number: int, condition: EventTest) -> Formula:
        if number <= 0:  # always so, but as unknown as any other number of events
            once = self._at_least(1, condition)
            return any_of((once, negate(once)))
        key = self._planner.need(self._metric(condition, keep=number), condition.where)
        fact = nth_key(key, number)
        self._sources.ages[fact] = (key, number)
        return Literal(fact, AGE, condition.within_ms or 0)
