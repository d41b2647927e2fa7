"""Static files of the demo site: read once, addressed by their content."""

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Request, Response

FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
ASK_EACH_TIME: Final = "no-cache"


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are served unchanged; ``version`` is the start of their SHA-256."""

    body: bytes
    media_type: str
    version: str


def make_asset(body: bytes, media_type: str) -> Asset:
    """Name some bytes by their content."""
    version = hashlib.sha256(body).hexdigest()[:12]
    return Asset(body=body, media_type=media_type, version=version)


def load_assets(folder: Path) -> Mapping[str, Asset]:
    """Read every file below ``folder``; keys are paths relative to it, with slashes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): make_asset(path.read_bytes(), _media_type(path))
        for path in files
    }


def answer_asset(
    asset: Asset, request: Request[Any, Any, Any], headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Answer with an asset, or 304 when the browser holds it already.

    An address that carries the asset's version may be kept for a year; any
    other is asked for again each time, which a 304 makes cheap.
    """
    etag = f'"{asset.version}"'
    is_versioned = request.query_params.get("v") == asset.version
    known = {
        **(headers or {}),
        "ETag": etag,
        "Cache-Control": FOR_A_YEAR if is_versioned else ASK_EACH_TIME,
        "X-Content-Type-Options": "nosniff",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(b"", status_code=304, headers=known, media_type=asset.media_type)
    return Response(asset.body, headers=known, media_type=asset.media_type)


def _media_type(path: Path) -> str:
    """Guess from the ending; text is UTF-8."""
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    return kinds.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
