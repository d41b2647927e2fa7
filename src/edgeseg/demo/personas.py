"""Ready-made visitors that a newcomer can become, each with a past of their own.

Nothing of them is made up at the time of asking: their past is sent to the service as the
events that it would have consisted of, and what follows is decided as for anybody else.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import msgspec

from edgeseg.demo.catalog import CURRENCY, PRODUCTS, Product

_BY_ID: Final = {product.id: product for product in PRODUCTS}


class Deed(msgspec.Struct, frozen=True):
    """One event of a past: ``days`` and ``minutes`` ago together."""

    event: str
    properties: Mapping[str, str | float | list[str]]
    days: int
    minutes: int = 0


class Persona(msgspec.Struct, frozen=True, kw_only=True):
    """One visitor to be; ``watch`` says what to look at, ``cart`` is what lies in it."""

    id: str
    name: str
    line: str
    watch: str
    past: tuple[Deed, ...] = ()
    cart: tuple[str, ...] = ()

    @property
    def cart_lines(self) -> list[dict[str, Any]]:
        """The cart as the shop's pages keep it."""
        return [{**describe(_BY_ID[id_]), "quantity": 1} for id_ in self.cart]

    def events(self, now: datetime) -> list[dict[str, Any]]:
        """Answer the past, seen from ``now``, as `POST /v1/classify` takes it."""
        return [
            {
                "event": deed.event,
                "properties": dict(deed.properties),
                "timestamp": (now - timedelta(days=deed.days, minutes=deed.minutes))
                .astimezone(UTC)
                .isoformat(),
            }
            for deed in self.past
        ]


def describe(product: Product) -> dict[str, str | float]:
    """Answer the properties of events about a product."""
    return {
        "product_id": product.id,
        "name": product.name,
        "category": product.category,
        "price": product.price,
    }


def _look(product: str, days: int, minutes: int = 0) -> tuple[Deed, Deed]:
    return (
        Deed("page_viewed", {"path": f"/shop/{product}"}, days, minutes),
        Deed("product_viewed", describe(_BY_ID[product]), days, minutes),
    )


def _add(product: str, days: int, minutes: int = 0) -> Deed:
    added = describe(_BY_ID[product])
    added["quantity"] = 1
    return Deed("product_added", added, days, minutes)


def _order(number: str, product: str, days: int) -> Deed:
    order: dict[str, str | float | list[str]] = {
        "order_id": number,
        "revenue": _BY_ID[product].price,
        "currency": CURRENCY,
        "products.product_id": [product],
    }
    return Deed("order_completed", order, days)


PERSONAS: Final[Mapping[str, Persona]] = MappingProxyType(
    {
        persona.id: persona
        for persona in (
            Persona(
                id="new-visitor",
                name="New visitor",
                line="Allows marketing, and has never been here.",
                watch="The home page is what everybody sees.",
            ),
            Persona(
                id="returning-customer",
                name="Returning customer",
                line="Bought a mug three weeks ago, has been back once.",
                watch="The shop and the cart suggest what goes on from there.",
                past=(
                    *_look("stoneware-mug", 21, 8),
                    _order("L-R1", "stoneware-mug", 21),
                    *_look("bread-board", 6),
                ),
            ),
            Persona(
                id="high-value-customer",
                name="High-value customer",
                line="Bought a desk forty days ago, and a lamp since.",
                watch="The home page says thank you.",
                past=(
                    *_look("writing-desk", 40, 12),
                    _order("L-H1", "writing-desk", 40),
                    *_look("reading-lamp", 12, 5),
                    _order("L-H2", "reading-lamp", 12),
                ),
            ),
            Persona(
                id="cart-abandoner",
                name="Cart abandoner",
                line="Left a kettle in the cart yesterday.",
                watch="Move the pointer out at the top of the window.",
                past=(*_look("enamel-kettle", 1, 6), _add("enamel-kettle", 1, 5)),
                cart=("enamel-kettle",),
            ),
            Persona(
                id="inactive-customer",
                name="Inactive customer",
                line="Ordered once, a hundred days ago, and not since.",
                watch="The home page says that it has been a while.",
                past=(*_look("watering-can", 100, 9), _order("L-I1", "watering-can", 100)),
            ),
        )
    }
)
