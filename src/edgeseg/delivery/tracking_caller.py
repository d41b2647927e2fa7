"""Who makes a tracking call."""

import binascii
from base64 import b64decode
from typing import NamedTuple

from litestar.types import Scope

from edgeseg.delivery.caller import opts_out, read_cookie
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import header, is_among
from edgeseg.delivery.origin import is_same_origin
from edgeseg.delivery.visitor_id import Visitor
from edgeseg.errors import AccessError


class TrackingCaller(NamedTuple):
    """Who calls.

    Attributes:
        server: whether a server key was shown, so that the ids in messages are believed.
        cookie: the visitor of a browser that calls from the service's own origin.
        opted_out: whether the browser asks that nothing be stored.
        device: kind of a browser's device, "" of a server's.
    """

    server: bool
    cookie: Visitor | None
    opted_out: bool
    device: str = ""


def caller_of(scope: Scope, edge: Edge, body_key: str) -> TrackingCaller:
    """Find out who calls.

    Args:
        scope: of the request.
        edge: the service's parts.
        body_key: ``writeKey`` of the body, "" for none.

    Raises:
        AccessError: no key is shown that is known.
    """
    limits = edge.limits
    shown = [key for key in (_header_key(scope), body_key) if key]
    opted_out = opts_out(scope, edge)
    if any(is_among(key, limits.server_keys) for key in shown):
        return TrackingCaller(server=True, cookie=None, opted_out=opted_out)
    if not any(is_among(key, limits.write_keys) for key in shown):
        message = (
            "a key of EDGESEG_WRITE_KEYS or EDGESEG_SERVER_KEYS is needed: as the user name of "
            "Basic authentication, as a Bearer token, or as `writeKey` in the body"
        )
        raise AccessError(message)
    cookie = read_cookie(scope, edge) if is_same_origin(scope) else None
    device = edge.devices.detect(header(scope, b"user-agent")).kind
    return TrackingCaller(server=False, cookie=cookie, opted_out=opted_out, device=device)


def _header_key(scope: Scope) -> str:
    """Answer the key in the Authorization header, "" for none."""
    scheme, _space, given = header(scope, b"authorization").partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip()
        case "basic":
            try:
                return b64decode(given.strip()).decode("utf-8", "replace").partition(":")[0]
            except (ValueError, binascii.Error):
                return ""
        case _:
            return ""
