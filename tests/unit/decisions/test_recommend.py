"""Which products a visitor is shown."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.decisions.catalogue import Catalogue, Product
from edgeseg.decisions.recommend import Recommender, Shopper, Uncounted, shopper_of
from edgeseg.decisions.recommendation import EXCLUSIONS, STRATEGIES, Recommendation
from edgeseg.decisions.recommendation_plan import MAX_SEGMENTS
from edgeseg.decisions.snapshot import Snapshot, build_snapshot
from edgeseg.events.event import Event
from edgeseg.profiles.fold import fold
from edgeseg.profiles.product_store import BOUGHT_WITH, VIEWED_WITH, Kind
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.segments.condition import Test

IDS = "abcdefgh"
CATALOGUE = Catalogue(
    [
        Product(
            id=id_,
            name=id_.upper(),
            url=f"/p/{id_}",
            price=10 * place,
            category="even" if place % 2 == 0 else "odd",
            in_stock=id_ != "b",
        )
        for place, id_ in enumerate(IDS)
    ],
    "v1",
)


class Counted(Uncounted):
    """An assortment with counts made up."""

    def popular(self, segment: str = "") -> Sequence[str]:
        """Answer favourites that differ in the segment."""
        return ("c", "b", "a") if segment else ("gone", "h", "g", "b")

    def together(self, kind: Kind, product: str) -> Mapping[str, float]:
        """Answer what goes with a few of them."""
        near = {
            VIEWED_WITH: {"a": {"b": 0.9, "c": 0.5, "d": 0.1}, "h": {"c": 0.8, "e": 0.7}},
            BOUGHT_WITH: {"a": {"f": 0.5}, "c": {"g": 0.4, "f": 0.3}},
        }
        return near[kind].get(product, {})


def chosen(wanted: Recommendation, shopper: Shopper = Shopper()) -> str:  # noqa: B008 - frozen
    """Answer the ids in one text."""
    return "".join(Recommender(wanted).choose(shopper, Counted(CATALOGUE)))


def only(strategy: str, **parts: object) -> Recommendation:
    """Answer a recommendation by one strategy alone."""
    return Recommendation(strategy=strategy, **parts)  # type: ignore[arg-type]


SHOPPER = Shopper(viewed=("a", "h"), cart=("c",), bought=("f",), favourites=("odd", "even"))


@pytest.mark.parametrize(
    ("strategy", "shopper", "expected"),
    [
        ("recently_viewed", SHOPPER, "ah"),
        ("popular", SHOPPER, "hgb"),
        ("popular_in_segment", SHOPPER, "ba"),
        ("viewed_together", SHOPPER, "bed"),
        ("viewed_together", SHOPPER._replace(current="h"), "e"),
        ("bought_together", SHOPPER, "g"),
        ("bought_together", Shopper(bought=("c",)), "gf"),
        ("bought_together", SHOPPER._replace(current="a", bought=()), "f"),
        ("cart_complements", SHOPPER, "g"),
        ("new_in_favourite", SHOPPER, "hdbg"),
        ("newest", SHOPPER, "hged"),
        ("catalogue", SHOPPER, "abde"),
    ],
)
def test_each_strategy_proposes_its_own(strategy: str, shopper: Shopper, expected: str) -> None:
    """Without what was bought and what is in the cart, and nothing that is not in the catalogue."""
    assert chosen(only(strategy, segment="s"), shopper) == expected


def test_similarities_of_several_products_add_up_the_latest_counting_most() -> None:
    """Here b 0.9, c 0.5 + 0.8 / 2, e 0.7 / 2, d 0.1; equals by their id."""
    assert chosen(only("viewed_together", exclude=()), Shopper(viewed=("a", "h"))) == "bced"


def test_others_are_looked_for_by_the_five_latest_products() -> None:
    """However many the visitor has looked at, or put into the cart."""
    for before, finds in (("defg", True), ("defgb", False)):
        ids = (*before, "a")
        viewed = chosen(only("viewed_together", exclude=()), Shopper(viewed=ids))
        complements = chosen(only("cart_complements", exclude=()), Shopper(cart=ids))
        assert (bool(viewed), bool(complements)) == (finds, finds)


def test_a_filter_asks_what_the_catalogue_in_force_tells() -> None:
    """Another catalogue may tell otherwise of the same product; what is not told is missing."""
    cheap = Recommender(only("catalogue", where=(("price", (Test("lte", 60),)),)))
    unbranded = Recommender(only("catalogue", where=(("brand", (Test("exists", operand=False),)),)))
    for version, prices in (("v1", (10, 90)), ("v2", (90, 10))):
        products = [
            Product(id=id_, name=id_, url=f"/{id_}", price=price, brand="x" if price > 60 else "")
            for id_, price in zip("ab", prices, strict=True)
        ]
        assortment = Uncounted(Catalogue(products, version))
        expected = ["a"] if version == "v1" else ["b"]
        assert cheap.choose(Shopper(), assortment) == expected
        assert unbranded.choose(Shopper(), assortment) == expected


def test_fallbacks_fill_up_what_is_left_in_turn() -> None:
    """No product comes twice, and a stranger gets what the editor put first."""
    wanted = only("viewed_together", count=5, fallback=("popular", "catalogue"))
    assert chosen(wanted) == "hgbac"
    assert chosen(wanted, SHOPPER) == "bedhg"


def test_filters_exclusions_and_diversity_hold_for_every_strategy() -> None:
    """What does not fit makes place for the next one."""
    wanted = only(
        "popular",
        count=8,
        fallback=("catalogue",),
        where=(("in_stock", (Test("eq", operand=True),)), ("price", (Test("lte", 60),))),
        diversity=(("category", 2),),
    )
    assert chosen(wanted) == "gadf"


def test_what_the_catalogue_does_not_tell_is_not_one_kind() -> None:
    """None of the products has a brand, so none takes the place of another one."""
    assert chosen(only("catalogue", diversity=(("brand", 1), ("category", 2)))) == "abcd"


@given(
    strategies=st.lists(st.sampled_from(sorted(STRATEGIES)), min_size=1, max_size=4),
    count=st.integers(1, 8),
    exclude=st.sets(st.sampled_from(sorted(EXCLUSIONS))),
    most=st.integers(1, 4),
    limit=st.integers(0, 80),
    current=st.sampled_from(["", *IDS]),
    parts=st.lists(st.lists(st.sampled_from(IDS), unique=True), min_size=3, max_size=3),
)
def test_no_choice_breaks_its_rules(
    strategies: list[str],
    count: int,
    exclude: set[str],
    most: int,
    limit: int,
    current: str,
    parts: list[list[str]],
) -> None:
    """Whatever is asked for: different products that fit, and not too many of a kind."""
    viewed, cart, bought = parts
    wanted = Recommendation(
        strategy=strategies[0],
        fallback=tuple(strategies[1:]),
        count=count,
        segment="s",
        exclude=tuple(exclude),
        diversity=(("category", most),),
        where=(("price", (Test("lte", limit),)),),
    )
    shopper = Shopper(viewed, cart, bought, ("odd",), current)
    found = Recommender(wanted).choose(shopper, Counted(CATALOGUE))
    assert len(set(found)) == len(found) <= count
    done = {"viewed": viewed, "cart": cart, "bought": bought}
    left_out = {current}.union(*(done[name] for name in exclude))
    assert not left_out.intersection(found)
    products = [CATALOGUE.products[id_] for id_ in found]
    assert all(product.price is not None and product.price <= limit for product in products)
    categories = [product.category for product in products]
    assert all(categories.count(each) <= most for each in categories)


RULES = """
slots:
  - {id: shelf, kind: json, recommend: {strategy: popular}}
"""
DAY = 86_400_000


@pytest.fixture(scope="module")
def rules() -> Snapshot:
    """Rules that recommend."""
    return build_snapshot({"r.yaml": RULES}, {})


def happened(name: str, at_ms: int, product: object, **more: object) -> Event:
    """Answer what happened to a product."""
    of = "products.product_id" if name == "order_completed" else "product_id"
    return Event(name, at_ms, {of: product, **more})  # type: ignore[dict-item]


def test_a_profile_tells_what_was_viewed_bought_and_is_in_the_cart(rules: Snapshot) -> None:
    """An order empties the cart; what is taken out of it is not in it."""
    events = [
        happened("product_viewed", 1 * DAY, "a", category="odd"),
        happened("product_viewed", 2 * DAY, "b", category="even"),
        happened("product_added", 2 * DAY, "b"),
        happened("order_completed", 3 * DAY, ["b", "c"], order_id="1"),
        happened("product_added", 4 * DAY, "d"),
        happened("product_added", 4 * DAY, "e"),
        happened("product_removed", 4 * DAY + 1, "d"),
        happened("order_completed", 3 * DAY, ["x"], order_id="2"),
        Event("order_cancelled", 5 * DAY, {"order_id": "2"}),
    ]
    profile = fold(EMPTY_PROFILE, events, rules.plan)
    found = shopper_of(profile, rules.remembered, CATALOGUE, "/p/h/")
    assert found == Shopper(("b", "a"), ["e"], ("b", "c"), ["even", "odd"], "h")


def test_the_three_categories_that_a_visitor_cares_about_most_count(rules: Snapshot) -> None:
    """The strongest first."""
    categories = [name for times, name in enumerate("wxyz", 1) for _ in range(times)]
    events = [
        happened("product_viewed", DAY + at_ms, "a", category=name)
        for at_ms, name in enumerate(categories)
    ]
    profile = fold(EMPTY_PROFILE, events, rules.plan)
    assert shopper_of(profile, rules.remembered, CATALOGUE, "").favourites == ["z", "y", "x"]


def test_of_nobody_only_the_page_is_known(rules: Snapshot) -> None:
    """Without consent, while the store is down, and where nothing is remembered."""
    assert shopper_of(None, rules.remembered, CATALOGUE, "/p/a") == Shopper(current="a")
    assert shopper_of(EMPTY_PROFILE, None, CATALOGUE, "") == Shopper()
    assert shopper_of(EMPTY_PROFILE, rules.remembered, CATALOGUE, "/p/zzz") == Shopper(
        (), [], (), []
    )


def test_where_nothing_is_recommended_nothing_is_remembered() -> None:
    """Profiles of other sites stay as small as they were."""
    bare = build_snapshot({"r.yaml": "slots: [{id: s, kind: json}]"}, {})
    assert (bare.remembered, bare.popular_in, bare.plan.metrics) == (None, (), ())


def test_what_is_popular_is_counted_in_so_many_segments() -> None:
    """The first by their ids, whichever a visitor is in."""
    ids = [f"s{number}" for number in range(100, 100 + MAX_SEGMENTS + 1)]
    rule = "{strategy: popular_in_segment, segment: %s}"
    lines = ["segments:", *(f"- {{id: {id_}, when: {{all: []}}}}" for id_ in ids), "slots:"]
    lines += [f"- {{id: of-{id_}, kind: json, recommend: {rule % id_}}}" for id_ in reversed(ids)]
    assert build_snapshot({"r.yaml": "\n".join(lines)}, {}).popular_in == (*ids[:-1],)
