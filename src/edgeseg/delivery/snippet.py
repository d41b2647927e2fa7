"""``GET /edgeseg.js``: the browser snippet, at a stable and at an immutable address."""

from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

_MEDIA_TYPE = "text/javascript; charset=utf-8"


class Snippet(NamedTuple):
    """The snippet as it is served.

    Attributes:
        version: 12 hex digits over the source; part of the immutable address.
    """

    source: bytes
    version: str


def load_snippet() -> Snippet:
    """Read the snippet that is shipped in the package."""
    source = files("edgeseg.delivery").joinpath("static/edgeseg.js").read_bytes()
    return Snippet(source, sha256(source).hexdigest()[:12])


def snippet_routes() -> list[HTTPRouteHandler]:
    """Answer the routes."""
    snippet = load_snippet()
    etag = f'"{snippet.version}"'

    @get("/edgeseg.js", sync_to_thread=False, summary="The browser snippet")
    def latest(request: Request[Any, Any, Any]) -> Response[Any]:
        headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
        if request.headers.get("if-none-match") == etag:
            return Response(None, status_code=304, headers=headers)
        return Response(snippet.source, media_type=_MEDIA_TYPE, headers=headers)

    @get(f"/edgeseg.{snippet.version}.js", sync_to_thread=False, include_in_schema=False)
    def pinned() -> Response[Any]:
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(snippet.source, media_type=_MEDIA_TYPE, headers=headers)

    return [latest, pinned]
