"""The protocol of the hot routes on real connections, before faces made for the purpose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
import uvicorn
from litestar import Litestar, Request, get
from litestar.types import Receive, Scope, Send
from uvicorn.server import ServerState

from edgeseg.delivery.door import Door
from edgeseg.delivery.hot_protocol import HotCycle, HotProtocol
from edgeseg.delivery.http import Headers, Reply, header, read_body, send_reply
from edgeseg.delivery.readiness import Readiness
from edgeseg.delivery.slow_clients import MAX_HEAD_BYTES

REST_S = 0.5
HEAD = b"POST /hot HTTP/1.1\r\nHost: localhost\r\n"
IN_CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
"""A body without its length, which the hot way does not take."""


class Hot:
    """A face that answers what it was asked, unless it was told to do otherwise."""

    method: ClassVar = "POST"

    def __init__(self) -> None:
        """Answer, with a header."""
        self.headers: Headers = [(b"x-made", b"here")]
        self.fault: Exception | None = None
        self.status = 200
        self.times = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what comes the ordinary way, such as a body without its length."""
        await send_reply(send, await self.respond(scope, await read_body(receive, 1_000)))

    async def respond(self, scope: Scope, body: bytes) -> Reply:
        """Answer how long the body is, and what the header says."""
        self.times += 1
        if self.fault:
            raise self.fault
        if self.status == 304:
            return Reply(304, b"", b"", self.headers)
        text = f"{len(body)} {header(scope, b'x-said')} {scope['query_string'].decode()}"
        return Reply(200, b"text/plain", text.encode(), self.headers)


@get("/cold")
async def _cold(request: Request[Any, Any, Any]) -> str:
    return ",".join(request.headers.getall("x-said"))


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _connection(face: Hot, *, rest_s: float = 30) -> AsyncIterator[Streams]:
    """Connect to a server of the protocol, which lets a connection rest for ``rest_s``."""
    door = Door(
        Litestar([_cold], openapi_config=None, logging_config=None),
        {"/hot": face},
        Readiness(),
        cors=False,
        max_body_bytes=1_000_000,
        client_timeout_s=30,
    )
    config = uvicorn.Config(door, log_config=None, proxy_headers=False)
    config.load()
    config.timeout_keep_alive = rest_s  # type: ignore[assignment]
    state, loop = ServerState(), asyncio.get_running_loop()
    state.default_headers = [(b"date", b"today")]
    server = await loop.create_server(lambda: HotProtocol(config, state, {}), "127.0.0.1")
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            await writer.wait_closed()


async def _ask(streams: Streams, sent: bytes) -> tuple[bytes, str]:
    reader, writer = streams
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head, (await reader.readexactly(length)).decode()


def _post(body: bytes, *headers: bytes) -> bytes:
    told = b"".join(each + b"\r\n" for each in (*headers, b"Content-Length: %d" % len(body)))
    return HEAD + told + b"\r\n" + body


async def test_an_answer_has_the_headers_of_server_and_face() -> None:
    """Head and body are whole, each header on a line of its own."""
    async with _connection(Hot()) as streams:
        head, body = await _ask(streams, _post(b"abc", b"X-Said: yes"))
    assert head.split(b"\r\n") == [
        *(b"HTTP/1.1 200 OK", b"date: today", b"content-type: text/plain"),
        *(b"content-length: 6", b"x-made: here", b"", b""),
    ]
    assert body == "3 yes "


def test_a_body_in_many_parts_is_copied_once() -> None:
    """Else a client that sends it byte by byte makes the worker copy it as often."""
    cycle = HotCycle(Hot(), {}, keep_alive=True)  # type: ignore[arg-type]
    collected = cycle.body
    protocol = HotProtocol.__new__(HotProtocol)
    protocol.cycle = cycle
    for part in (b"ab", b"c"):
        protocol.on_body(part)
    assert cycle.body is collected
    assert cycle.body == b"abc"


async def test_what_is_not_modified_is_not_described() -> None:
    """Neither length nor type: they would be those of the content that is left out."""
    face = Hot()
    async with _connection(face) as streams:
        face.status = 304
        streams[1].write(_post(b""))
        head = await streams[0].readuntil(b"\r\n\r\n")
        face.status = 200
        assert (await _ask(streams, _post(b"abc")))[1] == "3  "
    assert head.split(b"\r\n") == [
        *(b"HTTP/1.1 304 Not Modified", b"date: today", b"x-made: here", b"", b""),
    ]


async def test_of_several_headers_of_one_name_the_first_counts() -> None:
    """However they are spelled; a request that goes the ordinary way keeps all of them."""
    said = (b"X-Said: one", b"x-said: two", b"X-SAID: three")
    async with _connection(Hot()) as streams:
        assert (await _ask(streams, _post(b"", *said)))[1] == "0 one "
        asked = b"GET /cold HTTP/1.1\r\nHost: localhost\r\n" + b"\r\n".join(said) + b"\r\n\r\n"
        assert (await _ask(streams, asked))[1] == "one,two,three"
        assert (await _ask(streams, _post(b"a", *said[1:])))[1] == "1 two "


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\n", b"a\r", b"\na", b"a\r\n\r\nb"])
async def test_a_line_break_in_a_header_is_withheld(value: bytes) -> None:
    """What would end a header, or the head, never leaves; the connection goes on."""
    face = Hot()
    async with _connection(face) as streams:
        for face.headers in ([(b"x-bad", value)], [(b"x-bad", value), (b"x", b"y")]):
            head, body = await _ask(streams, _post(b""))
            assert head.startswith(b"HTTP/1.1 500 ")
            assert b"x-bad" not in head
            assert "urn:edgeseg:problem:internal" in body
        face.headers = []
        assert (await _ask(streams, _post(b"")))[0].startswith(b"HTTP/1.1 200 ")


async def test_a_fault_ends_the_request_and_not_the_connection() -> None:
    """A face that fails is answered for, and asked again, whichever way it was asked."""
    face = Hot()
    async with _connection(face) as streams:
        for asked in (_post(b""), IN_CHUNKS):
            face.fault = ValueError("on purpose")
            head, body = await _ask(streams, asked)
            assert head.startswith(b"HTTP/1.1 500 ")
            assert b"content-type: application/problem+json" in head
            assert "urn:edgeseg:problem:internal" in body
            face.fault = None
            assert (await _ask(streams, asked))[0].startswith(b"HTTP/1.1 200 ")


async def test_a_body_up_to_the_limit_is_taken_whole() -> None:
    """Also where it is larger than what is buffered of other requests' bodies."""
    async with _connection(Hot()) as streams:
        assert (await _ask(streams, _post(b"a" * 900_000)))[1] == "900000  "


async def test_an_upgrade_does_not_ask_again_what_was_asked_before() -> None:
    """Before the answer or after it: a WebSocket gets nothing that is not its own."""
    face, upgrade = Hot(), b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    upgrade += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    asked = b"GET /chat HTTP/1.1\r\nHost: localhost\r\n" + upgrade + b"\r\n"
    async with _connection(face) as streams:
        assert (await _ask(streams, _post(b"abc")))[1] == "3  "
        head, answer = await _ask(streams, asked)
    assert head.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 404 "))  # without a library for them
    assert answer != "3  "
    async with _connection(face) as streams:
        assert (await _ask(streams, _post(b"abc") + asked))[1] == "3  "
    assert face.times == 2


async def test_a_connection_rests_for_so_long() -> None:
    """It ends once nothing came for the time that uvicorn is told, and not before."""
    loop = asyncio.get_running_loop()
    async with _connection(Hot(), rest_s=REST_S) as (reader, writer):
        began_s = loop.time()
        while loop.time() < began_s + 2 * REST_S:
            rests_s = loop.time()  # no later than it is answered, however late that is read
            await _ask((reader, writer), _post(b""))
        assert await reader.read() == b""
        assert loop.time() - rests_s >= REST_S * 0.9


async def test_a_head_beyond_the_bound_is_refused_whole_or_not() -> None:
    """Also where all of it comes at once, so that the parser would see its end."""
    face = Hot()
    async with _connection(face) as (reader, writer):
        writer.write(_post(b"", b"X-Said: " + b"x" * MAX_HEAD_BYTES))
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
    async with _connection(face) as streams:
        assert (await _ask(streams, _post(b"a" * 100_000, b"X-Said: " + b"x" * 60_000)))[0]
    assert face.times == 1
