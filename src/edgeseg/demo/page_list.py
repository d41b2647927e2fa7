"""The pages of the site: which template each is made from, and with which facts."""

from collections.abc import Mapping
from typing import Final

import msgspec
from jinja2 import Environment

from edgeseg.demo.catalog import ACCOUNTS, PRODUCTS

REQUEST_PATH: Final = "/accounts/request"


class PageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One page; ``slots`` are those in its markup, popups aside."""

    path: str
    template: str
    slots: tuple[str, ...] = ()
    facts: Mapping[str, object] = {}

    def render(self, templates: Environment, **more: object) -> str:
        """Answer its HTML."""
        return templates.get_template(self.template).render(path=self.path, **self.facts, **more)


def list_pages() -> dict[str, PageFacts]:
    """Answer every page by its path."""
    shop = ("recommendations",)
    pages = [
        PageFacts(path="/", template="home.html", slots=("home-hero",)),
        PageFacts(path="/accounts", template="accounts.html"),
        PageFacts(path="/shop", template="shop.html", slots=shop),
        PageFacts(path="/cart", template="cart.html", slots=shop),
        PageFacts(path="/checkout", template="checkout.html"),
        PageFacts(path="/about-this-demo", template="about.html"),
        PageFacts(path=REQUEST_PATH, template="request.html", facts={"is_sent": False}),
    ]
    pages += [
        PageFacts(path=f"/accounts/{each.slug}", template="account.html", facts={"account": each})
        for each in ACCOUNTS
    ]
    pages += [
        PageFacts(
            path=f"/shop/{each.id}", template="product.html", slots=shop, facts={"product": each}
        )
        for each in PRODUCTS
    ]
    return {page.path: page for page in pages}
