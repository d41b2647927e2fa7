"""The catalogue: the products that may be recommended, as the site orders them. Pure."""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

MAX_PRODUCTS: Final = 100_000


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One product; texts are "" where the catalogue says nothing.

    Attributes:
        id: as events name it in ``product_id``.
        url: absolute, or a path on the site.
        price: in ``currency``, None for not told.
        added: RFC 3339 date of when it was new, "" for not told.
    """

    id: str
    name: str
    url: str
    price: int | float | None = None
    currency: str = ""
    category: str = ""
    brand: str = ""
    in_stock: bool = True
    image: str = ""
    added: str = ""


FIELDS: Final = Product.__struct_fields__
"""What a product has; filters and diversity ask about these."""


class Catalogue:
    """All products of one version of the catalogue.

    Attributes:
        version: changes whenever a product does.
        products: id → product, in the order of the catalogue.
        shown: id → the same as templates and apps are given it.
        newest: ids, the latest added first; where nothing says when, the last in the
            catalogue counts as the latest.
    """

    def __init__(self, products: Iterable[Product], version: str = "") -> None:
        """Look at ``products``, in their order; ids are different."""
        self.version = version
        self.products: Mapping[str, Product] = {each.id: each for each in products}
        self.shown = {id_: _shown(each) for id_, each in self.products.items()}
        latest_first = reversed(self.products.values())
        by_age = sorted(latest_first, key=attrgetter("added"), reverse=True)
        self.newest = tuple(each.id for each in by_age)
        self._in_category: dict[str, list[str]] = {}
        for id_ in self.newest:
            self._in_category.setdefault(self.products[id_].category, []).append(id_)
        self._by_path: dict[str, str] = {}
        for each in self.products.values():
            path = _path(urlsplit(each.url).path)
            self._by_path[path] = "" if path in self._by_path else each.id

    def newest_in(self, category: str) -> Iterable[str]:
        """Answer the ids of the products of a category, the latest added first."""
        return self._in_category.get(category, ())

    def at_path(self, path: str) -> str:
        """Answer the id of the product whose page has this path, "" for none or several."""
        return self._by_path.get(_path(path), "")


EMPTY_CATALOGUE: Final = Catalogue(())


def _shown(product: Product) -> dict[str, object]:
    """Answer what is known of a product, by name; what is not told is None or ""."""
    return {name: getattr(product, name) for name in FIELDS}


def _path(written: str) -> str:
    """Answer a path in the one way in which two that are the same are compared."""
    return unquote(written).rstrip("/") or "/"
