"""The hot routes: bare ASGI callables in the Litestar application."""

from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import Receive, Scope, Send

from edgeseg.delivery.classify import Classify
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.fragment import Fragment
from edgeseg.delivery.segment_key_route import SegmentKey
from edgeseg.delivery.tracking import PATHS, Tracking


def hot_routes(edge: Edge) -> list[ASGIRouteHandler]:
    """Answer the routes, bound to the service's parts."""
    classify_face, fragment_face, key_face = Classify(edge), Fragment(edge), SegmentKey(edge)
    tracking_face = Tracking(edge)

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
