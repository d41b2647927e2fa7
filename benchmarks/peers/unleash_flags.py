"""Flags for Unleash's proxy, as many as edgeseg has segments, and visitors who ask for them.

Each flag has one strategy of three constraints on what the visitor's request tells, chosen so that
about one flag in a hundred is on. That is less than the segments under test ask about, which are
trees of three to five conditions, some of them about stored events. The proxy stores nothing of
visitors, so each request carries what the flags ask about.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Final
from urllib.parse import urlencode

import msgspec

PROPERTIES: Final = {"country": 5, "plan": 4, "section": 12, "browser": 5, "source": 8, "age": 6}
"""Name → how many values it has."""
_CONSTRAINTS: Final = 3
_SHARE: Final = 0.01


def make_flags(count: int) -> dict[str, object]:
    """Answer the definitions of ``count`` flags, as ``/api/client/features`` has them."""
    random = Random(3)
    features = [
        {
            "name": f"flag-{number}",
            "type": "release",
            "enabled": True,
            "stale": False,
            "impressionData": False,
            "strategies": [_strategy(f"flag-{number}", random)],
            "variants": [],
        }
        for number in range(count)
    ]
    return {"version": 2, "features": features, "query": {}}


def make_queries(count: int) -> list[str]:
    """Answer query strings of ``count`` visitors."""
    random = Random(4)
    return [
        urlencode(
            {
                "userId": f"visitor-{number}",
                **{
                    f"properties[{name}]": f"value-{random.randrange(size)}"
                    for name, size in PROPERTIES.items()
                },
            }
        )
        for number in range(count)
    ]


def _strategy(flag: str, random: Random) -> dict[str, object]:
    part = _SHARE ** (1 / _CONSTRAINTS)
    chosen = random.sample(sorted(PROPERTIES), _CONSTRAINTS)
    return {
        "name": "flexibleRollout",
        "parameters": {"rollout": "100", "stickiness": "default", "groupId": flag},
        "constraints": [
            {
                "contextName": name,
                "operator": "IN",
                "values": _values(PROPERTIES[name], part, random),
                "caseInsensitive": False,
                "inverted": False,
            }
            for name in chosen
        ],
    }


def _values(size: int, part: float, random: Random) -> Sequence[str]:
    count = max(1, round(size * part))
    return [f"value-{value}" for value in random.sample(range(size), count)]


@contextmanager
def upstream(flags: dict[str, object]) -> Iterator[str]:
    """Run what stands in for an Unleash server; answer its address."""
    definitions = msgspec.json.encode(flags)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, definitions)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self._answer(202, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()
