"""How often a page view waits for the store: counted by the store, one page view at a time."""

from collections.abc import Sequence
from http.client import HTTPConnection
from typing import Final

import msgspec
import redis

from benchmarks.classify.serving import CannotRun

VIEWS: Final = 50
_BODY: Final = msgspec.json.encode(
    {"page": {"url": "http://shop.example/section-1/page-1"}, "slots": ["home-hero"]}
)


def count_round_trips(port: int, store_url: str, cookies: Sequence[str]) -> list[float]:
    """Answer how many reads from its clients the store needed for each page view.

    Commands that leave together arrive together and are read at once, so this is the number
    of round trips. Work besides page views shows in a few of them only.

    Raises:
        CannotRun: a page view failed.
    """
    found: list[float] = []
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    with redis.Redis.from_url(store_url) as client:
        for cookie in cookies[:VIEWS]:
            before = _reads(client)
            headers = {"Content-Type": "application/json", "Cookie": f"edgeseg={cookie}"}
            connection.request("POST", "/v1/classify", _BODY, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise CannotRun(f"a page view was answered with {answer.status}")
            found.append(float(_reads(client) - before - 1))  # one was to ask
    connection.close()
    return found


def _reads(client: "redis.Redis") -> int:
    return int(client.info("stats")["total_reads_processed"])
