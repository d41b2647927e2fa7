"""What the demo site offers: accounts of the bank, goods of the shop."""

from typing import Final

import msgspec

CURRENCY: Final = "EUR"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the bank; ``slug`` is the last part of its path, ``art`` its picture."""

    slug: str
    name: str
    art: str
    line: str
    summary: str
    figure: str
    figure_label: str
    fee: str
    points: tuple[str, ...]


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One article of the shop; ``price`` in whole `CURRENCY` units, ``id`` ends its path."""

    id: str
    name: str
    category: str
    price: int
    line: str
    summary: str
    facts: tuple[str, ...]


ACCOUNTS: Final = (
    Account(
        slug="current-account",
        name="Current Account",
        art="card",
        line="For the everyday, without surprises.",
        summary="Salary in, rent out, and a clear view of what is left. "
        "No monthly fee and no small print that grows.",
        figure="10 s",
        figure_label="until a payment arrives",
        fee="Free",
        points=(
            "Instant payments at any hour",
            "One card, replaced free of charge",
            "An overdraft only if you ask for it",
        ),
    ),
    Account(
        slug="advanced-account",
        name="Advanced Account",
        art="cards",
        line="For two homes, three currencies or one plan.",
        summary="Separate pots for what you save towards, a second card for someone you trust, "
        "and money abroad at the rate you see in the papers.",
        figure="3",
        figure_label="currencies, one balance",
        fee="4 € a month",
        points=(
            "Up to ten pots with goals of their own",
            "A shared card with limits that you set",
            "No surcharge on foreign currency",
        ),
    ),
    Account(
        slug="premium-account",
        name="Premium Account",
        art="key",
        line="For when you would rather speak to a person.",
        summary="An adviser who knows your name, a line that is answered within a minute, "
        "and cover for the journeys you take.",
        figure="60 s",
        figure_label="to a person, day or night",
        fee="12 € a month",
        points=(
            "A named adviser",
            "Travel and device cover included",
            "Early notice of fixed-rate offers",
        ),
    ),
    Account(
        slug="fasttrack-savings-account",
        name="FastTrack Savings Account",
        art="sprout",
        line="For money with somewhere to be.",
        summary="Set the day you need it and the sum you want. We work out the rest, "
        "and tell you early if the two no longer fit.",
        figure="3.1 %",
        figure_label="a year, paid monthly",
        fee="Free",
        points=(
            "From 1 €, with no upper notice period",
            "Rounding up from your card, if you like",
            "Withdraw at any time within a day",
        ),
    ),
)

PRODUCTS: Final = (
    Product(
        id="enamel-kettle",
        name="Enamel kettle",
        category="Kitchen",
        price=79,
        line="Two litres, and a whistle you can bear.",
        summary="Heavy enamel over steel, a beech handle that stays cool and a spout "
        "that pours without a drip. It works on every kind of hob.",
        facts=("2 litres", "Enamelled steel, beech", "All hobs, induction too"),
    ),
    Product(
        id="stoneware-mug",
        name="Stoneware mug",
        category="Kitchen",
        price=24,
        line="Holds a morning's worth.",
        summary="Thrown, dipped and fired twice. The foot is left bare, so that you can feel "
        "what it is made of.",
        facts=("350 ml", "Stoneware", "Dishwasher safe"),
    ),
    Product(
        id="bread-board",
        name="Oak bread board",
        category="Kitchen",
        price=58,
        line="One plank, no glue.",
        summary="Cut from a single plank of oak, oiled by hand, with a groove that keeps "
        "the crumbs where they fall.",
        facts=("40 by 24 cm", "Solid oak", "Oiled, not varnished"),
    ),
    Product(
        id="watering-can",
        name="Watering can",
        category="Garden",
        price=46,
        line="Balanced when full and when nearly empty.",
        summary="A long spout for the back row and a brass rose for seedlings. "
        "Galvanised, so it may live outside.",
        facts=("5 litres", "Galvanised steel, brass", "Rose comes off"),
    ),
    Product(
        id="terracotta-pot",
        name="Terracotta pot with fern",
        category="Garden",
        price=38,
        line="The fern is included.",
        summary="A frost-proof pot with a saucer to match, and a fern that forgives "
        "a forgotten week.",
        facts=("22 cm wide", "Frost-proof", "Likes half shade"),
    ),
    Product(
        id="storm-lantern",
        name="Storm lantern",
        category="Garden",
        price=92,
        line="For the last hour outside.",
        summary="Burns a whole evening on a cup of lamp oil and does not mind the wind. "
        "The glass lifts out for cleaning.",
        facts=("28 cm high", "Burns for 12 hours", "Glass can be replaced"),
    ),
    Product(
        id="linen-notebook",
        name="Linen notebook",
        category="Study",
        price=18,
        line="Opens flat and stays open.",
        summary="Sewn, not glued, in a linen cover. The paper takes ink without a shadow "
        "on the next page.",
        facts=("192 pages", "Dotted, 100 g paper", "Sewn binding"),
    ),
    Product(
        id="reading-lamp",
        name="Reading lamp",
        category="Study",
        price=189,
        line="Light on the page, not in your eyes.",
        summary="An arm that stays where you leave it and a warm light that you can dim "
        "down to candle height.",
        facts=("Dims to 5 %", "Powder-coated steel", "Bulb can be replaced"),
    ),
    Product(
        id="writing-desk",
        name="Walnut writing desk",
        category="Study",
        price=1240,
        line="A place to sit down to.",
        summary="Two drawers, one long top, and joints that a grandchild can tighten. "
        "Made to order in about three weeks.",
        facts=("140 by 65 cm", "Solid walnut", "Two drawers on wooden runners"),
    ),
)

CATEGORIES: Final = tuple(dict.fromkeys(product.category for product in PRODUCTS))
