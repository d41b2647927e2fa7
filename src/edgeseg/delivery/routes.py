"""The hot routes: bare ASGI callables in the Litestar application."""

from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import Receive, Scope, Send

from edgeseg.delivery.classify import Classify
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.fragment import Fragment
from edgeseg.delivery.ofrep import PATH as FLAGS
from edgeseg.delivery.ofrep import STREAM_PATH, Ofrep
from edgeseg.delivery.ofrep_stream import FlagStream
from edgeseg.delivery.segment_key_route import SegmentKey
from edgeseg.delivery.tracking import PATHS, Tracking


def flag_routes(edge: Edge, flags_face: Ofrep) -> list[ASGIRouteHandler]:
    """Answer the routes of flag clients, bound to the service's parts."""
    stream_face = FlagStream(edge)

    @asgi(FLAGS, is_mount=True, copy_scope=False)
    async def flags(scope: Scope, receive: Receive, send: Send) -> None:
        await flags_face(scope, receive, send)

    @asgi(STREAM_PATH, copy_scope=False)
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await stream_face(scope, receive, send)

    return [flags, stream]


def hot_routes(
    edge: Edge, classify_face: Classify, tracking_face: Tracking
) -> list[ASGIRouteHandler]:
    """Answer the routes, bound to the service's parts."""
    fragment_face, key_face = Fragment(edge), SegmentKey(edge)

    @asgi("/v1/classify", copy_scope=False)
    async def classify(scope: Scope, receive: Receive, send: Send) -> None:
        await classify_face(scope, receive, send)

    @asgi("/v1/fragment", is_mount=True, copy_scope=False)
    async def fragment(scope: Scope, receive: Receive, send: Send) -> None:
        await fragment_face(scope, receive, send)

    @asgi("/v1/segment-key", copy_scope=False)
    async def segment_key(scope: Scope, receive: Receive, send: Send) -> None:
        await key_face(scope, receive, send)

    @asgi(list(PATHS), copy_scope=False)
    async def tracking(scope: Scope, receive: Receive, send: Send) -> None:
        await tracking_face(scope, receive, send)

    return [classify, fragment, segment_key, tracking]
