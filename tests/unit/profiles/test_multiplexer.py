"""The shared connection: order, time, loss and return of the store."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from edgeseg.errors import (
    StoreError,
    StoreOverloaded,
    StoreTimeout,
    StoreUnavailable,
    WriteRefused,
)
from edgeseg.profiles.address import Address, parse_location
from edgeseg.profiles.breaker import Breaker
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.multiplexer import _FIRST_DELAY_S, Multiplexer

PATIENT = ConnectionLimits(timeout_s=20, stall_s=30)
HASTY = ConnectionLimits(timeout_s=0.1, stall_s=0.4)

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def multiplexer(redis_url: str) -> AsyncIterator[Multiplexer]:
    """Connected to a real server, in no hurry."""
    multiplexer = Multiplexer(parse_location(redis_url).address, PATIENT)
    await multiplexer.open()
    yield multiplexer
    await multiplexer.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server that the test may stop, freeze and kill."""
    with EmbeddedServer(tmp_path) as server:
        yield server


async def until(holds: Callable[[], bool], timeout_s: float) -> float:
    """Wait until ``holds``; answer after how many seconds."""
    started_s = time.monotonic()
    while not holds():
        assert time.monotonic() - started_s < timeout_s, "it did not happen in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - started_s


@contextlib.asynccontextmanager
async def serving(path: str, answer: Answer) -> AsyncIterator[None]:
    """Serve ``path`` by ``answer``, which may be cut off at any point."""
    finished: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        finished.append(asyncio.Event())
        done = finished[-1]
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await answer(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        done.set()

    server = await asyncio.start_unix_server(serve, path)
    yield
    server.close()
    for done in finished:
        await done.wait()


async def test_replies_come_in_the_order_of_the_commands(
    multiplexer: Multiplexer, key_prefix: str
) -> None:
    """One call is a small pipeline."""
    key = f"{key_prefix}k"
    replies = await multiplexer.execute(("SET", key, b"\x00\r\n"), ("GET", key), ("STRLEN", key))
    assert replies == [b"OK", b"\x00\r\n", 3]


async def test_requests_of_one_turn_leave_together_and_are_told_apart(
    multiplexer: Multiplexer,
) -> None:
    """Each caller gets its own replies."""
    answers = await asyncio.gather(*(multiplexer.execute(("ECHO", str(n))) for n in range(2000)))
    assert answers == [[str(n).encode()] for n in range(2000)]


async def test_large_values_pass(multiplexer: Multiplexer) -> None:
    """A reply that arrives in many pieces is one reply."""
    large = os.urandom(3_000_000)
    assert await multiplexer.execute(("ECHO", large), ("ECHO", "x")) == [large, b"x"]


async def test_a_refused_command_fails_its_own_request_only(
    multiplexer: Multiplexer, key_prefix: str
) -> None:
    """The error has the server's words; neighbours get their replies."""
    key = f"{key_prefix}list"
    outcomes = await asyncio.gather(
        multiplexer.execute(("RPUSH", key, "x")),
        multiplexer.execute(("ECHO", "a"), ("GET", key), ("ECHO", "b")),
        multiplexer.execute(("ECHO", "c")),
        return_exceptions=True,
    )
    assert (outcomes[0], outcomes[2]) == ([1], [b"c"])
    assert isinstance(outcomes[1], StoreError)
    assert str(outcomes[1]).startswith("WRONGTYPE")


async def test_a_cancelled_caller_never_shifts_replies(multiplexer: Multiplexer) -> None:
    """Thousands of callers, half of them cancelled at any moment: no foreign answer."""
    chance = random.Random(7)

    async def ask(number: int) -> None:
        answer = await multiplexer.execute(("ECHO", f"{number}a"), ("ECHO", f"{number}b"))
        assert answer == [f"{number}a".encode(), f"{number}b".encode()]

    callers = []
    for number in range(6000):
        callers.append(asyncio.create_task(ask(number)))
        if chance.random() < 0.5:
            chance.choice(callers[-20:]).cancel()
        if chance.random() < 0.2:
            await asyncio.sleep(0)
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    kinds = {type(outcome) for outcome in outcomes}
    assert kinds == {type(None), asyncio.CancelledError}
    assert await multiplexer.execute(("ECHO", "last")) == [b"last"]


async def test_a_frozen_server_costs_the_timeout_once(own_server: EmbeddedServer) -> None:
    """The first request waits, later ones fail at once, until the server answers again."""
    limits = ConnectionLimits(timeout_s=0.1, stall_s=20)
    multiplexer = Multiplexer(parse_location(own_server.url).address, limits)
    await multiplexer.open()
    os.kill(own_server.pid, signal.SIGSTOP)
    try:
        started_s = time.monotonic()
        with pytest.raises(StoreTimeout):
            await multiplexer.execute(("ECHO", "late"))
        assert 0.09 < time.monotonic() - started_s < 1
        started_s = time.monotonic()
        for _ in range(100):
            with pytest.raises(StoreTimeout):
                await multiplexer.execute(("ECHO", "fast"))
        assert time.monotonic() - started_s < 0.1
    finally:
        os.kill(own_server.pid, signal.SIGCONT)
    async with asyncio.timeout(10):
        while True:
            try:
                answer = await multiplexer.execute(("ECHO", "mine"))
            except StoreTimeout:
                await asyncio.sleep(0.01)
            else:
                break
    assert answer == [b"mine"]
    await multiplexer.close()


async def test_a_server_that_freezes_again_costs_the_timeout_again(
    own_server: EmbeddedServer,
) -> None:
    """The request after the first freeze does not wait for the end of the connection."""
    limits = ConnectionLimits(timeout_s=0.1, stall_s=30)  # beyond the test's own time
    multiplexer = Multiplexer(parse_location(own_server.url).address, limits)
    await multiplexer.open()
    for _ in range(3):
        os.kill(own_server.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(10):
                with pytest.raises(StoreTimeout):
                    await multiplexer.execute(("PING",))
        finally:
            os.kill(own_server.pid, signal.SIGCONT)
        await until(lambda: multiplexer.breaker is Breaker.CLOSED, 10)
    assert await multiplexer.execute(("ECHO", "x")) == [b"x"]
    await multiplexer.close()


async def test_a_stall_drops_the_connection_and_the_return_is_noticed(
    own_server: EmbeddedServer,
) -> None:
    """What is in flight fails, and a thawed server is used again within 2 s."""
    multiplexer = Multiplexer(parse_location(own_server.url).address, HASTY)
    await multiplexer.open()
    os.kill(own_server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreTimeout):
            await multiplexer.execute(("PING",))
        await until(lambda: not multiplexer.is_connected, 2)
        with pytest.raises(StoreUnavailable, match="no connection"):
            await multiplexer.execute(("PING",))
    finally:
        os.kill(own_server.pid, signal.SIGCONT)
    assert await until(lambda: multiplexer.is_connected, 5) < 2
    assert await multiplexer.execute(("ECHO", "mine")) == [b"mine"]
    await multiplexer.close()


async def test_a_killed_server_is_found_again_within_two_seconds(
    own_server: EmbeddedServer,
) -> None:
    """Requests fail at once meanwhile; nobody has to call for the reconnect."""
    multiplexer = Multiplexer(parse_location(own_server.url).address, HASTY)
    await multiplexer.open()
    waiting = multiplexer.execute(("BLPOP", "never", 0))
    await asyncio.sleep(0)
    os.kill(own_server.pid, signal.SIGKILL)
    with pytest.raises(StoreUnavailable):
        await waiting
    with pytest.raises(StoreUnavailable):
        await multiplexer.execute(("PING",))
    await asyncio.to_thread(own_server.start)
    assert await until(lambda: multiplexer.is_connected, 5) < 2
    assert await multiplexer.execute(("ECHO", "back")) == [b"back"]
    await multiplexer.close()


async def test_a_full_queue_refuses_more(multiplexer: Multiplexer, redis_url: str) -> None:
    """By number and by bytes; what is queued is still answered."""
    by_number = Multiplexer(parse_location(redis_url).address, ConnectionLimits(queued_requests=3))
    by_bytes = Multiplexer(parse_location(redis_url).address, ConnectionLimits(queued_bytes=1000))
    for small, payload in ((by_number, "x"), (by_bytes, "x" * 400)):
        await small.open()
        accepted = [small.execute(("ECHO", payload)) for _ in range(3)]
        with pytest.raises(StoreOverloaded, match="3 requests"):
            await small.execute(("ECHO", payload))
        assert await asyncio.gather(*accepted) == [[payload.encode()]] * 3
        assert await small.execute(("ECHO", "room again")) == [b"room again"]
        await small.close()


async def test_closing_waits_for_what_is_under_way(redis_url: str) -> None:
    """Replies still come; new requests are refused."""
    multiplexer = Multiplexer(parse_location(redis_url).address, PATIENT)
    await multiplexer.open()
    under_way = multiplexer.execute(("ECHO", "x"))
    await multiplexer.close()
    assert await under_way == [b"x"]
    with pytest.raises(StoreUnavailable, match="closed"):
        await multiplexer.execute(("PING",))


async def test_no_server_at_all_is_no_obstacle_to_opening(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The service starts degraded, and its log says where it looked."""
    multiplexer = Multiplexer(Address(path=str(tmp_path / "nobody")))
    await multiplexer.open()
    with pytest.raises(StoreUnavailable, match="no connection"):
        await multiplexer.execute(("PING",))
    await multiplexer.close()
    assert f"the store at {tmp_path / 'nobody'} is away: " in caplog.text


async def test_a_server_that_is_yet_to_be_found_has_no_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says what is known, and nothing of how it is looked up."""

    async def look_up() -> Address:
        raise StoreUnavailable("nobody knows it")

    multiplexer = Multiplexer(look_up)
    await multiplexer.open()
    await multiplexer.close()
    assert "the store is away: nobody knows it" in caplog.text


@pytest.mark.parametrize("chance", [0.0, 0.999])
async def test_tries_to_connect_grow_rarer_and_are_spread_by_chance(chance: float) -> None:
    """Each wait is twice the last one, of which chance takes away up to a half."""
    tried_s: list[float] = []

    async def look_up() -> Address:
        tried_s.append(time.monotonic())
        raise OSError

    multiplexer = Multiplexer(look_up, HASTY, jitter=lambda: chance)
    await multiplexer.open()
    await until(lambda: len(tried_s) > 3, 10)
    await multiplexer.close()
    waits_s = [later - earlier for earlier, later in pairwise(tried_s)]
    shortest_s = [_FIRST_DELAY_S * 2**number * (0.5 + chance / 2) for number in range(3)]
    assert all(wait > 0.95 * least for wait, least in zip(waits_s, shortest_s, strict=False))


@pytest.mark.parametrize(
    "reply", [b"junk\r\n", b"+1\r\n+2\r\n+3\r\n+4\r\n", b"+O", b"+1\r\n+2\r\n", b""]
)
async def test_a_connection_that_goes_wrong_is_replaced(tmp_path: Path, reply: bytes) -> None:
    """Nonsense, too many replies, and cut ones fail what is in flight, nothing later."""
    path = str(tmp_path / "s")
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        first = connections == 1
        await reader.readuntil(b"PING\r\n")
        writer.write(b"+PONG\r\n")
        await reader.readuntil(b"ask\r\n")
        writer.write(reply if first else b"+fine\r\n")
        if not first:
            await reader.read()

    async with serving(path, answer):
        multiplexer = Multiplexer(Address(path=path), PATIENT)
        await multiplexer.open()
        ask, pair = multiplexer.execute(("ask",)), multiplexer.execute(("x",), ("y",))
        outcomes = await asyncio.gather(ask, pair, return_exceptions=True)
        assert outcomes[1] == [b"2", b"3"] or isinstance(outcomes[1], StoreUnavailable)
        await until(lambda: multiplexer.is_connected, 5)
        assert await multiplexer.execute(("ask",)) == [b"fine"]
        await multiplexer.close()


async def test_the_handshake_proves_who_we_are(tmp_path: Path) -> None:
    """Name, password and database are sent first; a loading server counts as absent."""
    path = str(tmp_path / "s")
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"PING\r\n"))
        ready = len(heard) > 1
        writer.write(b"+OK\r\n+OK\r\n" + (b"+PONG\r\n" if ready else b"-LOADING dataset\r\n"))
        await reader.read()

    address = Address(path=path, username="edge", password="secret", db=3)
    async with serving(path, answer):
        multiplexer = Multiplexer(address, PATIENT)
        await multiplexer.open()
        with pytest.raises(StoreUnavailable, match="LOADING"):
            await multiplexer.execute(("GET", "x"))
        await until(lambda: multiplexer.is_connected, 5)
        assert heard[0].split() == (
            b"*3 $4 AUTH $4 edge $6 secret *2 $6 SELECT $1 3 *1 $4 PING".split()
        )
        assert "secret" not in repr(address)
        await multiplexer.close()


async def test_an_address_that_leads_to_another_master_is_followed(
    own_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The old one lives on as a replica and keeps its connections, as where a name is moved."""
    with EmbeddedServer(tmp_path_factory.mktemp("other")) as other:
        name = tmp_path_factory.mktemp("name") / "master"
        name.symlink_to(own_server.socket_path)
        limits = ConnectionLimits(timeout_s=20, stall_s=30, replica_s=0)
        multiplexer = Multiplexer(Address(path=str(name)), limits)
        await multiplexer.open()
        await multiplexer.execute(("REPLICAOF", "127.0.0.1", 1))
        name.unlink()
        name.symlink_to(other.socket_path)
        with pytest.raises(WriteRefused):
            await multiplexer.execute(("SET", "k", "v"))

        await until(lambda: multiplexer.is_connected, 20)
        assert await multiplexer.execute(("SET", "k", "v")) == [b"OK"]
        await multiplexer.close()


async def test_a_replica_that_was_just_connected_to_is_read_on(own_server: EmbeddedServer) -> None:
    """Where there is no other one, to look again and again would help nobody."""
    multiplexer = Multiplexer(Address(path=str(own_server.socket_path)), PATIENT)
    await multiplexer.open()
    await multiplexer.execute(("REPLICAOF", "127.0.0.1", 1))
    with pytest.raises(WriteRefused):
        await multiplexer.execute(("SET", "k", "v"))

    assert await multiplexer.execute(("GET", "k")) == [None]
    await multiplexer.close()
