"""The requests that are counted, as they come over the wire; those of `classify/requests.lua`."""

from collections.abc import Callable
from typing import Final

_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"


def page_view(number: int, cookie: str) -> bytes:
    """Answer a page view with one slot."""
    body = f'{{"page":{{"url":"{_address(number)}","referrer":"","title":"A page"}},'
    return _request("POST /v1/classify", cookie, body + '"slots":["home-hero"]}')


def fragment(number: int, cookie: str) -> bytes:
    """Answer a request for one slot as HTML."""
    return _request(f"GET /v1/fragment/home-hero?url={_address(number)}", cookie)


def flag(number: int, cookie: str) -> bytes:
    """Answer a request for one slot as a flag."""
    body = f'{{"context":{{"url":"{_address(number)}"}}}}'
    return _request("POST /ofrep/v1/evaluate/flags/slot/home-hero", cookie, body)


def hello(_number: int, _cookie: str) -> bytes:
    """Answer a request without anything."""
    return b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"


REQUESTS: Final[dict[str, Callable[[int, str], bytes]]] = {
    "hello": hello,
    "classify": page_view,
    "fragment": fragment,
    "flag": flag,
}
"""Face → what makes a request of it, from a running number and the visitor's cookie."""


def _address(number: int) -> str:
    return f"http://shop.example/section-{number % 12}/page-{number % 20}?utm_source=news"


def _request(line: str, cookie: str, body: str = "") -> bytes:
    lines = [
        f"{line} HTTP/1.1",
        "Host: 127.0.0.1:8000",
        f"Cookie: edgeseg={cookie}",
        f"User-Agent: {_AGENT}",
        "Accept-Language: en-GB,en;q=0.9",
        "Sec-Fetch-Site: same-origin",
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()
