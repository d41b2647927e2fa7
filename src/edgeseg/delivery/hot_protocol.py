"""HTTP/1.1 for the hot routes, beside that of uvicorn: one task and one write a request.

uvicorn's protocol parses, keeps connections alive and answers everything else. Here a GET,
or a POST with its length told, to a hot route, with nothing else going on in its connection,
skips the ASGI messages: its body is collected, the route's face answers it, and head
and body leave in one write. See ADR 12 for what that gains, and `Door` for the routes.
"""

import logging
from http import HTTPStatus
from typing import Any, Final

from litestar.types import Scope

from edgeseg.delivery.door import Door, Face
from edgeseg.delivery.http import BY_NAME, Headers, Reply, by_name
from edgeseg.delivery.problems import CONTENT_TYPE
from edgeseg.delivery.slow_clients import ImpatientProtocol

_log = logging.getLogger(__name__)
_FAILED: Final = Reply(
    500, CONTENT_TYPE, b'{"title":"Internal server error","status":500,"type":"about:blank"}', []
)
_STATUS_LINES: Final = {
    each.value: b"HTTP/1.1 %d %s\r\n" % (each, each.phrase.encode()) for each in HTTPStatus
}
_NO_LENGTH: Final = {b"GET": b"0"}
"""Method → the length of a body whose length is not told."""
_ASIDE: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
"""A request with one of these headers takes the ordinary way."""
_CLOSE: Final = (b"connection", b"close")


class _Ignored:
    """Stands for the event that uvicorn's cycle waits on: nobody waits here."""

    def set(self) -> None:
        """Do nothing."""


class HotCycle:
    """One request of a hot route; the attributes are those that `HttpToolsProtocol` uses."""

    message_event: Final = _Ignored()
    body = b""
    more_body = True
    disconnected = False
    response_complete = False

    def __init__(self, face: Face, scope: Scope, *, keep_alive: bool) -> None:
        """Start to collect the body."""
        self.face = face
        self.scope = scope
        self.keep_alive = keep_alive


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
        is_free = self.cycle is None or self.cycle.response_complete
        cycle = self._hot_cycle() if is_free else None
        if cycle is None:
            self._go_ordinary_way()
        else:
            self.cycle = cycle

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
        if not isinstance(cycle, HotCycle):
            super().on_message_complete()
            return
        cycle.more_body = False
        task = self.loop.create_task(self._answer(cycle))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _hot_cycle(self) -> HotCycle | None:
        """Answer the cycle of a request that a face may answer, None for any other."""
        door: Any = self.app
        parser: Any = self.parser  # None only once the connection is lost
        method, headers = parser.get_method(), by_name(self.headers)
        path, _mark, query = self.url.partition(b"?")
        length = headers.get(b"content-length") or _NO_LENGTH.get(method, b"")
        is_plain = length.isdigit() and b"%" not in path and _ASIDE.isdisjoint(headers)
        if not is_plain or not isinstance(door, Door) or int(length) > door.max_body_bytes:
            return None
        scope = {
            "type": "http",
            "method": method.decode(),
            "path": path.decode("latin-1"),
            "raw_path": path,
            "query_string": query,
            "headers": self.headers,
            BY_NAME: headers,
            "client": self.client,
            "scheme": self.scheme,
        }
        face = door.face_at(scope["path"], headers)
        if face is None or face.method != scope["method"]:
            return None
        stays = parser.should_keep_alive() and parser.get_http_version() == "1.1"
        keep_alive = stays and not door.readiness.draining
        return HotCycle(face, scope, keep_alive=keep_alive)  # type: ignore[arg-type]

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
            reply = await cycle.face.respond(cycle.scope, cycle.body)
        except Exception:  # noqa: BLE001 - a fault of ours ends this request, not the connection
            _log.exception("request failed")
            reply = _FAILED
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        self.transport.write(self._encode(reply, keep_alive=cycle.keep_alive))
        if not cycle.keep_alive:
            self.transport.close()
        if self.pipeline or self.flow.read_paused:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self.rest()

    def _encode(self, reply: Reply, *, keep_alive: bool) -> bytes:
        if self._defaults is not self.server_state.default_headers:
            self._defaults = self.server_state.default_headers
            self._default_lines = b"".join(b"%b: %b\r\n" % each for each in self._defaults)
        headers = reply.headers if keep_alive else [*reply.headers, _CLOSE]
        lines = b"\r\n".join((*map(b": ".join, headers), b""))
        if len(lines.splitlines()) != len(headers):  # either of CR and LF ends a line of bytes
            _log.error("a header would have had a line break; the answer is withheld")
            return self._encode(_FAILED, keep_alive=keep_alive)
        return b"%b%bcontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
            _STATUS_LINES[reply.status],
            self._default_lines,
            reply.content_type,
            len(reply.body),
            lines,
            reply.body,
        )
