"""The verified fake of the product store: dictionaries, for tests."""

from collections.abc import Mapping, Sequence

from edgeseg.profiles.product_store import Count, Kind


class MemoryProducts:
    """The port `ProductStore` over dictionaries."""

    def __init__(self) -> None:
        """Start empty."""
        self._sets: dict[tuple[Kind, str], dict[str, float]] = {}
        self._catalogue = ("", b"")

    async def add(self, weights: Mapping[Count, float]) -> None:
        """Add to counts."""
        for count, weight in weights.items():
            members = self._sets.setdefault((count.kind, count.of), {})
            members[count.product] = members.get(count.product, 0.0) + weight
        for kind, of in {(count.kind, count.of) for count in weights}:
            self._sets[kind, of] = self._heaviest(kind, of, kind.keep)

    async def top(self, kind: Kind, of: Sequence[str], number: int) -> list[dict[str, float]]:
        """Answer the heaviest members of each set."""
        return [self._heaviest(kind, each, number) for each in of]

    async def weights(self, kind: Kind, products: Sequence[str]) -> list[float]:
        """Answer the weights of members of the only set of a kind."""
        members = self._sets.get((kind, ""), {})
        return [members.get(product, 0.0) for product in products]

    async def put_catalogue(self, version: str, packed: bytes) -> None:
        """Replace the catalogue."""
        self._catalogue = (version, packed)

    async def catalogue_version(self) -> str:
        """Answer the version of the catalogue."""
        return self._catalogue[0]

    async def get_catalogue(self) -> tuple[str, bytes]:
        """Answer the version and the catalogue."""
        return self._catalogue

    def _heaviest(self, kind: Kind, of: str, number: int) -> dict[str, float]:
        members = self._sets.get((kind, of), {})
        # As Redis orders a sorted set from its end: by weight, then by name, both descending.
        order = sorted(members.items(), key=lambda pair: (pair[1], pair[0]), reverse=True)
        return dict(order[:number])
