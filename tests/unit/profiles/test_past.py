"""Profiles told again from the retained past, against one fold of the whole history."""

from collections.abc import Mapping, Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.events.event import ATTRIBUTES_SET, Event
from edgeseg.metric_plan import EMPTY_PLAN, Metric, MetricPlan
from edgeseg.profiles.fold import fold
from edgeseg.profiles.past import Past, bring_up
from edgeseg.profiles.profile import EMPTY_PROFILE, MetricState, Profile
from tests.conformance.plans import NOW_MS, plan_of
from tests.unit.profiles.stored_visitor import StoredVisitor

MINUTE_MS = 60_000
METRICS = (
    Metric(key=1, event="page_viewed", keep=3),
    Metric(key=2, event="order_completed", keep=2, sum_of="revenue"),
    Metric(key=3, event="order_completed", distinct_of="order_id"),
    Metric(key=4, event="order_refunded"),
    Metric(key=5, event="order_completed", steps=2, step=1),
    Metric(key=5, event="page_viewed", steps=2, step=0),
    Metric(key=6, event="form_submitted", keep=5),
    Metric(key=7, event="form_submitted", steps=1, step=1),
    Metric(key=7, event="page_viewed", steps=1, step=0),
)
PLAN = plan_of(*METRICS)
FEWER = plan_of(METRICS[0], METRICS[1])

EVENTS = st.builds(
    Event,
    st.sampled_from(
        [
            "page_viewed",
            "form_submitted",
            "order_completed",
            "order_updated",
            "order_refunded",
            "order_cancelled",
        ]
    ),
    st.integers(0, 300).map(lambda minutes: NOW_MS + minutes * MINUTE_MS),
    st.fixed_dictionaries(
        {},
        optional={
            "revenue": st.integers(0, 50),
            "order_id": st.sampled_from(["a", "b", "c", 1]),
            "path": st.sampled_from(["/a", "/b"]),
        },
    ),
    st.sampled_from(["", "", "", "m1", "m2"]),
)
HISTORIES = st.lists(EVENTS, max_size=30)


def comparable(profile: Profile) -> Mapping[str, object]:
    """Answer the profile with whatever has no order in an order of its own.

    Which visit an event was in, and what came before, only matters in the current visit.
    """
    number = profile.visit.number if profile.visit else 0
    found = msgspec.structs.asdict(profile)
    found["metrics"] = {
        key: msgspec.structs.replace(
            state,
            distinct=tuple(sorted(state.distinct)),
            visit=state.visit if state.visit == number else 0,
            earlier_ms=state.earlier_ms if state.visit in {number, 0} else 0,
        )
        for key, state in profile.metrics.items()
    }
    found["totals"] = {
        name: total
        if total.visit == number
        else msgspec.structs.replace(total, visit=0, earlier_ms=0)
        for name, total in profile.totals.items()
    }
    found["ledgers"] = {
        name: dict(sorted(ledger.entries.items())) for name, ledger in profile.ledgers.items()
    }
    return found


def live(
    visitor: StoredVisitor, events: Sequence[Event], cuts: set[int], plan: MetricPlan
) -> Profile:
    """Let the events arrive one by one, compacting after each number in ``cuts``."""
    for number, event in enumerate(events):
        visitor.tail.append(event)
        if number in cuts:
            visitor.compact(plan)
    return visitor.read(plan)


@given(HISTORIES, st.sets(st.integers(0, 30)))
def test_late_events_find_their_place_whatever_was_compacted(
    events: list[Event], cuts: set[int]
) -> None:
    """With all events retained, order of arrival and compaction leave no trace."""
    found = live(StoredVisitor(50), events, cuts, PLAN)
    assert comparable(found) == comparable(fold(EMPTY_PROFILE, events, PLAN))


@given(HISTORIES, st.sets(st.integers(0, 30)), st.integers(0, 10))
def test_in_order_of_time_nothing_depends_on_what_is_retained(
    events: list[Event], cuts: set[int], retained: int
) -> None:
    """However little that is."""
    ordered = sorted(events, key=lambda event: event.at_ms)
    found = live(StoredVisitor(retained), ordered, cuts, PLAN)
    assert comparable(found) == comparable(fold(EMPTY_PROFILE, ordered, PLAN))


@given(HISTORIES, st.sets(st.integers(0, 30)), st.integers(0, 30))
def test_new_metrics_are_complete_where_everything_is_retained(
    events: list[Event], cuts: set[int], change: int
) -> None:
    """Rules that change in the middle, and that take a metric away and bring it back."""
    visitor = StoredVisitor(50)
    live(visitor, events[:change], cuts, PLAN)
    live(visitor, events[change : change + 5], {2}, FEWER)
    found = live(visitor, events[change + 5 :], cuts, PLAN)
    assert comparable(found) == comparable(fold(EMPTY_PROFILE, events, PLAN))


@given(HISTORIES, st.sets(st.integers(0, 30)), st.integers(0, 10))
def test_a_new_metric_says_since_when_it_is_complete(
    events: list[Event], cuts: set[int], retained: int
) -> None:
    """Counted from that instant on, nothing is missing."""
    ordered = sorted(events, key=lambda event: event.at_ms)
    visitor = StoredVisitor(retained)
    live(visitor, ordered, cuts, EMPTY_PLAN)
    found = visitor.read(plan_of(METRICS[6]))
    state = found.metrics.get(METRICS[6].key)
    since_ms = state.since_ms if state else found.since_ms
    expected = fold(EMPTY_PROFILE, ordered, plan_of(METRICS[6])).metrics.get(METRICS[6].key)
    times = [at_ms for at_ms in (expected.recent if expected else ()) if at_ms >= since_ms]
    seen = state.recent if state else ()
    assert [at_ms for at_ms in seen if at_ms >= since_ms] == times


def test_a_late_step_that_cannot_be_placed_is_told() -> None:
    """Its sequence is exact only from what is retained on."""
    visitor = StoredVisitor(0)
    views = [Event("page_viewed", NOW_MS + at) for at in (10, 20)]
    live(visitor, views, {1}, PLAN)
    found = live(visitor, [Event("page_viewed", NOW_MS + 20)], set(), PLAN)
    assert found.metrics[5].since_ms == 0  # at the instant of the last one it is not late
    found = live(visitor, [Event("page_viewed", NOW_MS + 5)], set(), PLAN)
    assert found.metrics[5].since_ms == NOW_MS + 20
    assert found.metrics[1].since_ms == 0


def test_changes_of_the_profile_stay_when_it_is_told_again() -> None:
    """They are no behaviour, and are not retained."""
    visitor = StoredVisitor(50)
    events = [
        Event(ATTRIBUTES_SET, NOW_MS, {"city": "Brno"}),
        Event("page_viewed", NOW_MS + 9, {}, "m1"),
    ]
    live(visitor, events, {1}, PLAN)
    found = live(visitor, [Event("page_viewed", NOW_MS + 5, {}, "m2")], set(), PLAN)
    assert found.attributes == {"city": "Brno"}
    assert found.recent_ids == ("m1", "m2")
    assert found.metrics[1].recent == (NOW_MS + 9, NOW_MS + 5)


def test_the_past_is_not_asked_for_without_need() -> None:
    """It is packed, and page views must be quick."""

    def unneeded() -> Past:
        raise AssertionError

    profile = fold(EMPTY_PROFILE, [Event("page_viewed", NOW_MS)], PLAN)
    later = [Event(ATTRIBUTES_SET, 0, {"a": 1}), Event("page_viewed", NOW_MS)]
    assert bring_up(profile, later, PLAN, unneeded).totals["page_viewed"].count == 2
    assert bring_up(profile, later[1:], PLAN, unneeded).totals["page_viewed"].count == 2
    assert bring_up(EMPTY_PROFILE, later, PLAN, unneeded).totals["page_viewed"].count == 1


@given(HISTORIES, st.sets(st.integers(0, 30)), st.integers(0, 4))
def test_what_does_not_say_otherwise_is_exact_however_little_is_retained(
    events: list[Event], cuts: set[int], retained: int
) -> None:
    """Late events change nothing but visits, and sequences that say so."""
    unique = [msgspec.structs.replace(event, message_id="") for event in events]
    found = live(StoredVisitor(retained), unique, cuts, PLAN)
    expected = fold(EMPTY_PROFILE, unique, PLAN)
    for key, state in expected.metrics.items():
        if not found.metrics[key].since_ms:
            assert counted(found.metrics[key]) == counted(state)
    assert {name: total.count for name, total in found.totals.items()} == {
        name: total.count for name, total in expected.totals.items()
    }
    assert found.first_landing_path == expected.first_landing_path


def counted(state: MetricState) -> MetricState:
    """Answer a state without what belongs to visits."""
    return msgspec.structs.replace(
        state,
        distinct=tuple(sorted(state.distinct)),
        visit=0,
        earlier_ms=0 if state.visit or state.first_ms else state.earlier_ms,
    )
