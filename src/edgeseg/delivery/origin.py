"""Which origin a browser calls from, by what it does not let pages set."""

from litestar.types import Scope

from edgeseg.delivery.http import header


def is_same_origin(scope: Scope) -> bool:
    """Tell whether a page of this very origin calls."""
    site = header(scope, b"sec-fetch-site")
    if site:
        return site == "same-origin"
    _scheme, _slashes, host = header(scope, b"origin").partition("://")
    return bool(host) and host == header(scope, b"host")
