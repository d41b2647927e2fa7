"""Choose products for a visitor. Pure: the same visitor, counts and catalogue, the same products.

What is viewed or bought together with several products is added up over them, each weighing
the inverse of its place, the latest first: as sequential rules weigh the steps between, see
M. Ludewig and D. Jannach, "Evaluation of session-based recommendation algorithms", User
Modeling and User-Adapted Interaction 28, 2018, section 3.1.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from edgeseg.decisions import recommendation
from edgeseg.decisions.catalogue import EMPTY_CATALOGUE, Catalogue, Product
from edgeseg.decisions.recommendation import (
    CATEGORY,
    ORDERED_EVENT,
    Recommendation,
    Remembered,
)
from edgeseg.events.event import Event
from edgeseg.profiles.affinity import strongest
from edgeseg.profiles.product_store import BOUGHT_WITH, VIEWED_WITH, Kind
from edgeseg.profiles.profile import NO_STATE, Profile
from edgeseg.segments.formula import all_of
from edgeseg.segments.index import Index
from edgeseg.segments.test_formulas import tests_formula

MAX_SEEDS: Final = 5
"""Products of the visitor that others are looked for by."""
MAX_FAVOURITES: Final = 3
"""Categories of the visitor, by the weight of what they did."""


class Assortment(Protocol):
    """The catalogue, and what is counted of it, as a worker knows them."""

    @property
    def catalogue(self) -> Catalogue:
        """The products there are."""
        ...

    def popular(self, segment: str = "") -> Sequence[str]:
        """Answer the ids of popular products, of everybody or of one segment, best first."""
        ...

    def together(self, kind: Kind, product: str) -> Mapping[str, float]:
        """Answer product → similarity, for `VIEWED_WITH` or `BOUGHT_WITH` another one."""
        ...

    def note(
        self,
        events: Sequence[Event],
        profile: Profile,
        segments: Sequence[str],
        remembered: Remembered,
    ) -> None:
        """Count what a visitor did; returns at once."""
        ...


class Uncounted:
    """The assortment where nothing is counted: a catalogue, and maybe not even that."""

    def __init__(self, catalogue: Catalogue = EMPTY_CATALOGUE) -> None:
        """Know only ``catalogue``."""
        self.catalogue = catalogue

    def popular(self, segment: str = "") -> Sequence[str]:  # noqa: ARG002 - as the port has it
        """Answer nothing."""
        return ()

    def together(self, kind: Kind, product: str) -> Mapping[str, float]:  # noqa: ARG002 - as above
        """Answer nothing."""
        return {}

    def note(
        self,
        events: Sequence[Event],
        profile: Profile,
        segments: Sequence[str],
        remembered: Remembered,
    ) -> None:
        """Count nothing."""


NO_PRODUCTS: Final = Uncounted()


class Shopper(NamedTuple):
    """What a visitor did with products, and where they are.

    Attributes:
        viewed: ids, the latest first.
        cart: likewise.
        bought: likewise.
        favourites: categories, the strongest first.
        current: the product whose page this is, "" for none.
    """

    viewed: Sequence[str] = ()
    cart: Sequence[str] = ()
    bought: Sequence[str] = ()
    favourites: Sequence[str] = ()
    current: str = ""


def shopper_of(
    profile: Profile | None, remembered: Remembered | None, catalogue: Catalogue, path: str
) -> Shopper:
    """Answer what the profile tells, on the page at ``path``."""
    current = catalogue.at_path(path) if path else ""
    if profile is None or remembered is None:
        return Shopper(current=current)
    viewed, added, removed, ordered = (profile.metrics.get(key, NO_STATE) for key in remembered)
    orders = profile.totals.get(ORDERED_EVENT)
    emptied_ms = orders.last_ms if orders else 0
    taken_out = dict(zip(removed.distinct, removed.recent, strict=True))
    cart = [
        product
        for product, added_ms in zip(added.distinct, added.recent, strict=True)
        if added_ms > emptied_ms and taken_out.get(product, 0) < added_ms
    ]
    favourites = strongest(profile.affinities.get(CATEGORY, {}), MAX_FAVOURITES)
    return Shopper(viewed.distinct, cart, ordered.distinct, favourites, current)


class Recommender:
    """Chooses as one recommendation of the rules says."""

    def __init__(self, wanted: Recommendation) -> None:
        """Compile the filter."""
        self.wanted = wanted
        filters = all_of(tests_formula(name, tests) for name, tests in wanted.where)
        self._filter = Index([("fits", filters)]) if wanted.where else None
        self._fits: dict[str, bool] = {}
        self._fits_of = EMPTY_CATALOGUE

    def choose(self, shopper: Shopper, assortment: Assortment) -> list[str]:
        """Answer the ids of the products, best first."""
        wanted, catalogue = self.wanted, assortment.catalogue
        left_out = set(_left_out(wanted.exclude, shopper))
        chosen: list[str] = []
        taken: dict[tuple[str, object], int] = {}
        for strategy in wanted.strategies:
            for id_ in _CANDIDATES[strategy](wanted, shopper, assortment):
                if id_ in left_out:
                    continue
                left_out.add(id_)
                product = catalogue.products.get(id_)
                if product and self._is_fit(product, catalogue) and self._take(product, taken):
                    chosen.append(id_)
                    if len(chosen) == wanted.count:
                        return chosen
        return chosen

    def _is_fit(self, product: Product, catalogue: Catalogue) -> bool:
        """Tell whether a product passes the filter; remembered while the catalogue stays."""
        if self._filter is None:
            return True
        if self._fits_of is not catalogue:
            self._fits, self._fits_of = {}, catalogue
        fits = self._fits.get(product.id)
        if fits is None:
            shown = catalogue.shown[product.id]
            facts = {name: value for name, value in shown.items() if value not in {None, ""}}
            fits = self._fits[product.id] = bool(self._filter.evaluate(facts).held)
        return fits

    def _take(self, product: Product, taken: dict[tuple[str, object], int]) -> bool:
        """Tell whether there is room for a product of its kind, and take it."""
        if not self.wanted.diversity:
            return True
        named = [(name, getattr(product, name), most) for name, most in self.wanted.diversity]
        groups = [((name, value), most) for name, value, most in named if value]
        if any(taken.get(group, 0) >= most for group, most in groups):
            return False
        for group, _most in groups:
            taken[group] = taken.get(group, 0) + 1
        return True


def _left_out(exclude: Collection[str], shopper: Shopper) -> Iterator[str]:
    yield shopper.current
    if "bought" in exclude:
        yield from shopper.bought
    if "cart" in exclude:
        yield from shopper.cart
    if "viewed" in exclude:
        yield from shopper.viewed


def _popular_in_segment(
    wanted: Recommendation, _shopper: Shopper, assortment: Assortment
) -> Iterable[str]:
    return assortment.popular(wanted.segment)


def _viewed_together(
    _wanted: Recommendation, shopper: Shopper, assortment: Assortment
) -> Iterable[str]:
    return _together(VIEWED_WITH, _seeds(shopper, shopper.viewed), assortment)


def _bought_together(
    _wanted: Recommendation, shopper: Shopper, assortment: Assortment
) -> Iterable[str]:
    seeds = _seeds(shopper, shopper.cart or shopper.bought)
    return _together(BOUGHT_WITH, seeds, assortment)


def _new_in_favourite(
    _wanted: Recommendation, shopper: Shopper, assortment: Assortment
) -> Iterable[str]:
    newest_in = assortment.catalogue.newest_in
    return (id_ for category in shopper.favourites for id_ in newest_in(category))


_CANDIDATES: Final[Mapping[str, Callable[[Recommendation, Shopper, Assortment], Iterable[str]]]] = {
    recommendation.RECENTLY_VIEWED: lambda _wanted, shopper, _assortment: shopper.viewed,
    recommendation.POPULAR: lambda _wanted, _shopper, assortment: assortment.popular(),
    recommendation.POPULAR_IN_SEGMENT: _popular_in_segment,
    recommendation.VIEWED_TOGETHER: _viewed_together,
    recommendation.BOUGHT_TOGETHER: _bought_together,
    recommendation.CART_COMPLEMENTS: lambda _wanted, shopper, assortment: _together(
        BOUGHT_WITH, shopper.cart[:MAX_SEEDS], assortment
    ),
    recommendation.NEW_IN_FAVOURITE: _new_in_favourite,
    recommendation.NEWEST: lambda _wanted, _shopper, assortment: assortment.catalogue.newest,
    recommendation.CATALOGUE: lambda _wanted, _shopper, assortment: assortment.catalogue.products,
}
"""Strategy → what answers the ids that it proposes, best first."""


def _seeds(shopper: Shopper, others: Sequence[str]) -> Sequence[str]:
    """Answer what to look for others by: the product of this page, else what the visitor has."""
    return (shopper.current,) if shopper.current else others[:MAX_SEEDS]


def _together(kind: Kind, seeds: Sequence[str], assortment: Assortment) -> Iterable[str]:
    """Answer what goes with the seeds, the nearest first; equals by id."""
    if len(seeds) == 1:
        return assortment.together(kind, seeds[0])  # in this order already
    found: dict[str, float] = {}
    for place, seed in enumerate(seeds, 1):
        for other, similarity in assortment.together(kind, seed).items():
            found[other] = found.get(other, 0.0) + similarity / place
    return sorted(found, key=lambda other: (-found[other], other))
