"""The fold against a naive reading of the whole history."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.events.event import (
    ATTRIBUTES_SET,
    CONSENT_CHANGED,
    LISTS_ADDED,
    TAGS_ADDED,
    TAGS_REMOVED,
    Event,
)
from edgeseg.metric_plan import EMPTY_PLAN, Metric, MetricPlan
from edgeseg.profiles.changes import consents_at
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import (
    EMPTY_PROFILE,
    MAX_DISTINCT,
    MAX_RECENT_IDS,
    MetricState,
    Profile,
)
from tests.conformance.plans import NOW_MS, plan_of

MINUTE_MS = 60_000

METRICS = (
    Metric(key=1, event="page_viewed"),
    Metric(key=2, event="page_viewed", keep=3),
    Metric(key=3, event="ordered", keep=2, sum_of="revenue"),
    Metric(key=4, event="ordered", distinct_of="order_id"),
    Metric(key=5, event="page_viewed", keep=100),
)
PLAN = plan_of(*METRICS)

EVENTS = st.builds(
    Event,
    st.sampled_from(["page_viewed", "ordered", "form_submitted"]),
    st.integers(NOW_MS, NOW_MS + 200),
    st.fixed_dictionaries(
        {},
        optional={
            "revenue": st.one_of(
                st.integers(-100, 100), st.sampled_from([0.5, 2.25]), st.just("10"), st.booleans()
            ),
            "order_id": st.sampled_from(["a", "b", "c", 1, 2]),
            "path": st.sampled_from(["/a", "/b"]),
        },
    ),
)
HISTORIES = st.lists(EVENTS, max_size=30)


def expect(metric: Metric, events: Sequence[Event]) -> MetricState | None:
    """Answer what ``metric`` must be after ``events``, in the most obvious way."""
    matching = [event for event in events if event.name == metric.event]
    if not matching:
        return None
    times = sorted((event.at_ms for event in matching), reverse=True)
    amounts = [event.properties.get(metric.sum_of) for event in matching]
    values = {str(event.properties.get(metric.distinct_of, "")) for event in matching} - {""}
    return MetricState(
        count=len(matching),
        first_ms=times[-1],
        last_ms=times[0],
        total=sum(each for each in amounts if type(each) in (int, float)),  # type: ignore[misc]
        recent=tuple(times[: metric.keep]),
        distinct=tuple(sorted(values)),
    )


def metrics_of(profile: Profile) -> dict[int, MetricState]:
    """Answer the metrics with their distinct values in an order that can be compared."""
    return {
        key: MetricState(
            each.count,
            each.first_ms,
            each.last_ms,
            each.total,
            each.recent,
            tuple(sorted(each.distinct)),
        )
        for key, each in profile.metrics.items()
    }


def expect_all(
    events: Sequence[Event], metrics: Sequence[Metric] = METRICS
) -> dict[int, MetricState]:
    """Answer all metrics that some event has fed."""
    found = {metric.key: expect(metric, events) for metric in metrics}
    return {key: state for key, state in found.items() if state is not None}


@given(HISTORIES, st.lists(st.integers(0, 30), max_size=4))
def test_metrics_equal_the_naive_reading_however_events_are_split(
    events: list[Event], cuts: list[int]
) -> None:
    """In any order and in any number of steps."""
    profile = EMPTY_PROFILE
    edges = [0, *sorted(cuts), len(events)]
    for start, end in pairwise(edges):
        profile = fold(profile, events[start:end], PLAN)
    assert metrics_of(profile) == expect_all(events)
    for name in {event.name for event in events}:
        times = [event.at_ms for event in events if event.name == name]
        total = profile.totals[name]
        assert (total.count, total.first_ms, total.last_ms) == (len(times), min(times), max(times))
    assert profile.created_ms == min((event.at_ms for event in events), default=0)


@given(st.lists(st.integers(0, 40), max_size=60))
def test_repeated_messages_count_once(numbers: list[int]) -> None:
    """Within the horizon, in one step or in many."""
    events = [Event("page_viewed", NOW_MS + n, {}, f"m{n}") for n in numbers]
    at_once = fold(EMPTY_PROFILE, events, PLAN)
    one_by_one = EMPTY_PROFILE
    for event in events:
        one_by_one = fold(one_by_one, [event], PLAN)
    expected = expect_all([Event("page_viewed", NOW_MS + n) for n in set(numbers)])
    assert metrics_of(at_once) == metrics_of(one_by_one) == expected


def test_the_dedup_horizon_is_bounded() -> None:
    """After so many other messages an id is forgotten."""
    events = [Event("page_viewed", NOW_MS + n, {}, f"m{n}") for n in range(MAX_RECENT_IDS + 1)]
    profile = fold(EMPTY_PROFILE, events, PLAN)
    assert len(profile.recent_ids) == MAX_RECENT_IDS
    assert fold(profile, [events[1]], PLAN).totals["page_viewed"].count == MAX_RECENT_IDS + 1
    assert fold(profile, [events[0]], PLAN).totals["page_viewed"].count == MAX_RECENT_IDS + 2


def test_distinct_values_are_bounded() -> None:
    """Later ones are not counted."""
    events = [Event("ordered", NOW_MS, {"order_id": n}) for n in range(MAX_DISTINCT + 5)]
    profile = fold(EMPTY_PROFILE, events, PLAN)
    assert len(profile.metrics[4].distinct) == MAX_DISTINCT


def test_sums_stay_numbers_that_can_be_stored() -> None:
    """Beyond 64 bits a sum becomes a float; it never becomes infinite or NaN."""
    for amounts in ([2**63 - 1] * 4, [-(2**63)] * 4, [1e308] * 4, [1e308, -1e308] * 2):
        events = [Event("ordered", NOW_MS, {"revenue": amount}) for amount in amounts]
        total = fold(EMPTY_PROFILE, events, PLAN).metrics[3].total
        assert isinstance(total, float) or abs(total) < 2**63
        assert abs(total) < float("inf")


def visits_of(*minutes: float) -> Profile:
    """Answer the profile after page views at ``minutes``."""
    views = [Event("page_viewed", NOW_MS + int(m * MINUTE_MS), {"path": f"/{m}"}) for m in minutes]
    return fold(EMPTY_PROFILE, views, EMPTY_PLAN)


def test_a_visit_ends_after_half_an_hour_without_an_event() -> None:
    """The exact half hour still belongs to it."""
    first = visits_of(0, 10, 40).visit
    second = visits_of(0, 10, 41).visit
    assert first is not None
    assert second is not None
    assert (first.number, first.pages, first.landing_path) == (1, 3, "/0")
    assert (second.number, second.pages, second.landing_path) == (2, 1, "/41")


def test_the_first_page_ever_is_remembered() -> None:
    """Through later visits."""
    assert visits_of(0, 100, 200).first_landing_path == "/0"


def test_a_late_event_of_an_earlier_visit_leaves_the_current_one() -> None:
    """It counts in the tallies only."""
    before = visits_of(0, 100)
    after = fold(before, [Event("page_viewed", NOW_MS + 5)], EMPTY_PLAN)
    assert after.visit == before.visit
    total = after.totals["page_viewed"]
    assert (total.count, total.earlier_ms) == (3, NOW_MS + 5)
    assert total.last_ms == NOW_MS + 100 * MINUTE_MS
    again = fold(after, [Event("page_viewed", NOW_MS + 99 * MINUTE_MS)], EMPTY_PLAN)
    assert again.totals["page_viewed"].last_ms == total.last_ms


def test_a_late_page_of_an_earlier_visit_is_the_first_one_only() -> None:
    """The current visit did not begin there; nor does a page of the same instant come first."""
    profile = fold(EMPTY_PROFILE, [Event("form_submitted", NOW_MS + 100 * MINUTE_MS)], EMPTY_PLAN)
    for at_ms, path in ((NOW_MS + 5, "/late"), (NOW_MS, "/first"), (NOW_MS, "/same")):
        view = Event("page_viewed", at_ms, {"path": path, "referrer_host": f"{path[1:]}.example"})
        profile = fold(profile, [view], EMPTY_PLAN)
    assert profile.visit is not None
    assert (profile.visit.pages, profile.visit.landing_path) == (0, "")
    found = (profile.first_landing_path, profile.first_referrer_host)
    assert found == ("/first", "first.example")


def test_a_path_that_is_no_text_is_none() -> None:
    """Whatever a browser sends, the profile can be read back."""
    strange = Event("page_viewed", NOW_MS, {"path": 7, "referrer_host": ["a"]})
    profile = fold(EMPTY_PROFILE, [strange], EMPTY_PLAN)
    assert profile.visit is not None
    assert profile.visit.landing_path == profile.first_landing_path == ""
    assert profile.first_referrer_host == ""


def test_events_change_the_profile_itself() -> None:
    """Attributes, consents and tags follow the latest change and count as no behaviour."""
    changes: Sequence[tuple[str, Mapping[str, object]]] = [
        (ATTRIBUTES_SET, {"city": "Brno", "interests": ["a"]}),
        (ATTRIBUTES_SET, {"city": "Praha", "interests": []}),
        (CONSENT_CHANGED, {"marketing": True, "analytics": True}),
        (CONSENT_CHANGED, {"marketing": False}),
        (TAGS_ADDED, {"tags": ["b", "a", "b"]}),
        (TAGS_ADDED, {"tags": "c"}),
        (TAGS_REMOVED, {"tags": ["b"]}),
    ]
    events = [Event(name, NOW_MS + n, dict(each)) for n, (name, each) in enumerate(changes)]  # type: ignore[arg-type]
    profile = fold(EMPTY_PROFILE, events, PLAN)
    assert profile.attributes == {"city": "Praha"}
    assert consents_at(profile.consents, now_ms=NOW_MS) == {"marketing": False, "analytics": True}
    assert profile.tags == ("a", "c")
    assert (profile.totals, profile.metrics, profile.visit) == ({}, {}, None)


def test_folding_nothing_changes_nothing() -> None:
    """Not even the plan."""
    assert fold(EMPTY_PROFILE, (), PLAN) is EMPTY_PROFILE


def test_a_plan_sees_the_properties_of_the_event() -> None:
    """So that a filter can look at them."""

    def feeds(_name: str, properties: Mapping[str, object]) -> Sequence[int]:
        return [0] if properties.get("path") == "/a" else []

    plan = MetricPlan(id="x", metrics=(METRICS[0],), feeds=feeds)
    views = [Event("page_viewed", NOW_MS, {"path": path}) for path in ("/a", "/b", "/a")]
    assert fold(EMPTY_PROFILE, views, plan).metrics[1].count == 2


def test_a_fold_hands_a_memo_on_only_to_the_same_attributes_tags_and_lists() -> None:
    """A page view leaves what was derived from them true; a change of any of them does not."""
    known = fold(EMPTY_PROFILE, [Event(ATTRIBUTES_SET, NOW_MS, {"plan": "pro"})], EMPTY_PLAN)
    known.memo["derived"] = "from plan pro"
    changes = (
        Event(ATTRIBUTES_SET, NOW_MS + 1, {"plan": "free"}),
        Event(TAGS_ADDED, NOW_MS + 1, {"tags": ["vip"]}),
        Event(LISTS_ADDED, NOW_MS + 1, {"lists": ["trade-fair"]}),
    )
    viewed = fold(known, [Event("page_viewed", NOW_MS + 1, {})], EMPTY_PLAN)
    assert viewed.memo == known.memo
    for change in changes:
        assert fold(viewed, [change], EMPTY_PLAN).memo == {}
    assert "derived" not in EMPTY_PROFILE.memo


def test_each_value_of_a_list_is_told_apart() -> None:
    """As an order with several products has them; an empty list has none."""
    lists = (["a", "b"], ["b", 7], [], "c", "7")
    events = [Event("ordered", NOW_MS, {"order_id": each}) for each in lists]
    assert fold(EMPTY_PROFILE, events, PLAN).metrics[4].distinct == ("a", "b", "7", "c")
    many = Event("ordered", NOW_MS, {"order_id": [*map(str, range(MAX_DISTINCT + 5))]})
    assert len(fold(EMPTY_PROFILE, [many], PLAN).metrics[4].distinct) == MAX_DISTINCT
