"""The hot routes in the Litestar application, for requests that the door passes on to it.

They lead to the very faces that the door has: these count what is under way, and are traced.
"""

from collections.abc import Mapping

from litestar.exceptions import NotFoundException
from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import ASGIApp, Receive, Scope, Send

from edgeseg.delivery.door import Face
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.ofrep import STREAM_PATH
from edgeseg.delivery.ofrep_stream import FlagStream


def hot_routes(
    edge: Edge, faces: Mapping[str, Face], mounts: Mapping[str, Face]
) -> list[ASGIRouteHandler]:
    """Answer the routes of the faces, which are those of `Door`, and that of `FlagStream`."""
    below = {beginning.rstrip("/"): face for beginning, face in mounts.items()}
    return [
        *(_route_at(path, face) for path, face in faces.items() if path not in below),
        *(_route_below(path, faces.get(path, face), face) for path, face in below.items()),
        _route_at(STREAM_PATH, FlagStream(edge)),
    ]


def _route_at(path: str, face: ASGIApp) -> ASGIRouteHandler:
    @asgi(path, copy_scope=False)
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await face(scope, receive, send)

    return answer


def _route_below(path: str, face: ASGIApp, mounted: ASGIApp) -> ASGIRouteHandler:
    """Answer the route of ``face`` at a path, and of ``mounted`` at all paths below it."""

    @asgi(path, is_mount=True, copy_scope=False)
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        rest = scope["path"]  # what follows, and a slash
        if not rest.startswith("/"):  # Litestar compares beginnings, not whole parts of a path
            raise NotFoundException
        await (face if rest == "/" else mounted)(scope, receive, send)

    return answer
