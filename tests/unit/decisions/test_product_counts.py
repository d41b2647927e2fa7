"""What is counted of products, and what goes together."""

from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.clock import DAY_MS, HOUR_MS
from edgeseg.decisions.product_counts import SHRINKAGE, count_events, similarities
from edgeseg.decisions.recommendation import Remembered
from edgeseg.decisions.snapshot import Snapshot, build_snapshot
from edgeseg.events.event import Event, Value
from edgeseg.profiles.fold import fold
from edgeseg.profiles.product_store import (
    BOUGHT_WITH,
    ORDERS,
    ORIGIN_MS,
    POPULAR,
    VIEWED_WITH,
    VIEWS,
    Count,
)
from edgeseg.profiles.profile import EMPTY_PROFILE, VISIT_TIMEOUT_MS, Profile

PRODUCTS = frozenset("abcd")
NOW_MS = ORIGIN_MS


@pytest.fixture(scope="module")
def rules() -> Snapshot:
    """Rules that recommend."""
    text = "slots: [{id: shelf, kind: json, recommend: {strategy: popular}}]"
    return build_snapshot({"r.yaml": text}, {})


def viewed(product: str, at_ms: int = NOW_MS) -> Event:
    """Answer that a product was looked at."""
    return Event("product_viewed", at_ms, {"product_id": product})


def ordered(id_: str, *products: Value, at_ms: int = NOW_MS) -> Event:
    """Answer that products were bought."""
    named = {"order_id": id_, "products.product_id": [*products]}
    return Event("order_completed", at_ms, named)  # type: ignore[arg-type]


def remembered(rules: Snapshot) -> Remembered:
    """Answer where profiles tell of products."""
    assert rules.remembered is not None
    return rules.remembered


def counted(rules: Snapshot, *requests: list[Event]) -> dict[Count, float]:
    """Answer what all requests of one visitor add, one after the other."""
    profile: Profile = EMPTY_PROFILE
    total: dict[Count, float] = {}
    for events in requests:
        profile = fold(profile, events, rules.plan)
        for count, weight in count_events(
            events, profile, ["vip"], remembered(rules), PRODUCTS
        ).items():
            total[count] = total.get(count, 0.0) + weight
    return total


def pairs(total: dict[Count, float]) -> dict[str, float]:
    """Answer how often two products were seen together, both ways."""
    return {each.of + each.product: n for each, n in total.items() if each.kind == VIEWED_WITH}


def test_a_view_counts_once_a_visit(rules: Snapshot) -> None:
    """Whoever reloads a page makes no product popular; the next visit counts again."""
    total = counted(
        rules,
        [viewed("a")],
        [viewed("a", NOW_MS + 1_000)],
        [viewed("a", NOW_MS + 2_000)],
    )
    assert total == {
        Count(POPULAR, "", "a"): 1.0,
        Count(POPULAR, "vip", "a"): 1.0,
        Count(VIEWS, "", "a"): 1.0,
    }
    later = counted(rules, [viewed("a")], [viewed("a", NOW_MS + HOUR_MS)])
    assert later[Count(VIEWS, "", "a")] == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("in_one_request", [True, False])
def test_two_products_count_together_once_a_visit_however_they_were_told_of(
    rules: Snapshot, *, in_one_request: bool
) -> None:
    """Both ways, and not with themselves."""
    events = [viewed(product, NOW_MS + at) for at, product in enumerate("abab")]
    total = counted(rules, events) if in_one_request else counted(rules, *([e] for e in events))
    found = pairs(total)
    assert set(found) == {"ab", "ba"}
    assert found["ab"] == found["ba"] == pytest.approx(1)


def test_views_of_one_instant_count_together(rules: Snapshot) -> None:
    """Browsers send events without a time: all are of the request's."""
    assert set(pairs(counted(rules, [viewed("a"), viewed("b"), viewed("a")]))) == {"ab", "ba"}


def test_products_of_different_visits_do_not_go_together(rules: Snapshot) -> None:
    """An hour lies between them."""
    assert pairs(counted(rules, [viewed("a")], [viewed("b", NOW_MS + HOUR_MS)])) == {}


@given(
    views=st.lists(st.tuples(st.sampled_from("abcdz"), st.integers(1, 50 * 60_000)), max_size=12),
    cuts=st.sets(st.integers(0, 12)),
)
def test_counts_are_those_of_visits_however_events_are_cut_into_requests(
    rules: Snapshot, views: list[tuple[str, int]], cuts: set[int]
) -> None:
    """Against the plainest way: the sets of products of each visit.

    A request is of one visit, and names a product once.
    """
    at_ms = NOW_MS
    visits: list[set[str]] = []
    requests: list[list[Event]] = []
    for at, (product, gap_ms) in enumerate(views):
        at_ms += gap_ms
        is_new = not visits or gap_ms > VISIT_TIMEOUT_MS
        if is_new:
            visits.append(set())
        visits[-1].update({product} & PRODUCTS)
        event = viewed(product, at_ms)
        if is_new or at in cuts or any(e.properties == event.properties for e in requests[-1]):
            requests.append([])
        requests[-1].append(event)
    total = counted(rules, *requests)
    expected: dict[Count, int] = {}
    for visit in visits:
        for one in visit:
            for count in (
                Count(VIEWS, "", one),
                *(Count(VIEWED_WITH, one, o) for o in visit - {one}),
            ):
                expected[count] = expected.get(count, 0) + 1
    found = {each: n for each, n in total.items() if each.kind in {VIEWS, VIEWED_WITH}}
    assert found.keys() == expected.keys()
    assert all(isclose(found[each], expected[each], rel_tol=0.1) for each in expected)


def test_an_order_counts_once_and_its_products_with_each_other(rules: Snapshot) -> None:
    """However often it is told of; products that nobody sells any more do not count."""
    first = ordered("1", "a", "b", "a", "gone")
    again = ordered("1", "a", "b", at_ms=NOW_MS + 1_000)
    total = counted(rules, [first, first], [again])
    assert total[Count(ORDERS, "", "a")] == total[Count(BOUGHT_WITH, "a", "b")] == 1.0
    assert {each.product for each in total} == {"a", "b"}
    assert total[Count(POPULAR, "", "b")] == 1.0


def test_only_products_of_the_catalogue_are_counted(rules: Snapshot) -> None:
    """Else anybody could fill the store with names."""
    strange: list[Event] = [
        viewed("made-up"),
        Event("product_viewed", NOW_MS, {}),
        Event("product_viewed", NOW_MS, {"product_id": ["a"]}),
        Event("page_viewed", NOW_MS, {"product_id": "a"}),
        Event("order_completed", NOW_MS, {"products.product_id": "made-up"}),
    ]
    assert counted(rules, strange) == {}


def test_what_happened_later_weighs_more() -> None:
    """Twice as much one half-life later: so older counts are worth half, untouched."""
    assert POPULAR.weight(ORIGIN_MS) == 1
    assert POPULAR.weight(ORIGIN_MS + 7 * DAY_MS) == 2
    assert VIEWS.weight(ORIGIN_MS - 30 * DAY_MS) == 0.5


def test_similarity_is_the_cosine_shrunk_by_few_visits() -> None:
    """Against the formula; the nearest first, equals by id."""
    found = similarities({"b": 8, "d": 8, "c": 8}, {"b": 16, "c": 64, "d": 16}, 32, 1)
    nearest = 8 / sqrt(32 * 16) * 8 / (8 + SHRINKAGE)
    assert list(found) == ["b", "d", "c"]
    assert found["b"] == pytest.approx(nearest)
    assert found["c"] == pytest.approx(nearest / 2)


@given(
    both=st.floats(0.001, 1e6),
    own=st.floats(0, 1e6),
    other=st.floats(0, 1e6),
    unit=st.floats(0.001, 1e6),
)
def test_a_similarity_lies_between_nothing_and_one(
    both: float, own: float, other: float, unit: float
) -> None:
    """Also where single counts are behind, having been trimmed or not written yet."""
    assert 0 < similarities({"b": both}, {"b": other}, own, unit)["b"] <= 1
