"""Keyed events: events that tell about one thing, such as an order, by the id it has.

An order is told of once when it is made, and again when it changes, is refunded or is
cancelled. What counts is the thing as all of that leaves it, not how often it was told of.
This is the one table of them.

Source of the names and properties of orders: the e-commerce events of Segment's spec,
https://segment.com/docs/connections/spec/ecommerce/v2/ (see `event_names`).
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from edgeseg.events.event import Event

AMOUNTS: Final = ("revenue", "total", "value", "amount")
"""Properties that a refund takes from, and names its amount by."""


class Role(Enum):
    """What an event says of a thing."""

    MADE = "made"
    """It is there; the properties are its own."""
    CHANGED = "changed"
    """Some properties are others now; alone it does not make the thing."""
    REFUNDED = "refunded"
    """An amount is taken away, the thing stays."""
    CANCELLED = "cancelled"
    """It is not there, and will not be: a cancellation is final."""


class KeyedEvents(NamedTuple):
    """The events about one kind of thing.

    Attributes:
        made_by: name of the event that makes a thing; rules ask for the thing by it.
        id_property: property that says which one.
    """

    made_by: str
    id_property: str

    def id_of(self, event: Event) -> str:
        """Answer which thing an event is about, "" for one that does not say."""
        id_ = event.properties.get(self.id_property, "")
        return str(id_) if isinstance(id_, str | int) and not isinstance(id_, bool) else ""


ORDERS: Final = KeyedEvents("order_completed", "order_id")
APPOINTMENTS: Final = KeyedEvents("appointment_booked", "appointment_id")

KEYED_EVENTS: Final[Mapping[str, tuple[KeyedEvents, Role]]] = {
    "order_completed": (ORDERS, Role.MADE),
    "order_updated": (ORDERS, Role.CHANGED),
    "order_refunded": (ORDERS, Role.REFUNDED),
    "order_cancelled": (ORDERS, Role.CANCELLED),
    "appointment_booked": (APPOINTMENTS, Role.MADE),
    "appointment_rescheduled": (APPOINTMENTS, Role.CHANGED),
    "appointment_cancelled": (APPOINTMENTS, Role.CANCELLED),
}
"""Event name → the kind of thing it is about, and what it says of it."""
MADE_BY: Final = frozenset({ORDERS.made_by, APPOINTMENTS.made_by})
