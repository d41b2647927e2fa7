"""What visitors of the demo site do: consent answers, visits, pages and events.

Pure: the only input is the random generator handed in, so a seed gives the same
visitors again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

SITE = "http://127.0.0.1:8800"
"""Origin of the page addresses that are reported; nothing is fetched from it."""

ACCOUNTS = (
    "/accounts/current-account",
    "/accounts/advanced-account",
    "/accounts/premium-account",
    "/accounts/fasttrack-savings-account",
)
PRODUCTS = {
    "/shop/enamel-kettle": 79,
    "/shop/stoneware-mug": 24,
    "/shop/linen-notebook": 18,
    "/shop/writing-desk": 1240,
}
ENTRANCES = ("", "?utm_source=news&utm_medium=email", "?utm_campaign=autumn", "?gclid=made-up")
ZONES = ("Europe/Prague", "Europe/London", "America/New_York", "Asia/Tokyo")
LANGUAGES = ("cs", "en-GB", "en-US", "ja")

CONSENTS: tuple[dict[str, bool] | None, ...] = ({"marketing": True}, {"marketing": False}, None)
CONSENT_WEIGHTS = (70, 20, 10)
"""Most agree, some refuse, some never answer the banner."""

Event = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class PageView:
    """One page as a browser reports it."""

    path: str
    slots: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def url(self) -> str:
        """The page's whole address."""
        return SITE + self.path


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One visit: who comes, what they agreed to, and what they read."""

    consent: dict[str, bool] | None
    context: dict[str, Any] = field(default_factory=dict)
    page_views: tuple[PageView, ...] = ()


def make_visit(chance: Random) -> Visit:
    """Draw one visit: an entrance, then an errand at the bank or in the shop."""
    entrance = PageView(
        path="/" + chance.choice(ENTRANCES), slots=("home-hero", "recommendations", "exit-popup")
    )
    errand = chance.choice((read_accounts, go_shopping, look_around))
    place = chance.randrange(len(ZONES))
    return Visit(
        consent=chance.choices(CONSENTS, CONSENT_WEIGHTS)[0],
        context={"time_zone": ZONES[place], "language": LANGUAGES[place]},
        page_views=(entrance, *errand(chance)),
    )


def read_accounts(chance: Random) -> Iterator[PageView]:
    """Read some accounts; a third fill in the form."""
    for path in chance.sample(ACCOUNTS, chance.randint(1, len(ACCOUNTS))):
        yield PageView(path=path, slots=("home-hero",))
    if chance.random() < 1 / 3:
        yield PageView(
            path="/accounts/request",
            events=(_event(chance, "form_submitted", form="request-account"),),
        )
        yield PageView(path="/", slots=("home-hero", "recommendations"))


def go_shopping(chance: Random) -> Iterator[PageView]:
    """Look at products, put some into the cart, leave it there."""
    yield PageView(path="/shop", slots=("recommendations",))
    for path in chance.sample(sorted(PRODUCTS), chance.randint(1, 3)):
        product = path.rpartition("/")[2]
        yield PageView(
            path=path,
            slots=("recommendations",),
            events=(_event(chance, "product_viewed", product_id=product),),
        )
        if chance.random() < 1 / 2:
            yield PageView(
                path="/cart",
                slots=("exit-popup",),
                events=(_event(chance, "product_added", product_id=product, price=PRODUCTS[path]),),
            )


def look_around(chance: Random) -> Iterator[PageView]:
    """Read the start pages of each part, with no event but the views."""
    for path in ("/accounts", "/shop", "/about-this-demo")[: chance.randint(1, 3)]:
        yield PageView(path=path, slots=("home-hero", "recommendations"))


def _event(chance: Random, name: str, **properties: object) -> Event:
    """Make an event as the snippet sends it, with an id to recognise repeats by."""
    return {"event": name, "properties": properties, "messageId": f"{chance.getrandbits(64):016x}"}
