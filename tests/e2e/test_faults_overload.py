"""Overload: what a worker cannot take is turned away, fast, and the rest are in time."""

import asyncio
import itertools
import json
import os
import signal
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import httpx
import pytest

from edgeseg.profiles.embedded import EmbeddedServer
from tests.e2e.conftest import StartService
from tests.e2e.service import SERVER_KEY, Service
from tests.e2e.views import GRANTED, HOME, view_page

MOST = 8
BUDGET_MS = 3_000


class Timed(NamedTuple):
    """One answer, and how long it took from the moment it was to be asked for."""

    status: int
    head: bytes
    took_s: float


@pytest.fixture
def narrow(new_service: StartService, store: EmbeddedServer) -> Service:
    """A service of one worker that takes few page views at once."""
    settings = {"redis_url": store.url, "budget_ms": BUDGET_MS, "stale_s": 0, "cache_mb": 0}
    return new_service(max_requests=MOST, **settings).start()


def _request(visitor: str, *, explain: bool) -> bytes:
    members = {"page": {"url": HOME}, "visitor": visitor, "consent": GRANTED, "explain": explain}
    body = json.dumps(members).encode()
    head = (
        "POST /v1/classify HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {SERVER_KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Browsers:
    """Connections that are used again, as many as are needed."""

    def __init__(self, port: int) -> None:
        """Talk to ``port``."""
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, request: bytes, at_s: float | None = None) -> Timed:
        """Send one request, at the given instant of the loop's clock."""
        loop = asyncio.get_running_loop()
        at_s = loop.time() if at_s is None else at_s
        await asyncio.sleep(at_s - loop.time())
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        await reader.readexactly(length)
        self._idle.append((reader, writer))
        return Timed(int(head[9:12]), head, loop.time() - at_s)

    async def close(self) -> None:
        """Close what is idle."""
        for _reader, writer in self._idle:
            writer.close()
            await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)


def _p99(times_s: Sequence[float]) -> float:
    return sorted(times_s)[int(len(times_s) * 0.99)]


async def test_page_views_over_the_bound_are_told_to_come_again(
    narrow: Service, store: EmbeddedServer
) -> None:
    """Those within it wait for the store and are answered; a fragment never gets an error."""
    browsers = Browsers(narrow.port)
    await browsers.ask(_request("first", explain=False))
    os.kill(store.pid, signal.SIGSTOP)
    asked = [asyncio.create_task(browsers.ask(_request(f"v{n}", explain=False))) for n in range(40)]
    done, _waiting = await asyncio.wait(asked, timeout=BUDGET_MS / 1_000 / 4)
    assert len(done) == 40 - MOST
    assert {task.result().status for task in done} == {503}
    assert all(b"\r\nretry-after: 1\r\n" in task.result().head.lower() for task in done)
    async with httpx.AsyncClient(base_url=narrow.url) as client:
        fragment = await client.get("/v1/fragment/home-hero", params={"url": HOME})
        refused = await client.post("/v1/classify", json={"page": {"url": HOME}})
    assert (fragment.status_code, fragment.headers["edgeseg-status"][:8]) == (200, "fallback")
    assert refused.json()["type"] == "urn:edgeseg:problem:busy"
    answers = await asyncio.gather(*asked)
    assert sum(answer.status == 200 for answer in answers) == MOST
    os.kill(store.pid, signal.SIGCONT)
    assert narrow.count("http_server_request_duration_seconds_count") >= 42
    await browsers.close()


async def test_fragments_over_the_bound_are_answered_without_the_profile(
    narrow: Service, store: EmbeddedServer
) -> None:
    """At once, with the fallback; they have the bound of page views, counted apart from these."""
    async with httpx.AsyncClient(base_url=narrow.url) as client:
        body = {"page": {"url": HOME}, "consent": GRANTED}
        viewed = await client.post("/v1/classify", json=body)
    cookie = viewed.headers["set-cookie"].partition(";")[0]
    head = f"GET /v1/fragment/home-hero HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
    browsers = Browsers(narrow.port)
    os.kill(store.pid, signal.SIGSTOP)
    asked = [asyncio.create_task(browsers.ask(head.encode())) for _ in range(3 * MOST)]
    done, waiting = await asyncio.wait(asked, timeout=BUDGET_MS / 1_000 / 4)
    assert (len(done), len(waiting)) == (2 * MOST, MOST)
    status = b"edgeseg-status: fallback; default; degraded\r\n"
    for task in done:
        shed = task.result()
        assert (shed.status, status in shed.head.lower()) == (200, True)
    by_overload = 'edgeseg_degraded_total{cause="overload"}'
    assert _sample(narrow, by_overload) == 2 * MOST
    assert {answer.status for answer in await asyncio.gather(*waiting)} == {200}
    assert _sample(narrow, by_overload) == 2 * MOST
    assert _sample(narrow, 'edgeseg_degraded_total{cause="store"}') == MOST
    os.kill(store.pid, signal.SIGCONT)
    await browsers.close()


def _sample(service: Service, series: str) -> float:
    lines = httpx.get(f"{service.url}/metrics", timeout=5).text.splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} "))


async def test_at_twice_the_capacity_the_admitted_stay_in_time(
    narrow: Service, record_property: Callable[[str, object], None]
) -> None:
    """Every page view is answered 200 or 503; a 200 takes no longer than a full worker's."""
    browsers = Browsers(narrow.port)
    requests = itertools.cycle([_request(f"v{n}", explain=True) for n in range(50)])
    deadline_s = time.monotonic() + 2

    async def browse() -> list[Timed]:
        found = []
        while time.monotonic() < deadline_s:
            found.append(await browsers.ask(next(requests)))
        return found

    full = list(itertools.chain(*await asyncio.gather(*(browse() for _ in range(MOST)))))
    capacity = len(full) / 2
    start_s = asyncio.get_running_loop().time() + 0.1
    offered = [
        asyncio.create_task(browsers.ask(next(requests), start_s + n / (2 * capacity)))
        for n in range(int(capacity * 4))
    ]
    answers = await asyncio.gather(*offered)
    await browsers.close()
    admitted = [each.took_s for each in answers if each.status == 200]
    refused = [each.took_s for each in answers if each.status == 503]
    assert len(admitted) + len(refused) == len(answers)
    figures = {
        "capacity, page views a second": capacity,
        "p99 at capacity, ms": _p99([each.took_s for each in full]) * 1_000,
        "p99 of the admitted at twice that, ms": _p99(admitted) * 1_000,
        "median of the refused, ms": statistics.median(refused or [0.0]) * 1_000,
        "share refused": len(refused) / len(answers),
    }
    for name, value in figures.items():
        record_property(name, round(value, 2))
        print(name, round(value, 2))
    assert refused
    assert len(admitted) > 0.4 * 2 * capacity  # it goes on working
    assert _p99(admitted) < 10 * _p99([each.took_s for each in full]) + 0.2


def test_a_visitor_who_floods_is_told_when_to_come_again(new_service: StartService) -> None:
    """The burst is taken, the rest is 429; other visitors and servers notice nothing."""
    service = new_service(visitor_rate=1).start()
    with (
        httpx.Client(base_url=service.url, timeout=20) as flooding,
        httpx.Client(base_url=service.url, timeout=20) as other,
    ):
        view_page(flooding, consent=GRANTED)
        view_page(other, consent=GRANTED)
        answers = [view_page(flooding) for _ in range(20)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:5] == [200] * 5
        assert statuses.count(429) >= 5
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["type"] == "urn:edgeseg:problem:flood"
        assert view_page(other).status_code == 200
        key = {"Authorization": f"Bearer {SERVER_KEY}"}
        named = [view_page(other, visitor="ann", headers=key).status_code for _ in range(20)]
        assert named == [200] * 20


def test_a_network_that_floods_is_known_through_listed_proxies_alone(
    new_service: StartService,
) -> None:
    """Behind a listed proxy the forwarded address counts; what it was forged with does not."""
    service = new_service(
        network_rate=1, trusted_proxies="127.0.0.0/8", write_key_consent="marketing"
    ).start()
    key = {"Authorization": "Bearer write-key-of-the-tests"}

    def view(*forwarded: str) -> int:
        with httpx.Client(base_url=service.url, timeout=20) as client:
            lines = httpx.Headers([("X-Forwarded-For", each) for each in forwarded])
            return view_page(client, headers=lines).status_code

    def call(path: str, body: object) -> httpx.Response:
        headers = key | {"X-Forwarded-For": "9.9.9.200"}
        return httpx.post(f"{service.url}{path}", json=body, headers=headers, timeout=20)

    statuses = [view(f"8.8.{number}.8, 9.9.9.{number}") for number in range(5)]
    statuses += [view(f"8.8.{number}.8", f"9.9.9.{number}") for number in range(5)]
    assert statuses[:5] == [200] * 5
    assert statuses[-1] == 429
    track = {"event": "seen", "anonymousId": "a", "messageId": "m"}
    for answer in (call("/v1/track", track), call("/ofrep/v1/evaluate/flags", {"context": {}})):
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
    assert view("9.9.8.9") == 200
