"""Which origin a browser calls from, by what it does not let pages set."""

from collections.abc import Collection
from typing import Final

from litestar.types import Scope

from edgeseg.delivery.http import header, headers_of
from edgeseg.errors import OriginError

_ELSEWHERE: Final = frozenset({b"cross-site", b"same-site"})


def is_same_origin(scope: Scope) -> bool:
    """Tell whether a page of this very origin calls."""
    site = headers_of(scope).get(b"sec-fetch-site")
    if site:
        return site == b"same-origin"
    _scheme, _slashes, host = header(scope, b"origin").partition("://")
    return bool(host) and host == header(scope, b"host")


def check_origin(scope: Scope, allowed: Collection[str]) -> None:
    """Refuse what a page of another origin, that is not listed, makes a browser send.

    `SameSite=Lax` keeps the cookie from other sites' calls, but neither from those of the
    same site's other hosts, nor does it keep a form that another site submits from getting a
    cookie set: a visitor who never agreed, or somebody else.

    Raises:
        OriginError: it is one.
    """
    site = headers_of(scope).get(b"sec-fetch-site")
    if site in _ELSEWHERE and header(scope, b"origin") not in allowed:
        message = "a page of another origin may call only if EDGESEG_ALLOWED_ORIGINS lists it"
        raise OriginError(message)
