"""The door of the service: the hot routes by a look-up, everything else by Litestar.

Routing, middleware and the scope's bookkeeping of a framework cost the hot routes
about as much as their own work, see ADR 12.
"""

import logging
from collections.abc import Mapping
from typing import ClassVar, Final, Protocol, cast

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import Message, Receive, Scope, Send

from edgeseg.delivery.http import Reply, headers_of, send_reply
from edgeseg.delivery.problems import FAULT_REPLY
from edgeseg.delivery.readiness import Readiness
from edgeseg.delivery.variance import telling_variance

_log = logging.getLogger(__name__)
ASKED_ABOUT: Final = "edgeseg.asked_about"
"""Marks the scope of a GET that was a HEAD, for answers without end."""


class Face(Protocol):
    """What answers a hot route: over ASGI, or from a body that is whole already.

    Attributes:
        method: the one for which `respond` may be asked.
    """

    method: ClassVar[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None:
        """Answer one request over ASGI."""
        ...

    async def respond(self, scope: Scope, body: bytes, /) -> Reply:
        """Answer one request whose body is ``body``; never raises for what is wrong with it."""
        ...


class Door:
    """The ASGI application of a worker.

    Attributes:
        app: answers whatever is no hot route.
        faces: path of a hot route → what answers it.
        mounts: beginning of the paths of hot routes → what answers them.
        readiness: while it drains, every answer ends its connection, so that clients come
            back by another one, to another worker.
        max_body_bytes: size of a request's body, over which `Face.respond` is not asked.
        client_timeout_s: see `slow_clients`.
    """

    def __init__(
        self,
        app: Litestar,
        faces: Mapping[str, Face],
        readiness: Readiness,
        *,
        mounts: Mapping[str, Face] = {},
        cors: bool,
        max_body_bytes: int,
        client_timeout_s: float,
    ) -> None:
        """Stand in front of ``app``.

        Args:
            app: as the attribute.
            faces: as the attribute.
            readiness: as the attribute.
            mounts: as the attribute.
            max_body_bytes: as the attribute.
            client_timeout_s: as the attribute.
            cors: whether pages of other origins may call; ``app`` then answers them, since
                it knows the rules.
        """
        self.app = app
        self._cors = cors
        self.faces = faces
        self.mounts = mounts
        self.readiness = readiness
        self.max_body_bytes = max_body_bytes
        self.client_timeout_s = client_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the application's life."""
        if self.readiness.draining:
            send = _closing(send)
        if scope["type"] == ScopeType.HTTP and (face := self.face_of(scope)):
            try:
                await face(scope, receive, send)
            except Exception:  # noqa: BLE001 - what the hot protocol does with a fault of ours
                _log.exception("request failed")
                await send_reply(send, FAULT_REPLY)
            return
        scope = head_as_get(scope)
        if self._cors and scope["type"] == ScopeType.HTTP and b"origin" in headers_of(scope):
            send = telling_variance(scope, send)
        await self.app(scope, receive, send)

    def face_of(self, scope: Scope) -> Face | None:
        """Answer what is to answer a request, None where the application is."""
        return self.face_at(scope["path"], headers_of(scope))

    def face_at(self, path: str, headers: Mapping[bytes, bytes]) -> Face | None:
        """Answer what is to answer a request with these headers, by name."""
        if self._cors and headers.get(b"origin"):
            return None
        face = self.faces.get(path)
        if face is None:
            for beginning, mounted in self.mounts.items():
                if path.startswith(beginning):
                    return mounted
        return face


def head_as_get(scope: Scope) -> Scope:
    """Let Litestar answer HEAD as it answers GET: whatever can be got can be asked about.

    The server leaves out the body, since its own copy of the scope still says HEAD.
    """
    if scope.get("method") != "HEAD":
        return scope
    return cast("Scope", {**scope, "method": "GET", ASKED_ABOUT: True})


def _closing(send: Send) -> Send:
    async def send_and_close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return send_and_close
