"""Page views as clients send them."""

from collections.abc import Mapping
from typing import Any

import httpx

HOME = "https://shop.example/"
ACCOUNT = "https://shop.example/accounts/current-account"
PROSPECTS = "prospective-account-clients"
GRANTED = {"marketing": True}
REFUSED = {"marketing": False}


def view_page(
    client: httpx.Client,
    url: str = HOME,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> httpx.Response:
    """Send a page view; ``members`` are further members of the body."""
    return client.post("/v1/classify", json={"page": {"url": url}, **members}, headers=headers)


def visitor_of(answer: httpx.Response) -> str | None:
    """Answer whom the page view was counted for."""
    assert answer.status_code == 200, answer.text
    visitor: str | None = answer.json()["visitor"]
    return visitor
