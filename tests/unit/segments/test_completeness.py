"""What explanations say of values that are incomplete, or went past a bound."""

from collections.abc import Sequence

import pytest

from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN, MetricPlan
from edgeseg.profiles.affinity import MAX_VALUES
from edgeseg.profiles.fold import fold
from edgeseg.profiles.ledger import MAX_ENTRIES
from edgeseg.profiles.profile import EMPTY_PROFILE, MAX_DISTINCT, MAX_EVENT_NAMES, Profile
from edgeseg.segments.compiler import MAX_INSTANTS, Compiler
from edgeseg.segments.event_compiler import MAX_AMOUNTS
from edgeseg.segments.explain import ConditionReport, explain_segment
from edgeseg.segments.facts import gather_facts
from edgeseg.segments.rule import Definitions, NamedMetric, Segment
from edgeseg.segments.trial import read_condition
from tests.unit.profiles.stored_visitor import StoredVisitor

NOW_MS = 1_800_000_000_000
METRICS = {
    "orders": NamedMetric(
        id="orders", label="Orders", event="order_completed", aggregate="distinct", of="order_id"
    ),
    "names": NamedMetric(id="names", label="Names", event="e", aggregate="distinct", of="n"),
    "dates": NamedMetric(id="dates", label="Dates", event="e", aggregate="instants", of="at"),
}
RECENTLY = '{"event": "e", "within": "30d"}'


class Asked:
    """One condition, and what to remember for it."""

    def __init__(self, when: str) -> None:
        draft = Definitions(metrics=METRICS)
        segment = Segment(id="s", name="S", when=read_condition(when, draft))
        self.definitions = Definitions(metrics=METRICS, segments={"s": segment})
        self.compiler = Compiler(self.definitions)
        self.compiler.formula(segment.condition)

    @property
    def plan(self) -> MetricPlan:
        """What to remember of events."""
        return self.compiler.plan()

    def explain(self, profile: Profile) -> ConditionReport:
        """Answer what is told of the condition."""
        facts = gather_facts(
            self.compiler.sources, profile=profile, context={}, consents={}, now_ms=NOW_MS
        )
        segment = self.definitions.segments["s"]
        return explain_segment(segment, self.definitions, facts, NOW_MS).conditions


def explain(when: str, events: Sequence[Event]) -> ConditionReport:
    """Explain a condition to somebody whose events were all folded by it."""
    asked = Asked(when)
    return asked.explain(fold(EMPTY_PROFILE, events, asked.plan))


def events(number: int, name: str = "e", step_ms: int = 1_000) -> list[Event]:
    """Answer events of which each has values of its own."""
    return [
        Event(
            name,
            NOW_MS - (number - at) * step_ms,
            {"n": at, "of": 1, "topic": f"t{at}", "order_id": f"o{at}", "at": "2027-01-01"},
        )
        for at in range(number)
    ]


@pytest.mark.parametrize(
    ("when", "number", "told"),
    [
        (
            '{"event": "e", "within": "1d", "sum": {"of": "of", "gte": 1}}',
            MAX_AMOUNTS,
            "latest 256",
        ),
        ('{"metric": "names", "gte": 1}', MAX_DISTINCT - 1, "at most 256 values"),
        ('{"metric": "dates", "exists": true}', MAX_INSTANTS, "latest 64 are remembered"),
        ('{"affinity": {"to": "topic", "value": "t"}}', MAX_VALUES - 1, "32 strongest"),
    ],
)
def test_a_value_past_its_bound_is_approximate(when: str, number: int, told: str) -> None:
    """And the bound is named; up to it everything is exact."""
    assert not explain(when, events(number)).approximate
    assert told in explain(when, events(number + 1)).approximate


def test_amounts_that_left_the_window_are_not_missed() -> None:
    """However many there were before."""
    when = '{"event": "e", "within": "1d", "sum": {"of": "of", "gte": 1}}'
    assert not explain(when, events(MAX_AMOUNTS + 50, step_ms=3_600_000)).approximate


@pytest.mark.parametrize(
    "when", ['{"metric": "orders", "gte": 1}', '{"event": "order_completed", "count": {"gte": 1}}']
)
def test_orders_beyond_the_ledger_are_approximate(when: str) -> None:
    """Nothing that is told of them later has an effect."""
    within = events(MAX_ENTRIES, "order_completed")
    assert not explain(when, within).approximate
    assert "latest 64" in explain(when, events(MAX_ENTRIES + 1, "order_completed")).approximate


@pytest.mark.parametrize("when", ['{"event": "e"}', '{"event": "e", "first": {"within": "1d"}}'])
def test_one_name_among_too_many_is_approximate(when: str) -> None:
    """Unless it was asked about before there were so many."""
    names = [Event(f"n{at}", NOW_MS - 9_000 + at) for at in range(MAX_EVENT_NAMES + 1)]
    asked = Asked(when)
    profile = fold(EMPTY_PROFILE, [*names, *events(1)], asked.plan)
    assert profile.totals["e"].count == 1
    assert len(profile.totals) == MAX_EVENT_NAMES + 2
    found = asked.explain(profile)
    assert found.holds is True
    assert "200 event names" in found.approximate
    early = [Event("e", NOW_MS - 99_000), *names]
    assert not asked.explain(fold(EMPTY_PROFILE, early, asked.plan)).approximate


def test_a_rule_added_later_says_since_when_it_is_complete() -> None:
    """As far back as events are retained."""
    visitor = StoredVisitor(3)
    visitor.tail += events(9)
    visitor.compact(EMPTY_PLAN)
    asked = Asked(RECENTLY)
    found = asked.explain(visitor.read(asked.plan))
    assert found.complete_since == "2027-01-15T07:59:56.001Z"
    assert found.holds is True


def test_interests_asked_for_later_say_since_when_they_are_complete() -> None:
    """Those that were asked for before stay complete."""
    topic = Asked('{"affinity": {"to": "topic", "value": "t0"}}')
    other = Asked('{"affinity": {"to": "of", "value": "x"}}')
    visitor = StoredVisitor(3)
    visitor.tail += events(9)
    visitor.compact(other.plan)
    assert topic.explain(visitor.read(topic.plan)).complete_since == "2027-01-15T07:59:56.001Z"
    both = Asked(
        '{"all": [{"affinity": {"to": "topic", "value": "t0"}}, {"event": "e", "within": "2d"}]}'
    )
    kept = StoredVisitor(3)
    kept.tail += events(9)
    kept.compact(topic.plan)
    found = both.explain(kept.read(both.plan))
    assert [each.complete_since != "" for each in found.children] == [False, True]


def test_a_rule_that_was_always_there_is_complete() -> None:
    """Whatever was folded away meanwhile."""
    visitor = StoredVisitor(3)
    asked = Asked(RECENTLY)
    visitor.tail += events(9)
    visitor.compact(asked.plan)
    assert not asked.explain(visitor.read(asked.plan)).complete_since


def test_counts_and_extremes_of_an_event_name_are_always_complete() -> None:
    """Whatever the rules were."""
    visitor = StoredVisitor(0)
    visitor.tail += events(9)
    visitor.compact(EMPTY_PLAN)
    for when in ('{"event": "e", "count": 9}', '{"event": "e", "first": {"within": "1d"}}'):
        asked = Asked(when)
        found = asked.explain(visitor.read(asked.plan))
        assert (found.holds, found.complete_since, found.approximate) == (True, "", "")


def test_metrics_over_orders_are_complete_as_long_as_the_orders_are_known() -> None:
    """Also where their events are not retained."""
    visitor = StoredVisitor(0)
    visitor.tail += events(9, "order_completed")
    visitor.compact(EMPTY_PLAN)
    for when, holds in (
        ('{"metric": "orders", "eq": 9}', True),
        ('{"event": "order_completed", "where": {"n": 99}}', False),
    ):
        asked = Asked(when)
        found = asked.explain(visitor.read(asked.plan))
        assert (found.holds, found.complete_since) == (holds, "")


def test_a_sequence_of_orders_asked_for_later_says_since_when_it_is_complete() -> None:
    """Orders are remembered by themselves; that one came after the other is not.

    Nor does it matter whether they were cancelled since.
    """
    asked = Asked('{"sequence": [{"event": "order_completed"}, {"event": "order_completed"}]}')
    visitor = StoredVisitor(0)
    for name in ("order_completed", "order_cancelled"):
        for number in (2, 1):
            visitor.tail.append(Event(name, NOW_MS - number, {"order_id": number}))
        visitor.compact(EMPTY_PLAN)
        found = asked.explain(visitor.read(asked.plan))
        assert (found.holds, found.complete_since) == (False, "2027-01-15T08:00:00.000Z")


def test_a_count_that_kept_too_few_instants_is_approximate() -> None:
    """It was asked for fewer before."""
    once, often = Asked(RECENTLY), Asked('{"event": "e", "within": "30d", "count": {"gte": 5}}')
    visitor = StoredVisitor(1)
    visitor.tail += events(9)
    visitor.compact(once.plan)
    found = often.explain(visitor.read(often.plan))
    assert (found.holds, found.approximate) == (False, "only the latest 2 are remembered")


def test_a_sum_in_a_window_that_is_asked_for_later_says_what_is_not_in_it() -> None:
    """The same sum was asked for without a window: when its amounts were is not known."""
    ever = Asked('{"event": "e", "sum": {"of": "n", "gte": 1}}')
    lately = Asked('{"event": "e", "sum": {"of": "n", "gte": 1}, "within": "30d"}')
    visitor = StoredVisitor(1)
    visitor.tail += [Event("e", NOW_MS - 90, {"n": 5}), Event("other", NOW_MS - 50)]
    visitor.compact(ever.plan)
    found = lately.explain(visitor.read(lately.plan))
    assert (found.holds, found.approximate) == (False, "none of the earlier ones is added up")


def test_a_sequence_says_when_a_step_came_too_late() -> None:
    """Steps that came too late to be placed may be missing."""
    asked = Asked('{"sequence": [{"event": "a"}, {"event": "b"}]}')
    visitor = StoredVisitor(0)
    visitor.tail += [Event("a", NOW_MS - 90), Event("b", NOW_MS - 95), Event("c", NOW_MS - 50)]
    visitor.compact(asked.plan)
    assert not asked.explain(visitor.read(asked.plan)).complete_since
    visitor.tail.append(Event("b", NOW_MS - 70))
    assert asked.explain(visitor.read(asked.plan)).complete_since == "2027-01-15T07:59:59.950Z"
