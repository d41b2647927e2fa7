"""Compile definitions: conditions to formulas, and what they need to know of a visitor."""

from collections.abc import Mapping
from functools import partial
from hashlib import blake2b

import msgspec

from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.segments.condition import (
    AffinityTest,
    All,
    Any,
    CapTest,
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
    Where,
)
from edgeseg.segments.event_compiler import EventCompiler
from edgeseg.segments.fact_keys import (
    AFFINITY,
    CONSENT,
    CONTEXT,
    CUSTOM,
    FIELD,
    LIST,
    METRIC,
    SEASON,
    SEGMENT,
    SETS,
    SHARE,
    TAG,
    age_key,
    without_age,
)
from edgeseg.segments.fact_sources import FactSources
from edgeseg.segments.formula import Formula, Literal, all_of, any_of, negate
from edgeseg.segments.metric_planner import MetricPlanner
from edgeseg.segments.rule import OF_INSTANTS, Definitions, NamedMetric
from edgeseg.segments.schedule import Schedule, Season
from edgeseg.segments.test_formulas import (
    instants_formula,
    read_instant,
    tests_formula,
)

MAX_INSTANTS = 64
"""Instants that a metric over several of them remembers: the latest."""


class Compiler:
    """Compiles conditions of one set of definitions, gathering what they need to know.

    Attributes:
        sources: the facts that the formulas so far ask about.
    """

    def __init__(self, definitions: Definitions) -> None:
        """Start with no facts asked about and no metrics needed."""
        self.definitions = definitions
        self.sources = FactSources()
        self._planner = MetricPlanner(partial(read_instant, time_zone=definitions.time_zone))
        self._events = EventCompiler(self._planner, self.sources, definitions.time_zone)

    def formula(self, condition: Condition) -> Formula:  # noqa: C901, PLR0911, PLR0912 - one a kind
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
                key = self.sources.context.setdefault(name, CONTEXT + name)
                return tests_formula(key, tests)
            case MetricTest(name, tests):
                return self._metric(self.definitions.metrics[name], tests)
            case EventTest():
                return self._events.formula(condition)
            case SequenceTest():
                return self._events.sequence(condition)
            case AffinityTest():
                return self._events.affinity(condition)
            case CapTest():
                return self._events.cap(condition)
            case ConsentTest(purpose):
                return Literal(CONSENT, "eq", purpose)
            case TagTest(tag):
                return Literal(TAG, "eq", tag)
            case ListTest(name):
                return Literal(LIST, "eq", name)
            case SegmentTest(segment):
                return Literal(SEGMENT, "eq", segment)
            case ShareTest():
                return self._share(condition)
            case SeasonTest(schedule):
                return self._season(schedule)

    def values(self, event: str, where: Mapping[str, str], of: str) -> int:
        """Answer the key of a metric that remembers different values of a property.

        In the order of their arrival; beyond `MAX_DISTINCT` of `profiles.profile`, no more.
        """
        tests = tuple((name, (Test("eq", value),)) for name, value in where.items())
        return self._planner.need(Metric(key=0, event=event, distinct_of=of), tests)

    def instants(self, event: str, where: Where, keep: int) -> int:
        """Answer the key of a metric that remembers when the latest such events were.

        Args:
            event: name of the events.
            where: tests per property, all on the same event.
            keep: how many instants to remember.
        """
        return self._planner.need(Metric(key=0, event=event, keep=keep), where)

    def latest_values(self, event: str, of: str, keep: int) -> int:
        """Answer the key of a metric that remembers the latest different values of a property."""
        return self._planner.need(Metric(key=0, event=event, latest_of=of, keep=keep))

    def need_affinity(self, name: str) -> None:
        """Have the weights of the values of an event property kept."""
        self._planner.need_affinity(name)

    def is_multi(self, fact: str) -> bool:
        """Tell the facts that may have several values at once."""
        if fact in SETS:
            return True
        key = without_age(fact)
        if key.startswith(FIELD):
            return self.definitions.fields[key.removeprefix(FIELD)].type == "list"
        if key.startswith(METRIC):
            metric = self.definitions.metrics[key.removeprefix(METRIC)]
            return metric.aggregate == "instants"
        # The type of a custom value is declared by nobody, it may be a list.
        return fact.startswith((CUSTOM, AFFINITY))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What has to be remembered of events so far, as in the plan."""
        return self._planner.metrics

    def plan(self, *, prepared: bool = False) -> MetricPlan:
        """Answer what to remember of events, for all that was compiled so far.

        Args:
            prepared: whether to do all work before the first event.
        """
        return self._planner.plan(prepared=prepared)

    def _share(self, condition: ShareTest) -> Formula:
        key = SHARE + condition.salt
        self.sources.shares[key] = condition.salt
        inside, outside = (
            # In whole places where it is so many: 0.07 * 100 is a little more than 7.
            Literal(key, "lt", round(percent * 100, 6) / 10_000)
            for percent in (condition.percent, condition.above)
        )
        return all_of((inside, negate(outside))) if condition.above else inside

    def _season(self, schedule: Schedule) -> Formula:
        # By content, so that facts gathered for one compilation serve another.
        parts = msgspec.structs.astuple(schedule)
        content = [sorted(each) if isinstance(each, frozenset) else each for each in parts]
        key = SEASON + blake2b(repr(content).encode(), digest_size=8).hexdigest()
        self.sources.seasons.setdefault(key, Season(schedule))
        return Literal(key, "is", operand=True)

    def _field(self, name: str, tests: tuple[Test, ...]) -> Formula:
        key = FIELD + name
        if self.definitions.fields[name].type == "date":
            self.sources.dates[name] = key
            return self._instant(key, tests)
        self.sources.fields[name] = key
        return tests_formula(key, tests)

    def _metric(self, metric: NamedMetric, tests: tuple[Test, ...]) -> Formula:
        key = self._named(metric)
        if metric.aggregate in OF_INSTANTS:
            return self._instant(key, tests, is_multi=metric.aggregate == "instants")
        return tests_formula(key, tests)

    def _instant(self, key: str, tests: tuple[Test, ...], *, is_multi: bool = False) -> Formula:
        self.sources.instants[key] = age_key(key)
        zone = self.definitions.time_zone
        return instants_formula(key, tests, zone, is_multi=is_multi)

    def _named(self, metric: NamedMetric) -> str:
        fact = METRIC + metric.id
        if fact not in self.sources.metrics:
            wanted = Metric(
                key=0,
                event=metric.event,
                sum_of=metric.of if metric.aggregate in {"sum", "average"} else "",
                distinct_of=metric.of if metric.aggregate == "distinct" else "",
                instant_of=metric.of if metric.aggregate == "instants" else "",
                keep=MAX_INSTANTS if metric.aggregate == "instants" else 0,
            )
            key = self._planner.need(wanted, metric.where)
            self.sources.metrics[fact] = (key, metric.aggregate)
        return fact
