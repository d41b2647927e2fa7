"""The port to where products are kept: the catalogue, and counts of what is looked at and bought.

Counts fade: what happened one half-life ago counts half. Instead of shrinking the old ones,
later ones are added larger, by ``2 ** ((t - ORIGIN) / half-life)``, so that no job has to
touch what lies there. That is forward decay with an exponential function: G. Cormode,
V. Shkapenyuk, D. Srivastava and B. Xu, "Forward Decay: A Practical Time Decay Model for
Streaming Systems", ICDE 2009, section IV.A. Doubles hold such weights until the year 2045.

One conformance suite (``tests/conformance/test_products.py``) runs over every implementation.
"""

from collections.abc import Mapping, Sequence
from math import exp2
from typing import Final, NamedTuple, Protocol

from edgeseg.clock import DAY_MS

ORIGIN_MS: Final = 1_767_225_600_000
"""2026-01-01T00:00:00Z, when an event weighed 1."""


class Kind(NamedTuple):
    """One kind of counts.

    Attributes:
        name: part of the key.
        half_life_ms: after so long a count is worth half.
        keep: members of one set; the lightest go.
    """

    name: str
    half_life_ms: int
    keep: int

    def weight(self, at_ms: int) -> float:
        """Answer what an event of this instant adds."""
        return exp2((at_ms - ORIGIN_MS) / self.half_life_ms)


MAX_NEIGHBOURS: Final = 100
MAX_COUNTED: Final = 20_000
POPULAR: Final = Kind("popular", 7 * DAY_MS, 1_000)
"""What is looked at, put into carts and bought: each step counts one."""
VIEWS: Final = Kind("views", 30 * DAY_MS, MAX_COUNTED)
"""Visits in which a product was looked at."""
VIEWED_WITH: Final = Kind("viewed", 30 * DAY_MS, MAX_NEIGHBOURS)
"""Visits in which two products were looked at."""
ORDERS: Final = Kind("orders", 30 * DAY_MS, MAX_COUNTED)
"""Orders with a product."""
BOUGHT_WITH: Final = Kind("bought", 30 * DAY_MS, MAX_NEIGHBOURS)
"""Orders with two products."""


class Count(NamedTuple):
    """One member of one set.

    Attributes:
        kind: of the set.
        of: which set of the kind: a segment, a product, or "" for the only one.
        product: the member.
    """

    kind: Kind
    of: str
    product: str


class ProductStore(Protocol):
    """Keeps a catalogue and counts. Every method raises `StoreError` where it cannot."""

    async def add(self, weights: Mapping[Count, float]) -> None:
        """Add to counts; in sets that grow too large the lightest members go."""
        ...

    async def top(self, kind: Kind, of: Sequence[str], number: int) -> list[dict[str, float]]:
        """Answer the heaviest members of each set, the heaviest first, with their weights."""
        ...

    async def weights(self, kind: Kind, products: Sequence[str]) -> list[float]:
        """Answer the weights of members of the only set of a kind, 0 for those not there."""
        ...

    async def put_catalogue(self, version: str, packed: bytes) -> None:
        """Replace the catalogue."""
        ...

    async def catalogue_version(self) -> str:
        """Answer the version of the catalogue, "" for none."""
        ...

    async def get_catalogue(self) -> tuple[str, bytes]:
        """Answer the version and the catalogue, ("", b"") for none."""
        ...
