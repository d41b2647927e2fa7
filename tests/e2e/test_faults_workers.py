"""Workers that are killed or told to end, and clients that go away: nobody else notices."""

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import httpx

from tests.e2e.conftest import StartService
from tests.e2e.service import SERVER_KEY, Service, wait_for
from tests.e2e.views import GRANTED, HOME

RESPAWNED_WITHIN_S = 20
KEY = {"Authorization": f"Bearer {SERVER_KEY}"}
CANCELS = 3_000


def _body(visitor: str) -> dict[str, object]:
    events = [{"event": "product_viewed", "messageId": uuid4().hex}]
    return {"page": {"url": HOME}, "visitor": visitor, "consent": GRANTED, "events": events}


def _events(service: Service, visitor: str) -> dict[str, int]:
    answer = httpx.get(f"{service.url}/v1/visitors/{visitor}", headers=KEY, timeout=20)
    assert answer.status_code == 200, answer.text
    events: dict[str, int] = answer.json()["events"]
    return events


async def test_events_of_one_visitor_sent_at_once_count_exactly(service: Service) -> None:
    """Hundreds at the same time, through two workers: none is lost, none counted twice."""
    visitor = f"at-once-{uuid4().hex}"
    connections = httpx.Limits(max_connections=50, max_keepalive_connections=0)
    async with httpx.AsyncClient(
        base_url=service.url, headers=KEY, timeout=60, limits=connections
    ) as client:
        answers = await asyncio.gather(
            *(client.post("/v1/classify", json=_body(visitor)) for _ in range(400))
        )
    assert {(answer.status_code, answer.json()["degraded"]) for answer in answers} == {(200, False)}
    assert _events(service, visitor) == {"product_viewed": 400, "page_viewed": 400}


async def test_thousands_of_clients_that_go_away_leave_no_foreign_answer(service: Service) -> None:
    """Requests given up at any moment; every answer that comes is that visitor's own."""
    chance = random.Random(7)
    answered = Counter[bool]()

    async def ask(number: int) -> None:
        visitor = f"gone-{number % 97}"
        body = json.dumps(_body(visitor)).encode()
        head = (
            f"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SERVER_KEY}"
            f"\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        request = head.encode() + body
        length, within_s = len(request), 10.0  # one in ten stays, however busy the machine is
        if number % 10:
            length = chance.choice((length, length, len(head), 60))
            within_s = chance.uniform(0, 0.02)
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        try:
            writer.write(request[:length])
            await writer.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    found = await _read_answer(reader)
                    assert found["visitor"] == visitor
                    answered[True] += 1
        finally:
            writer.transport.abort()

    for start in range(0, CANCELS, 100):
        await asyncio.gather(*(ask(number) for number in range(start, start + 100)))
    assert answered[True] > CANCELS / 100  # some came in time
    async with httpx.AsyncClient(base_url=service.url, headers=KEY, timeout=20) as client:
        for number in range(97):
            visitor = f"gone-{number}"
            answer = await client.post("/v1/classify", json=_body(visitor))
            assert answer.json()["visitor"] == visitor
            assert answer.json()["degraded"] is False


async def _read_answer(reader: asyncio.StreamReader) -> dict[str, object]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    found: dict[str, object] = json.loads(await reader.readexactly(length))
    return found


@asynccontextmanager
async def _browsing(
    service: Service, clients: int
) -> AsyncIterator[tuple[Counter[str], Counter[str]]]:
    """Let clients view pages, each over a connection of its own; yield outcomes and events.

    A client stops when it is told that the connection ends, as a load balancer goes
    elsewhere, and makes a new connection when it breaks.
    """
    outcomes, acknowledged = Counter[str](), Counter[str]()
    stopped = asyncio.Event()

    async def browse(visitor: str) -> None:
        while not stopped.is_set():
            async with httpx.AsyncClient(base_url=service.url, headers=KEY, timeout=20) as client:
                try:
                    while not stopped.is_set():
                        answer = await client.post("/v1/classify", json=_body(visitor))
                        outcomes[str(answer.status_code)] += 1
                        assert answer.json()["visitor"] == visitor
                        acknowledged[visitor] += not answer.json()["degraded"]
                        if answer.headers.get("connection") == "close":
                            outcomes["told to go"] += 1
                            return
                except httpx.TransportError:
                    outcomes["broken"] += 1

    browsers = [asyncio.create_task(browse(uuid4().hex)) for _ in range(clients)]
    try:
        yield outcomes, acknowledged
    finally:
        stopped.set()
        await asyncio.gather(*browsers)


async def _until(outcomes: Counter[str], more: int) -> None:
    aim = outcomes["200"] + more
    async with asyncio.timeout(60):
        while outcomes["200"] < aim:  # noqa: ASYNC110 - it looks at a count
            await asyncio.sleep(0.01)


async def test_a_killed_worker_costs_its_own_connections_only(new_service: StartService) -> None:
    """No answer is an error, nothing acknowledged is lost, and a new worker comes."""
    service = new_service(workers=2, budget_ms=5_000).start()
    before = service.worker_pids()
    async with _browsing(service, clients=12) as (outcomes, acknowledged):
        await _until(outcomes, 100)
        os.kill(min(before), signal.SIGKILL)
        await _until(outcomes, 200)
        await asyncio.to_thread(
            wait_for,
            lambda: len(service.worker_pids() - before) == 1,
            RESPAWNED_WITHIN_S,
            "another worker has come",
        )
    assert outcomes["broken"] <= 2 * 12  # one for each connection, and while none listens
    assert set(outcomes) <= {"200", "broken"}
    for visitor, count in acknowledged.items():
        assert count <= _events(service, visitor)["product_viewed"]


async def test_a_service_told_to_end_fails_no_request(new_service: StartService) -> None:
    """Whoever is connected is answered and told to go; readiness says no; the exit code is 0."""
    service = new_service(workers=2, budget_ms=5_000, drain_s=1).start()
    async with _browsing(service, clients=12) as (outcomes, acknowledged):
        await _until(outcomes, 100)
        service.signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            while outcomes["told to go"] < 12:  # noqa: ASYNC110 - it looks at a count
                await asyncio.sleep(0.01)
    assert service.wait() == 0
    assert set(outcomes) == {"200", "told to go"}
    service.start()
    for visitor, count in acknowledged.items():
        assert _events(service, visitor)["product_viewed"] == count
