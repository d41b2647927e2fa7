"""Profiles that are made to follow other rules, against one fold of the whole history by those."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.events.event import Event
from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE, MAX_EVENT_NAMES
from edgeseg.profiles.rule_change import change_rules
from tests.conformance.plans import NOW_MS, plan_of
from tests.unit.profiles.stored_visitor import StoredVisitor
from tests.unit.profiles.test_past import HISTORIES, comparable, counted, live

METRICS = (
    Metric(key=1, event="page_viewed"),
    Metric(key=2, event="order_completed", sum_of="revenue"),
    Metric(key=3, event="page_viewed", distinct_of="path"),
    Metric(key=4, event="form_submitted", from_ms=NOW_MS + 3_000_000),
    Metric(key=5, event="page_viewed", latest_of="path"),
    Metric(key=6, event="form_submitted", sum_of="revenue"),
    Metric(key=7, event="order_completed", steps=2, step=1),
    Metric(key=7, event="page_viewed", steps=2, step=0),
    Metric(key=8, event="form_submitted", steps=1, step=1),
    Metric(key=8, event="page_viewed", steps=1, step=0),
)
LATEST = 5
"""The metric that keeps values; the others keep instants."""


def _plan(keeps: dict[int, int], affinities: tuple[str, ...]) -> MetricPlan:
    """Answer a plan of some of the metrics, each with how much of it is kept."""
    chosen = (
        each if each.steps else msgspec.structs.replace(each, keep=keeps[each.key])
        for each in METRICS
        if each.key in keeps
    )
    plan = plan_of(*chosen)
    return msgspec.structs.replace(plan, affinities=affinities, id=f"{plan.id} {affinities}")


PLANS = st.builds(
    _plan,
    st.dictionaries(st.integers(1, 8), st.integers(0, 4)),
    st.sampled_from([(), ("path",), ("path", "order_id"), ("order_id",)]),
)


@given(HISTORIES, st.sets(st.integers(0, 30)), st.integers(0, 30), PLANS, PLANS)
def test_whatever_is_retained_follows_the_new_rules(
    events: list[Event], cuts: set[int], change: int, former: MetricPlan, plan: MetricPlan
) -> None:
    """Metrics taken over, those told anew and those that keep more or less than before."""
    visitor = StoredVisitor(50)
    live(visitor, events[:change], cuts, former)
    visitor.compact(former)
    found = live(visitor, events[change:], {at - change for at in cuts}, plan)
    expected = fold(EMPTY_PROFILE, events, plan)
    assert comparable(found) == comparable(expected)


@given(HISTORIES, st.sets(st.integers(0, 30)), st.integers(0, 30), st.integers(0, 6), PLANS, PLANS)
def test_what_does_not_say_otherwise_is_exact_after_a_change(
    events: list[Event],
    cuts: set[int],
    change: int,
    retained: int,
    former: MetricPlan,
    plan: MetricPlan,
) -> None:
    """However little is retained; what is kept too little of shows, since more was counted."""
    ordered = sorted(events, key=lambda event: event.at_ms)
    ordered = [msgspec.structs.replace(event, message_id="") for event in ordered]
    visitor = StoredVisitor(retained)
    live(visitor, ordered[:change], cuts, former)
    found = live(visitor, ordered[change:], {at - change for at in cuts}, plan)
    expected = fold(EMPTY_PROFILE, ordered, plan)
    assert found.totals.keys() == expected.totals.keys()
    for key, state in expected.metrics.items():
        known = found.metrics.get(key)
        if known is None:
            assert found.since_ms
        elif not known.since_ms and key != LATEST:
            short = len(known.recent) < plan.by_key[key].keep and known.count > len(known.recent)
            cut = len(known.recent) if short else len(state.recent)
            exact = msgspec.structs.replace(
                state, recent=state.recent[:cut], amounts=state.amounts[:cut]
            )
            assert counted(known) == counted(exact)


def test_metrics_of_both_rules_are_taken_over() -> None:
    """They stay complete, though what they were told from is not retained any longer."""
    both = Metric(key=1, event="page_viewed", keep=2)
    visitor = StoredVisitor(1)
    views = [Event("page_viewed", NOW_MS + at) for at in range(5)]
    live(visitor, views, {4}, plan_of(both))
    found = visitor.read(plan_of(both, Metric(key=2, event="page_viewed", keep=2)))
    assert (found.metrics[1].count, found.metrics[1].since_ms) == (5, 0)
    assert (found.metrics[2].count, found.metrics[2].since_ms) == (1, NOW_MS + 4)


def test_a_profile_with_too_many_event_names_is_told_again() -> None:
    """Those that the new rules ask about are counted by themselves as far as one can tell."""
    names = [f"e{number}" for number in range(MAX_EVENT_NAMES + 2)]
    events = [Event(name, NOW_MS + at) for at, name in enumerate(names)]
    plan = msgspec.structs.replace(plan_of(), id="new", events=frozenset(names[-1:]))
    crowded = fold(EMPTY_PROFILE, events, plan_of())
    found = change_rules(crowded, EMPTY_PROFILE, events, plan)
    assert found == fold(EMPTY_PROFILE, events, plan)
    assert found.totals[names[-1]].count == 1


def test_orders_that_nobody_remembers_are_not_taken_for_none() -> None:
    """A metric that is new says so also where later orders are remembered by themselves."""
    visitor = StoredVisitor(0)
    live(visitor, [Event("order_completed", NOW_MS)], {0}, plan_of())
    ordered = Event("order_completed", NOW_MS + 9, {"order_id": "a", "revenue": 5})
    found = live(visitor, [ordered], set(), plan_of(METRICS[1]))
    assert (found.totals["order_completed"].count, found.metrics[2].count) == (2, 1)
    assert found.metrics[2].since_ms == NOW_MS + 1
