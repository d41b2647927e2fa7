"""Load that does not wait for the server: page views at instants drawn beforehand.

    python -m benchmarks.latency.open_loop PORT RATE SECONDS [COOKIES]

An answer's time counts from the instant at which its request was to leave, also where no
connection was free or this program was late: so a server that stands still for a second is
seen by all who would have come meanwhile. Arrivals are a Poisson process, as those of many
visitors who know nothing of each other are.

One thread, `select` with its microseconds, and as few steps as possible: epoll's and libuv's
timers are whole milliseconds. Answers are matched with whom they were for.
"""

import gc
import select
import socket
import sys
from base64 import urlsafe_b64decode
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Final

import msgspec

CONNECTIONS: Final = 64
_LOOK_S: Final = 0.1
DRAIN_S: Final = 5.0
"""How long answers are waited for after the last request."""
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "
_DEGRADED: Final = b'"degraded":true'


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found.

    Attributes:
        waits_us: of each answer, sorted.
        bad: answers other than 200, and requests without one.
        foreign: answers that were not for the visitor who asked.
        degraded: answers that said the store did not keep the page view.
        views: visitor → page views answered, but for those.
    """

    waits_us: list[float]
    bad: int
    foreign: int
    degraded: int
    views: dict[str, int]

    def percentile_us(self, share: float) -> float:
        """Answer the wait that ``share`` of all, such as 0.99, were not over."""
        return self.waits_us[min(len(self.waits_us) - 1, int(len(self.waits_us) * share))]


class _Connection:
    """One connection; ``due_s`` and ``visitor`` are of the request under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.socket = self._connect()
        self.due_s = 0.0
        self.visitor = b""
        self.received = b""

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, due_s: float, visitor: bytes, request: bytes) -> None:
        self.due_s, self.visitor, self.received = due_s, visitor, b""
        if select.select((self.socket,), (), (), 0)[0]:  # the server closed it meanwhile
            self.socket.close()
            self.socket = self._connect()
        self.socket.sendall(request)

    def _connect(self) -> socket.socket:
        connected = socket.create_connection(("127.0.0.1", self._port), timeout=DRAIN_S)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def receive(self) -> bytes | None:
        """Answer the whole answer, None while it is not."""
        part = self.socket.recv(65_536)
        self.received += part
        head, end, body = self.received.partition(_END)
        if part and (not end or len(body) < _length_of(head)):
            return None
        return self.received


def run_open_loop(
    port: int, rate: float, seconds: float, requests: Sequence[tuple[bytes, bytes]]
) -> Waits:
    """Send ``rate`` requests a second for ``seconds``.

    Args:
        port: of the server on this machine.
        rate: mean number of requests a second.
        seconds: for how long.
        requests: visitor, "" where the answer names none, and request. Drawn by chance: in
            turn, all visitors would have their profiles compacted within the same moment.
    """
    # The one that has been idle for longest comes first, so that none is idle for long.
    idle = deque(_Connection(port) for _ in range(CONNECTIONS))
    busy: set[_Connection] = set()
    late: deque[float] = deque()
    random = Random(rate)
    tally = _Tally()
    start_s = perf_counter()
    due = _arrivals(start_s, rate, seconds, random)
    next_s = next(due, None)
    while next_s is not None or late or busy:
        now_s = perf_counter()
        if now_s > start_s + seconds + DRAIN_S:
            break
        while next_s is not None and next_s <= now_s:
            late.append(next_s)
            next_s = next(due, None)
        while late and idle:
            connection = idle.popleft()
            connection.send(late.popleft(), *random.choice(requests))
            busy.add(connection)
        pause_s = _LOOK_S if next_s is None else max(0.0, next_s - perf_counter())
        for connection in select.select(busy, (), (), pause_s)[0]:
            answer = connection.receive()
            if answer is not None:
                tally.count(connection, answer)
                busy.discard(connection)
                idle.append(connection)
    for connection in (*idle, *busy):
        connection.socket.close()
    return tally.close(unanswered=len(busy) + len(late))


class _Tally:
    """Counts answers."""

    def __init__(self) -> None:
        self._waits_us: list[float] = []
        self._views: Counter[str] = Counter()
        self._bad = self._foreign = self._degraded = 0

    def count(self, connection: _Connection, answer: bytes) -> None:
        self._waits_us.append((perf_counter() - connection.due_s) * 1e6)
        if not answer.startswith(b"HTTP/1.1 200"):
            self._bad += 1
            return
        self._foreign += connection.visitor not in answer
        if _DEGRADED in answer:
            self._degraded += 1
        else:
            self._views[connection.visitor.decode()] += 1

    def close(self, *, unanswered: int) -> Waits:
        return Waits(
            waits_us=sorted(self._waits_us),
            bad=self._bad + unanswered,
            foreign=self._foreign,
            degraded=self._degraded,
            views=dict(self._views),
        )


def page_views(cookies: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Answer visitor and request of a page view of each."""
    return [(visitor_of(cookie), _page_view(n, cookie)) for n, cookie in enumerate(cookies)]


HELLO: Final = [(b"", b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")]


def _arrivals(start_s: float, rate: float, seconds: float, random: Random) -> Iterator[float]:
    instants = accumulate(iter(lambda: random.expovariate(rate), None), initial=start_s)
    return takewhile(lambda at_s: at_s < start_s + seconds, instants)


def visitor_of(cookie: str) -> bytes:
    """Read the id in a cookie, see `CookieSigner`."""
    payload = cookie.partition(".")[0]
    fields = msgspec.json.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(fields[0]).encode()


def request_of(asked: object, agent: str, cookie: str = "") -> bytes:
    """Write a page view, ``asked`` as its body, of the visitor with this cookie, "" for none."""
    body = msgspec.json.encode(asked)
    named = f"Cookie: edgeseg={cookie}\r\n" if cookie else ""
    head = (
        "POST /v1/classify HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\n"
        f"{named}Content-Length: {len(body)}\r\nUser-Agent: {agent}\r\n"
        "Accept-Language: en-GB,en;q=0.9\r\n\r\n"
    )
    return head.encode() + body


def _page_view(number: int, cookie: str) -> bytes:
    url = f"http://shop.example/section-{number % 12}/page-{number % 20}?utm_source=news"
    page = {"url": url, "referrer": "", "title": "A page"}
    agent = "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36"
    return request_of({"page": page, "slots": ["home-hero"]}, agent, cookie)


def _length_of(head: bytes) -> int:
    _before, _name, rest = head.lower().partition(_LENGTH)
    return int(rest.partition(b"\r\n")[0] or 0)


def main() -> None:
    """Run as the module says; print `Waits` as JSON."""
    port, rate, seconds, *cookies = sys.argv[1:]
    requests = HELLO
    if cookies:
        requests = page_views(Path(cookies[0]).read_text("utf-8").splitlines())
    gc.disable()
    found = run_open_loop(int(port), float(rate), float(seconds), requests)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
