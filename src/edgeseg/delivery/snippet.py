"""``GET /edgeseg.js``: the browser snippet, at a stable and at an immutable address.

The files are built from ``web/`` and shipped in the package. They are compressed once, at
start; a proxy that compresses by itself finds them compressed already.
"""

import gzip
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256, sha384
from importlib.resources import files
from typing import Final, NamedTuple

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from edgeseg.delivery.calls import AnyRequest

SCRIPT: Final = "edgeseg.js"
POPUPS: Final = "edgeseg.popups.js"
TYPES: Final = "edgeseg.d.ts"
_SCRIPT_TYPE: Final = "text/javascript"
_IMMUTABLE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_SHORT: Final = {"Cache-Control": "public, max-age=300"}


class SnippetFile(NamedTuple):
    """One file as it is served.

    Attributes:
        version: 12 hex digits of its SHA-256; part of the immutable address.
        integrity: for the ``integrity`` attribute of a tag (Subresource Integrity).
    """

    name: str
    source: bytes
    version: str
    integrity: str

    @property
    def pinned_name(self) -> str:
        """Name of the immutable address, such as ``edgeseg.0123456789ab.js``."""
        stem, _dot, suffix = self.name.rpartition(".")
        return f"{stem}.{self.version}.{suffix}"


def read_snippet_file(name: str) -> SnippetFile:
    """Read one file of the snippet that is shipped in the package."""
    source = files("edgeseg.delivery").joinpath("static", name).read_bytes()
    integrity = f"sha384-{b64encode(sha384(source).digest()).decode()}"
    return SnippetFile(name, source, sha256(source).hexdigest()[:12], integrity)


def snippet_routes() -> list[HTTPRouteHandler]:
    """Answer the routes.

    Popups are a file of their own that the script loads where one may open, by its
    immutable address. The source maps are found by a header, for who opens the tools of
    the browser.
    """
    script, popups = read_snippet_file(SCRIPT), read_snippet_file(POPUPS)
    serve = _Server(script)

    @get(f"/{SCRIPT}", sync_to_thread=False, media_type=_SCRIPT_TYPE, summary="The browser snippet")
    def latest(request: AnyRequest) -> Response[bytes]:
        return serve(request, _SHORT)

    return [
        latest,
        *(_serve_pinned(file) for file in (script, popups)),
        *(_serve_map(file) for file in (script, popups)),
    ]


def _serve_pinned(file: SnippetFile) -> HTTPRouteHandler:
    serve = _Server(file)

    @get(f"/{file.pinned_name}", sync_to_thread=False, include_in_schema=False)
    def pinned(request: AnyRequest) -> Response[bytes]:
        return serve(request, _IMMUTABLE)

    return pinned


def _serve_map(file: SnippetFile) -> HTTPRouteHandler:
    source = read_snippet_file(f"{file.name}.map").source

    @get(f"/{file.name}.map", sync_to_thread=False, include_in_schema=False)
    def source_map() -> Response[bytes]:
        return Response(source, media_type="application/json", headers=_SHORT)

    return source_map


class _Server:
    """Answers with one script, compressed for who understands that."""

    def __init__(self, file: SnippetFile) -> None:
        self._source = file.source
        self._compressed = gzip.compress(file.source, 9, mtime=0)
        # Weak, since it stands for the compressed bytes as well.
        self._etag = f'W/"{file.version}"'
        self._headers = {
            "ETag": self._etag,
            "SourceMap": f"/{file.name}.map",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            # Nothing in it is anybody's; a tag with `integrity` on another origin asks for this.
            "Access-Control-Allow-Origin": "*",
        }

    def __call__(self, request: AnyRequest, caching: Mapping[str, str]) -> Response[bytes]:
        """Answer with the script, or 304 when the browser holds it already."""
        headers = {**self._headers, **caching}
        if request.headers.get("if-none-match") == self._etag:
            return Response(b"", status_code=304, headers=headers)
        body = self._source
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = self._compressed
            headers |= {"Content-Encoding": "gzip"}
        return Response(body, media_type=_SCRIPT_TYPE, headers=headers)
