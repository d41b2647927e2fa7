"""Orders and appointments: what becomes of them, whatever arrives when."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.events.event import Event, Value
from edgeseg.metric_plan import Metric
from edgeseg.profiles.fold import fold
from edgeseg.profiles.ledger import MAX_ENTRIES, MAX_PROPERTIES
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from tests.conformance.plans import NOW_MS, plan_of

SPENT, PLACED, IDS, REFUNDS = (
    Metric(key=1, event="order_completed", keep=3, sum_of="revenue"),
    Metric(key=2, event="order_completed"),
    Metric(key=3, event="order_completed", distinct_of="order_id"),
    Metric(key=4, event="order_refunded"),
)
PLAN = plan_of(SPENT, PLACED, IDS, REFUNDS)


def told(name: str, second: int, order_id: object = "a", /, **properties: Value) -> Event:
    """Answer what is told of an order at a second."""
    given: dict[str, Value] = {"order_id": order_id, **properties}  # type: ignore[dict-item]
    return Event(f"order_{name}", NOW_MS + second * 1_000, given)


def spent(profile: Profile) -> float:
    """Answer the revenue of all orders."""
    state = profile.metrics.get(SPENT.key)
    return state.total if state else 0


def count(profile: Profile) -> int:
    """Answer how many orders there are, which every way of counting must agree on."""
    state = profile.metrics.get(PLACED.key)
    total = profile.totals.get("order_completed")
    assert (state.count if state else 0) == (total.count if total else 0)
    return state.count if state else 0


@pytest.mark.parametrize(
    ("events", "orders", "revenue"),
    [
        ([told("completed", 1, revenue=50)], 1, 50),
        ([told("completed", 1, revenue=50), told("completed", 1, revenue=50)], 1, 50),
        ([told("completed", 1, revenue=50), told("completed", 2, "b", revenue=5)], 2, 55),
        ([told("completed", 1, revenue=50), told("updated", 2, revenue=40)], 1, 40),
        ([told("updated", 2, revenue=40)], 0, 0),
        ([told("completed", 1, revenue=50), told("updated", 2, status="sent")], 1, 50),
        ([told("completed", 1, revenue=50), told("refunded", 2, revenue=20)], 1, 30),
        ([told("completed", 1, revenue=50), told("refunded", 2, total=20)], 1, 30),
        ([told("completed", 1, revenue=50), told("refunded", 2, total=99, revenue=-20)], 1, 30),
        ([told("completed", 1, revenue=50), told("refunded", 2)], 1, 0),
        ([told("completed", 1, revenue=50), told("refunded", 2, total=70)], 1, 0),
        (
            [
                told("completed", 1, revenue=50),
                told("refunded", 2, total=20),
                told("refunded", 3, total=20),
                told("updated", 4, revenue=60),
            ],
            1,
            20,
        ),
        ([told("completed", 1, revenue=50), told("cancelled", 2)], 0, 0),
        ([told("cancelled", 2), told("completed", 3, revenue=50)], 0, 0),
        ([told("completed", 1, 7, revenue=50), told("cancelled", 2, "7")], 0, 0),
        ([told("completed", 1, [7], revenue=50), told("cancelled", 2, [7])], 1, 50),
        ([told("completed", 1, "", revenue=50), told("completed", 1, "", revenue=50)], 2, 100),
        ([told("completed", 1, revenue="much"), told("refunded", 2, total=20)], 1, 0),
        ([told("completed", 1, revenue=0.5), told("refunded", 2)], 1, 0),
        ([told("completed", 1, revenue=-5), told("refunded", 2, total=20)], 1, -5),
    ],
)
def test_an_order_is_what_everything_told_of_it_comes_to(
    events: Sequence[Event], orders: int, revenue: float
) -> None:
    """Forwards or backwards, at once or one by one."""
    for arrival in (events, events[::-1]):
        at_once = fold(EMPTY_PROFILE, arrival, PLAN)
        one_by_one = EMPTY_PROFILE
        for event in arrival:
            one_by_one = fold(one_by_one, [event], PLAN)
        for profile in (at_once, one_by_one):
            assert (count(profile), spent(profile)) == (orders, revenue)


def test_the_latest_values_win_by_their_own_time() -> None:
    """Each property for itself; of one instant, what arrived last."""
    plan = plan_of(Metric(key=1, event="order_completed", distinct_of="status"))
    events = [
        told("updated", 9, status="sent"),
        told("completed", 1, status="new", revenue=5),
        told("updated", 5, status="paid", revenue=7),
        told("updated", 9, status="lost"),
    ]
    profile = EMPTY_PROFILE
    for event in events:
        profile = fold(profile, [event], plan)
    assert profile.metrics[1].distinct == ("lost",)
    assert profile.ledgers["order_completed"].entries["a"].layers == (
        (NOW_MS + 5_000, {"revenue": 7}),
        (NOW_MS + 9_000, {"order_id": "a", "status": "lost"}),
    )


def test_an_order_stands_at_the_time_it_was_first_completed() -> None:
    """Told again later, it does not become younger."""
    events = [told("completed", 5), told("completed", 2), told("updated", 1)]
    total = fold(EMPTY_PROFILE, events, PLAN).totals["order_completed"]
    assert (total.first_ms, total.last_ms) == (NOW_MS + 2_000, NOW_MS + 2_000)


def test_what_is_told_of_orders_counts_as_itself_too() -> None:
    """Refunds can be asked about like any event."""
    events = [told("completed", 1), told("refunded", 2), told("refunded", 3)]
    profile = fold(EMPTY_PROFILE, events, PLAN)
    assert profile.metrics[REFUNDS.key].count == profile.totals["order_refunded"].count == 2


def test_orders_without_id_stay_beside_those_with_one() -> None:
    """Before and after them; a refund that names no order takes from none."""
    nameless = Event("order_completed", NOW_MS, {"revenue": 1})
    of_none = Event("order_refunded", NOW_MS, {"revenue": 1})
    named = (told("completed", 1, revenue=10), told("cancelled", 3))
    profile = EMPTY_PROFILE
    for event in (nameless, named[0], nameless, of_none, named[1]):
        profile = fold(profile, [event], PLAN)
    assert (count(profile), spent(profile)) == (2, 2)


def test_orders_that_make_place_stay_counted() -> None:
    """Only what is told of them later has no effect any more."""
    profile = EMPTY_PROFILE
    for number in range(MAX_ENTRIES + 6):
        profile = fold(profile, [told("completed", number, f"n{number}", revenue=1)], PLAN)
    ledger = profile.ledgers["order_completed"]
    assert (len(ledger.entries), ledger.dropped) == (MAX_ENTRIES, 6)
    assert (count(profile), spent(profile)) == (MAX_ENTRIES + 6, MAX_ENTRIES + 6)
    assert profile.metrics[IDS.key].count == MAX_ENTRIES + 6
    profile = fold(profile, [told("cancelled", 99, "n6"), told("cancelled", 99, "n0")], PLAN)
    assert count(profile) == MAX_ENTRIES + 5


def test_an_order_counts_in_the_period_that_it_was_made_in() -> None:
    """Whenever it was changed; the end is not part of it."""
    start_ms, end_ms = NOW_MS + 5_000, NOW_MS + 9_000
    plan = plan_of(Metric(key=1, event="order_completed", from_ms=start_ms, until_ms=end_ms))
    events = [told("completed", second, f"n{second}") for second in (4, 5, 8, 9)]
    profile = fold(EMPTY_PROFILE, [*events, told("updated", 6, "n4")], plan)
    found = profile.metrics[1]
    assert (found.count, found.first_ms, found.last_ms) == (2, NOW_MS + 5_000, NOW_MS + 8_000)


def test_the_orders_made_longest_ago_make_place() -> None:
    """Whatever was told of them since; one that is not made yet is as old as what was told."""
    early = [
        told("completed", 1, "oldest"),
        told("completed", 2, "older"),
        told("updated", 3, "not made"),
        told("updated", 999, "oldest", status="sent"),
    ]
    later = [told("completed", 10 + number, f"n{number}") for number in range(MAX_ENTRIES - 1)]
    profile = fold(fold(EMPTY_PROFILE, early, PLAN), later, PLAN)
    entries = profile.ledgers["order_completed"].entries
    assert {"oldest", "older", "not made", "n0"} & set(entries) == {"not made", "n0"}


def test_of_too_many_properties_of_an_order_those_named_last_stay() -> None:
    """Each event is bounded; many of them about one order are, too."""
    made = told("completed", 1, **{f"made{number}": number for number in range(40)})
    changed = told("updated", 2, **{f"changed{number}": number for number in range(40)})
    entry = fold(EMPTY_PROFILE, [changed, made], PLAN).ledgers["order_completed"].entries["a"]
    kept = {name for _at_ms, layer in entry.layers for name in layer}
    assert len(kept) == MAX_PROPERTIES
    assert set(changed.properties) <= kept


def test_a_refund_takes_from_each_amount_what_it_names_of_it() -> None:
    """From the others the first that it names."""
    totals, values = (
        Metric(key=key, event="order_completed", sum_of=name)
        for key, name in ((8, "total"), (9, "value"))
    )
    plan = plan_of(SPENT, totals, values)
    order = told("completed", 1, revenue=50, total=60, value=70)
    profile = fold(EMPTY_PROFILE, [order, told("refunded", 2, revenue=20, total=25)], plan)
    assert [profile.metrics[key].total for key in (SPENT.key, 8, 9)] == [30, 35, 50]


ORDER_EVENTS = st.builds(
    told,
    st.sampled_from(["completed", "completed", "updated", "refunded", "cancelled"]),
    st.integers(0, 9),
    st.sampled_from(["a", "b", "c"]),
    revenue=st.integers(0, 20),
)


def naive(events: Sequence[Event]) -> tuple[int, float]:
    """Answer number and revenue of the orders in the most obvious way."""
    orders, revenue = 0, 0.0
    for order_id in {event.properties["order_id"] for event in events}:
        about = [event for event in events if event.properties["order_id"] == order_id]
        names = {event.name for event in about}
        if "order_completed" not in names or "order_cancelled" in names:
            continue
        said: Mapping[str, object] = {}
        for event in sorted(about, key=lambda each: each.at_ms):
            if event.name in {"order_completed", "order_updated"}:
                said = event.properties
        refunds = (each.properties["revenue"] for each in about if each.name == "order_refunded")
        orders += 1
        revenue += max(0, said["revenue"] - sum(refunds))  # type: ignore[operator, arg-type]
    return orders, revenue


@given(st.lists(ORDER_EVENTS, max_size=20), st.integers(0, 20))
def test_orders_equal_the_naive_reading(events: list[Event], cut: int) -> None:
    """In any order of arrival, in two steps."""
    profile = fold(fold(EMPTY_PROFILE, events[:cut], PLAN), events[cut:], PLAN)
    assert (count(profile), spent(profile)) == naive(events)
    state = profile.metrics.get(SPENT.key)
    assert state is None or sum(state.amounts) <= state.total
