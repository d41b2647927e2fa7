"""``GET /ofrep/v1/events``: server-sent events that tell flag clients when to ask again.

One kind of event, ``refetchEvaluation``: the rules have changed. Each worker watches the
rule files by itself, so whichever worker a client is connected to tells it. That facts of
a visitor have changed is not told here: whoever changes them knows.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html; the payload is that
of OFREP 0.3.
"""

import asyncio
from contextlib import suppress
from typing import Final

import msgspec
from litestar.types import Receive, Scope, Send

from edgeseg.clock import SECOND_MS
from edgeseg.delivery.door import ASKED_ABOUT
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import NO_STORE, header, send_reply, send_response
from edgeseg.delivery.problems import CONTENT_TYPE, problem, refuse_method

TICK_S: Final = 1.0
"""How often a stream looks whether the rules have changed, or the worker is to end."""
BEAT_TICKS: Final = 15
"""A comment is sent after so many ticks, so that nobody between takes the stream for dead."""
RETRY_MS: Final = 3_000
RETRY_AFTER_S: Final = 60
_EVENT_STREAM: Final = b"text/event-stream"


class FlagStream:
    """The ASGI callable of the route."""

    def __init__(self, edge: Edge) -> None:
        """Begin without streams."""
        self._edge = edge
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell one client of changes until it goes, or the worker is to end."""
        if ASKED_ABOUT in scope:
            await send_response(send, 200, _EVENT_STREAM, b"", [NO_STORE])
            return
        if scope["method"] != "GET":  # type: ignore[typeddict-item]
            await send_reply(send, refuse_method(b"GET, HEAD"))
            return
        limit = self._edge.limits.max_flag_streams
        if self._open >= limit:
            await self._refuse(send, limit)
            return
        self._open += 1
        self._edge.telemetry.flag_streams.inc()
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await self._tell(scope, send, gone)
        except OSError:
            pass  # it went while something was being sent
        finally:
            self._open -= 1
            self._edge.telemetry.flag_streams.dec()
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

    async def _tell(self, scope: Scope, send: Send, gone: "asyncio.Task[None]") -> None:
        rules = self._edge.rules
        headers = [(b"content-type", _EVENT_STREAM), NO_STORE, (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # Whoever comes back tells what it has heard last, and hears what it has missed.
        heard = header(scope, b"last-event-id") or rules.current.version
        await _send(send, b"retry: %d\nid: %b\n\n" % (RETRY_MS, heard.encode("latin-1")))
        ticks = 0
        while not (gone.done() or self._edge.readiness.draining):
            version = rules.current.version
            if version != heard:
                heard = version
                await _send(send, _event(version, rules.loaded_at_ms))
            elif ticks % BEAT_TICKS == 0:
                await _send(send, b": still here\n\n")
            ticks += 1
            await asyncio.wait([gone], timeout=TICK_S)
        if not gone.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _refuse(self, send: Send, limit: int) -> None:
        detail = f"over EDGESEG_MAX_FLAG_STREAMS={limit} streams of this worker; poll instead"
        body = msgspec.json.encode(problem(503, "overload", "Too many streams", detail))
        retry = [(b"retry-after", b"%d" % RETRY_AFTER_S), NO_STORE]
        await send_response(send, 503, CONTENT_TYPE, body, retry)


def _event(version: str, changed_ms: int) -> bytes:
    payload = {
        "type": "refetchEvaluation",
        "etag": version,
        "lastModified": changed_ms // SECOND_MS,
    }
    return b"id: %b\ndata: %b\n\n" % (version.encode(), msgspec.json.encode(payload))


async def _send(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
