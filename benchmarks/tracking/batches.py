"""The calls under test: as an SDK would send them, each with messages that no other has."""

from collections.abc import Iterator
from random import Random
from typing import Final
from uuid import UUID

import msgspec

WRITE_KEY: Final = "write-key-of-the-benchmark"
VISITORS: Final = 4_000
_CONSENT: Final = {"consent": {"categoryPreferences": {"marketing": True}}}
_PAGE: Final = {
    "url": "https://shop.example/section-3/page-4?utm_source=news",
    "path": "/section-3/page-4",
    "referrer": "https://news.example/today",
    "title": "A page",
    "search": "?utm_source=news",
}


def make_batches(messages: int, visitors: int, seed: int) -> Iterator[bytes]:
    """Yield bodies of ``/v1/batch`` without end.

    Args:
        messages: in each; every second one is a page view.
        visitors: different ones in each batch, of `VISITORS` in all.
        seed: of the random choices.
    """
    random = Random(seed)
    while True:
        names = [f"visitor-{random.randrange(VISITORS)}" for _ in range(visitors)]
        batch = [_message(names[n % visitors], n, random) for n in range(messages)]
        yield msgspec.json.encode({"batch": batch, "writeKey": WRITE_KEY})


def _message(anonymous_id: str, number: int, random: Random) -> dict[str, object]:
    common: dict[str, object] = {
        "anonymousId": anonymous_id,
        "messageId": f"ajs-next-{UUID(int=random.getrandbits(128))}",
        "context": {**_CONSENT, "page": _PAGE, "library": {"name": "sdk", "version": "1"}},
        "integrations": {},
    }
    if number % 2 == 0:
        return common | {"type": "page", "properties": _PAGE}
    products = [{"product_id": f"p{n}", "price": 10 * n, "quantity": 1} for n in range(3)]
    properties = {"cart_id": "c1", "value": 60, "products": products}
    return common | {"type": "track", "event": "Cart Viewed", "properties": properties}
