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
from edgeseg.delivery.http import Reply
from edgeseg.delivery.problems import CONTENT_TYPE
from edgeseg.delivery.slow_clients import ImpatientProtocol

_log = logging.getLogger(__name__)
_FAILED: Final = Reply(
    500, CONTENT_TYPE, b'{"title":"Internal server error","status":500,"type":"about:blank"}', []
)
_STATUS_LINES: Final = {
    each.value: b"HTTP/1.1 %d %s\r\n" % (each, each.phrase.encode()) for each in HTTPStatus
}
_NO_LENGTH: Final = {b"POST": b"", b"GET": b"0"}
"""Method → the length of a body whose length is not told, "" for unknown."""
_ASIDE: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
"""A request with one of these headers takes the ordinary way."""


class _Ignored:
    """Stands for the event that uvicorn's cycle waits on: nobody waits here."""

    def set(self) -> None:
        """Do nothing."""


class HotCycle:
    """One request of a hot route; the attributes are those that `HttpToolsProtocol` uses."""

    __slots__ = (
        "body",
        "disconnected",
        "face",
        "keep_alive",
        "more_body",
        "response_complete",
        "scope",
    )
    message_event: Final = _Ignored()

    def __init__(self, face: Face, scope: Scope, *, keep_alive: bool) -> None:
        """Start to collect the body."""
        self.face = face
        self.scope = scope
        self.keep_alive = keep_alive
        self.body = b""
        self.more_body = True
        self.disconnected = False
        self.response_complete = False


class HotProtocol(ImpatientProtocol):
    """One connection; see the module."""

    def on_headers_complete(self) -> None:
        """Choose the way of this request."""
        face = self._hot_face()
        if face is None:
            super().on_headers_complete()
            return
        parser: Any = self.parser  # None only once the connection is lost
        door: Any = self.app  # a `Door`, since it has a face for this request
        keep_alive = parser.get_http_version() == "1.1" and parser.should_keep_alive()
        if door.readiness.draining:
            keep_alive = False
        self.cycle = HotCycle(face, self.scope, keep_alive=keep_alive)  # type: ignore[arg-type]

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

    def _hot_face(self) -> Face | None:
        parser: Any = self.parser
        door, method = self.app, parser.get_method()
        if not isinstance(door, Door) or method not in _NO_LENGTH:
            return None
        is_busy = self.cycle is not None and not self.cycle.response_complete
        length = _NO_LENGTH[method]
        for name, value in self.headers:
            if name in _ASIDE:
                return None
            if name == b"content-length":
                length = value
        path, _mark, query = self.url.partition(b"?")
        is_plain = length.isdigit() and b"%" not in path
        if is_busy or not is_plain or int(length) > door.max_body_bytes:
            return None
        scope: Scope = self.scope  # type: ignore[assignment]
        scope["path"] = path.decode("latin-1")
        scope["raw_path"], scope["query_string"] = path, query
        named = method.decode()
        scope["method"] = named  # type: ignore[typeddict-unknown-key]
        face = door.face_of(scope)
        return face if face and face.method == named else None

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
        self.on_response_complete()

    def _encode(self, reply: Reply, *, keep_alive: bool) -> bytes:
        head = [
            *self.server_state.default_headers,
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
        ]
        if not keep_alive:
            head.append((b"connection", b"close"))
        lines = b"".join([b"%b: %b\r\n" % each for each in head])
        if lines.count(b"\n") != len(head) or lines.count(b"\r") != len(head):
            _log.error("a header would have had a line break; the answer is withheld")
            return self._encode(_FAILED, keep_alive=keep_alive)
        return b"%b%b\r\n%b" % (_STATUS_LINES[reply.status], lines, reply.body)
