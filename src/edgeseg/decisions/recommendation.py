"""What a variant or slot recommends, as the rule files say it."""

from typing import Final, NamedTuple

import msgspec

from edgeseg.segments.condition import Where

RECENTLY_VIEWED: Final = "recently_viewed"
POPULAR: Final = "popular"
POPULAR_IN_SEGMENT: Final = "popular_in_segment"
VIEWED_TOGETHER: Final = "viewed_together"
BOUGHT_TOGETHER: Final = "bought_together"
CART_COMPLEMENTS: Final = "cart_complements"
NEW_IN_FAVOURITE: Final = "new_in_favourite"
NEWEST: Final = "newest"
CATALOGUE: Final = "catalogue"

STRATEGIES: Final = {
    RECENTLY_VIEWED: "what the visitor looked at last",
    POPULAR: "what is popular now",
    POPULAR_IN_SEGMENT: "what is popular now in the segment {segment}",
    VIEWED_TOGETHER: "what is often viewed together with this",
    BOUGHT_TOGETHER: "what is often bought together with this",
    CART_COMPLEMENTS: "what is often bought with what is in the cart",
    NEW_IN_FAVOURITE: "what is new in the visitor's favourite categories",
    NEWEST: "what is new",
    CATALOGUE: "what comes first in the catalogue",
}
"""Name → what it chooses, in words."""
EXCLUSIONS: Final = {
    "bought": "has bought",
    "cart": "has in the cart",
    "viewed": "looked at lately",
}
"""Name → what the visitor did with what is left out."""
FALLBACK: Final = (POPULAR, CATALOGUE)
"""Where a rule names no others; after `RECENTLY_VIEWED`, whose heading would then lie, none."""
MAX_COUNT: Final = 24
MAX_FALLBACKS: Final = 5


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """Which products to choose, and how many.

    Attributes:
        count: how many at most, 1 to `MAX_COUNT`.
        at_least: with fewer the slot's fallback is shown.
        fallback: strategies that fill up what the first leaves empty, in order.
        segment: of `POPULAR_IN_SEGMENT`.
        where: tests of the product's fields, all must pass.
        exclude: what the visitor did with products that are left out, see `EXCLUSIONS`.
        diversity: field → how many products of one value at most.
    """

    strategy: str
    count: int = 4
    at_least: int = 1
    fallback: tuple[str, ...] = ()
    segment: str = ""
    where: Where = ()
    exclude: tuple[str, ...] = ("bought", "cart")
    diversity: tuple[tuple[str, int], ...] = ()

    @property
    def strategies(self) -> tuple[str, ...]:
        """All strategies, in the order of their turn."""
        return (self.strategy, *self.fallback)


class Remembered(NamedTuple):
    """Keys of the metrics that tell what a visitor did with products.

    Attributes:
        viewed: products looked at.
        added: products put into the cart.
        removed: products taken out of it.
        ordered: products bought.
    """

    viewed: int
    added: int
    removed: int
    ordered: int


VIEWED_EVENT: Final = "product_viewed"
ADDED_EVENT: Final = "product_added"
REMOVED_EVENT: Final = "product_removed"
ORDERED_EVENT: Final = "order_completed"
PRODUCT: Final = "product_id"
ORDERED_PRODUCTS: Final = "products.product_id"
"""Property of an order: the products in it. SDKs that send ``products`` as a list of objects
get it by itself, see `events.flatten`."""
CATEGORY: Final = "category"
REMEMBERED: Final = {
    "viewed": (VIEWED_EVENT, PRODUCT, 24),
    "added": (ADDED_EVENT, PRODUCT, 50),
    "removed": (REMOVED_EVENT, PRODUCT, 50),
    "ordered": (ORDERED_EVENT, ORDERED_PRODUCTS, 100),
}
"""Attribute of `Remembered` → event, property, how many products a profile keeps."""
