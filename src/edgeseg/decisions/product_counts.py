"""What to count of the products that a visitor deals with, and what goes together. Pure.

Two products go together by the cosine of the visits (or orders) that have them,
``c(a, b) / sqrt(c(a) * c(b))``: B. Sarwar, G. Karypis, J. Konstan and J. Riedl, "Item-based
collaborative filtering recommendation algorithms", WWW 2001, section 3.1.1. Of few visits
that says little, so it is shrunk by ``c(a, b) / (c(a, b) + SHRINKAGE)``: R. Bell and
Y. Koren, "Scalable collaborative filtering with jointly derived neighborhood interpolation
weights", ICDM 2007, section 2.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import permutations
from math import sqrt
from typing import Final

from edgeseg.decisions.recommendation import (
    ADDED_EVENT,
    ORDERED_EVENT,
    ORDERED_PRODUCTS,
    PRODUCT,
    VIEWED_EVENT,
    Remembered,
)
from edgeseg.events.event import Event
from edgeseg.events.keyed import ORDERS as ORDER_EVENTS
from edgeseg.profiles.latest import Met, latest_of
from edgeseg.profiles.product_store import (
    BOUGHT_WITH,
    ORDERS,
    POPULAR,
    VIEWED_WITH,
    VIEWS,
    Count,
    Kind,
)
from edgeseg.profiles.profile import Profile

SHRINKAGE: Final = 2.0
"""Visits in common at which a similarity counts half."""
MAX_NEAR: Final = 40
"""Products that go together with one: enough for the largest shelf and what is left out."""
MAX_ORDERED: Final = 10
"""Products of one order that are counted with each other: the first ones."""
COUNTED_EVENTS: Final = frozenset({VIEWED_EVENT, ADDED_EVENT, ORDERED_EVENT})


def count_events(
    events: Iterable[Event],
    profile: Profile,
    segments: Collection[str],
    remembered: Remembered,
    products: Collection[str],
) -> dict[Count, float]:
    """Answer the weights that events add to counts.

    A product counts once a visit however often it is looked at, two products together
    once a visit, and an order once however often it is told of. What is late, of a visit
    that is over, does not count, unless it is an order.

    Args:
        events: that were recorded just now.
        profile: with these folded in.
        segments: of the visitor, those in which it matters what is popular.
        remembered: where the profile tells of products.
        products: ids of the catalogue; others are not counted.
    """
    work = _Counting(profile, segments, remembered, products)
    for event in events:
        if event.name in COUNTED_EVENTS:
            work.add(event)
    return work.weights


class _Counting:
    """One visitor's events, counted."""

    def __init__(
        self,
        profile: Profile,
        segments: Collection[str],
        remembered: Remembered,
        products: Collection[str],
    ) -> None:
        self.weights: dict[Count, float] = {}
        self._ledger = profile.ledgers.get(ORDERED_EVENT)
        self._visit_ms = profile.visit.started_ms if profile.visit else 0
        self._metrics = profile.metrics
        self._key_of = {VIEWED_EVENT: remembered.viewed, ADDED_EVENT: remembered.added}
        self._now: dict[str, list[str]] = {VIEWED_EVENT: [], ADDED_EVENT: []}
        self._orders: set[str] = set()
        self._segments = segments
        self._products = products

    def add(self, event: Event) -> None:
        """Count one event."""
        if event.name == ORDERED_EVENT:
            self._add_order(event)
            return
        product = str(event.properties.get(PRODUCT, ""))
        if product not in self._products or event.at_ms < self._visit_ms:
            return  # of a visit that is over nobody knows any more what else was in it
        before = self._before(event)
        if product in before:
            return
        self._now[event.name].append(product)
        self._popular(product, event.at_ms)
        if event.name == VIEWED_EVENT:
            self._put(VIEWS, "", product, event.at_ms)
            for other in before:
                self._put(VIEWED_WITH, product, other, event.at_ms)
                self._put(VIEWED_WITH, other, product, event.at_ms)

    def _before(self, event: Event) -> set[str]:
        """Answer the products that an earlier event of the same name and visit named."""
        known = {
            product
            for product, met in latest_of(self._metrics.get(self._key_of[event.name])).items()
            if self._is_before(met, event.at_ms) and product in self._products
        }
        return known.union(self._now[event.name])

    def _is_before(self, met: Met, at_ms: int) -> bool:
        return self._visit_ms <= met.last_ms < at_ms or self._visit_ms <= met.before_ms < at_ms

    def _add_order(self, event: Event) -> None:
        id_ = ORDER_EVENTS.id_of(event)
        entry = self._ledger.entries.get(id_) if self._ledger and id_ else None
        if entry is not None and (entry.made_ms != event.at_ms or id_ in self._orders):
            return  # it was told of before
        self._orders.add(id_)
        given = event.properties.get(ORDERED_PRODUCTS, [])
        named = dict.fromkeys(str(each) for each in (given if isinstance(given, list) else [given]))
        bought = [product for product in named if product in self._products][:MAX_ORDERED]
        for product in bought:
            self._popular(product, event.at_ms)
            self._put(ORDERS, "", product, event.at_ms)
        for product, other in permutations(bought, 2):
            self._put(BOUGHT_WITH, product, other, event.at_ms)

    def _popular(self, product: str, at_ms: int) -> None:
        for of in ("", *self._segments):
            self._put(POPULAR, of, product, at_ms)

    def _put(self, kind: Kind, of: str, product: str, at_ms: int) -> None:
        count = Count(kind, of, product)
        self.weights[count] = self.weights.get(count, 0.0) + kind.weight(at_ms)


def similarities(
    together: Mapping[str, float], weights: Mapping[str, float], own: float, unit: float
) -> dict[str, float]:
    """Answer product → similarity to one product, the `MAX_NEAR` nearest first; equals by id.

    Args:
        together: product → weight of the visits that have both.
        weights: product → weight of the visits that have it, for all of ``together``.
        own: weight of the visits that have the one product.
        unit: weight of one visit now.
    """
    found = {}
    for product, both in together.items():
        # What is trimmed, or written meanwhile, may be less than what both have.
        cosine = both / sqrt(max(own, both) * max(weights[product], both))
        found[product] = cosine * both / (both + SHRINKAGE * unit)
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_NEAR])
