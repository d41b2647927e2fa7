"""HTTP/1.1 for the hot routes, beside that of uvicorn: one task and one write a request.

uvicorn's protocol parses, keeps connections alive and answers everything else. Here a GET,
or a POST with its length told, to a hot route, with nothing else going on in its connection,
skips the ASGI messages: its body is collected, the route's face answers it, and head
and body leave in one write. See ADR 12 for what that gains, and `Door` for the routes.
"""

import logging
from http import HTTPStatus
from typing import Any, ClassVar, Final

import msgspec
from litestar.types import Scope

from edgeseg.delivery.door import Door, Face
from edgeseg.delivery.http import BY_NAME, Headers, Reply, by_name
from edgeseg.delivery.problems import FAULT_REPLY
from edgeseg.delivery.slow_clients import ImpatientProtocol

_log = logging.getLogger(__name__)
_STATUS_LINES: Final = {
    each.value: b"HTTP/1.1 %d %s\r\n" % (each, each.phrase.encode()) for each in HTTPStatus
}
_ASK_FOR_MORE: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
"""Headers of requests that ask for more than an answer."""
_CLOSE: Final = (b"connection", b"close")


class _Ignored:
    """Stands for the event that uvicorn's cycle waits on: nobody waits here."""

    def set(self) -> None:
        """Do nothing."""


class HotCycle(msgspec.Struct):
    """One request of a hot route; the attributes are those that `HttpToolsProtocol` uses."""

    face: Face
    scope: Scope
    keep_alive: bool
    # As uvicorn's a bytearray: adding up small parts of bytes is quadratic.
    body: bytearray = msgspec.field(default_factory=bytearray)
    more_body: bool = True
    disconnected: bool = False
    response_complete: bool = False
    message_event: ClassVar = _Ignored()


class HotProtocol(ImpatientProtocol):
    """One connection; see the module."""

    _defaults: Headers | None = None
    """The headers of every answer, of which `_default_lines` are made; others each second."""
    _default_lines = b""

    def on_message_begin(self) -> None:
        """Start to collect a head."""
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or one that follows a body."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Choose the way of this request."""
        door, cycle = self.door, self.cycle
        is_free = cycle is None or cycle.response_complete
        hot = self._hot_cycle(door) if door is not None and is_free else None
        if hot is None:
            self._go_ordinary_way()
        else:
            self.cycle = hot

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        cycle = self.cycle
        if isinstance(cycle, HotCycle):
            cycle.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer a whole request."""
        cycle = self.cycle
        # One that is whole belongs to the request before; an upgrade has no cycle of its own.
        if not isinstance(cycle, HotCycle) or not cycle.more_body:
            super().on_message_complete()
            return
        cycle.more_body = False
        task = self.loop.create_task(self._answer(cycle))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _hot_cycle(self, door: Door) -> HotCycle | None:
        """Answer the cycle of a request that a face may answer, None for any other."""
        parser: Any = self.parser  # None only once the connection is lost
        headers, method = by_name(self.headers), parser.get_method().decode()
        path, _mark, query = self.url.partition(b"?")
        if not _ASK_FOR_MORE.isdisjoint(headers):
            return None
        length = headers.get(b"content-length")
        if length is None:
            if method != "GET":
                return None
        elif not length.isdigit() or int(length) > door.max_body_bytes:
            return None
        if b"%" in path:
            return None
        scope = {
            "type": "http",
            "method": method,
            "path": path.decode("latin-1"),
            "raw_path": path,
            "query_string": query,
            "headers": self.headers,
            BY_NAME: headers,
            "client": self.client,
            "scheme": self.scheme,
        }
        face = door.face_at(scope["path"], headers)
        if face is None or face.method != method:
            return None
        keep_alive = parser.should_keep_alive() and not door.readiness.draining
        if keep_alive and b"connection" in headers:  # HTTP/1.0 may ask for it, and is not heard
            keep_alive = parser.get_http_version() == "1.1"
        return HotCycle(face, scope, keep_alive)  # type: ignore[arg-type]

    def _go_ordinary_way(self) -> None:
        """Let uvicorn's protocol hear the head from its beginning."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    async def _answer(self, cycle: HotCycle) -> None:
        try:
            reply = await cycle.face.respond(cycle.scope, bytes(cycle.body))
        except Exception:  # noqa: BLE001 - a fault of ours ends this request, not the connection
            _log.exception("request failed")
            reply = FAULT_REPLY
        flow, transport = self.flow, self.transport
        if flow.write_paused and not cycle.disconnected:
            await flow.drain()
        cycle.response_complete = True
        if cycle.disconnected or transport.is_closing():
            return
        transport.write(self._encode(reply, keep_alive=cycle.keep_alive))
        if not cycle.keep_alive:
            transport.close()
        if self.pipeline or flow.read_paused:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self.resting_since_s = self.loop.time()

    def _encode(self, reply: Reply, *, keep_alive: bool) -> bytes:
        if self._defaults is not self.server_state.default_headers:
            self._defaults = self.server_state.default_headers
            self._default_lines = b"".join(b"%b: %b\r\n" % each for each in self._defaults)
        headers = reply.headers if keep_alive else [*reply.headers, _CLOSE]
        lines = b"\r\n".join((*map(b": ".join, headers), b""))
        if len(lines.splitlines()) != len(headers):  # either of CR and LF ends a line of bytes
            _log.error("a header would have had a line break; the answer is withheld")
            return self._encode(FAULT_REPLY, keep_alive=keep_alive)
        if not reply.content_type:
            return b"%b%b%b\r\n" % (_STATUS_LINES[reply.status], self._default_lines, lines)
        return b"%b%bcontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
            _STATUS_LINES[reply.status],
            self._default_lines,
            reply.content_type,
            len(reply.body),
            lines,
            reply.body,
        )
