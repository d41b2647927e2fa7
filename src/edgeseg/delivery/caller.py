"""Who calls: a server with its key, or a browser with its signed cookie."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from litestar.types import Scope

from edgeseg.clock import SECOND_MS
from edgeseg.delivery.consent import Consent, check_purposes, resolve_consent
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import Headers, cookie, header, is_loopback_http, is_server
from edgeseg.delivery.visitor_id import (
    MAX_AGE_S,
    RENEW_AFTER_MS,
    Forged,
    Visitor,
    new_visitor_id,
)
from edgeseg.errors import InputError, StoreError

_VISITOR_ID: Final = re.compile(r"[A-Za-z0-9._:@|=-]{1,100}")


class Caller(NamedTuple):
    """Who calls, and on whose behalf.

    Attributes:
        server: whether a server key was shown.
        visitor_id: whose profile may be used, "" where nothing may be stored.
        remembered: consents of the cookie.
        cookie: the cookie, None where there is no genuine one.
        revoked_id: the visitor to erase since consent is taken back, "" for none.
    """

    server: bool
    visitor_id: str
    consent: Consent
    remembered: Mapping[str, bool]
    cookie: Visitor | None
    revoked_id: str


def caller_of(
    scope: Scope, edge: Edge, requested: Mapping[str, bool], named: str = "", *, mint: bool = True
) -> Caller:
    """Find out who calls.

    Args:
        scope: of the request.
        edge: the service's parts.
        requested: consents in the request itself.
        named: the visitor that a server names, "" for the cookie's.
        mint: whether to make an id for a new visitor who may be remembered.

    Raises:
        AccessError: the request bears an unknown key.
        InputError: ``named`` is not an id.
        TooLargeError: the consents, with those of the cookie, are beyond their limits.
    """
    limits = edge.limits
    server = is_server(scope, limits.server_keys, limits.write_keys)
    if named:
        check_visitor_id(named)
    known = None if named else read_cookie(scope, edge)
    remembered = known.consents if known else {}
    consent = resolve_consent(
        remembered,
        requested,
        storage_purpose=limits.storage_purpose,
        opted_out=limits.respect_gpc and header(scope, b"sec-gpc") == "1",
    )
    if requested:
        check_purposes(consent.purposes)  # what is remembered and what is new share the cookie
    known_id = named or (known.id if known else "")
    visitor_id = ""
    if consent.may_store:
        visitor_id = known_id or (new_visitor_id() if mint else "")
    # A server that says a visitor takes consent back has no cookie to compare with.
    denied = bool(named and requested and not consent.may_store)
    revoked_id = known_id if consent.revoked or denied else ""
    return Caller(server, visitor_id, consent, remembered, known, revoked_id)


def check_visitor_id(visitor_id: str) -> None:
    """Check an id that a server names.

    Raises:
        InputError: it is not one.
    """
    if not _VISITOR_ID.fullmatch(visitor_id):
        message = "an id has 1 to 100 letters, digits and . _ : @ | = -"
        raise InputError(message, field="visitor")


def read_cookie(scope: Scope, edge: Edge) -> Visitor | None:
    """Answer the visitor of the request's cookie, None where there is no genuine one."""
    value = cookie(scope, edge.limits.cookie)
    if not value:
        return None
    try:
        return edge.cookies.read(value)
    except Forged:
        edge.telemetry.refused_cookies.inc()
        return None


async def erase_revoked(caller: Caller, edge: Edge) -> bool:
    """Erase what was stored under a consent taken back; tell if nothing is left to do."""
    if not caller.revoked_id:
        return True
    try:
        await edge.store.erase(caller.revoked_id)
    except StoreError:
        edge.telemetry.degraded.inc()
        return False
    return True


def set_cookie(
    headers: Headers, scope: Scope, edge: Edge, caller: Caller, now_ms: int, *, erased: bool
) -> None:
    """Add the cookie that the browser is to keep, or to drop; none for a server's visitor.

    A visitor whose erasure failed keeps the id, with the consents denied, so that
    nothing is stored meanwhile and the next request tries again.
    """
    name, known = edge.limits.cookie, caller.cookie
    if caller.revoked_id and known:
        if erased:
            drop_cookie(headers, scope, edge)
        elif known.consents != caller.consent.purposes:
            value = edge.cookies.write(known.id, caller.consent.purposes, now_ms)
            headers.append((b"set-cookie", _cookie(scope, name, value, MAX_AGE_S)))
        return
    if not caller.visitor_id or (known is None and caller.server):
        return
    if known is not None and _is_current(known, caller, now_ms):
        return
    value = edge.cookies.write(caller.visitor_id, caller.consent.purposes, now_ms)
    headers.append((b"set-cookie", _cookie(scope, name, value, MAX_AGE_S)))


def drop_cookie(headers: Headers, scope: Scope, edge: Edge) -> None:
    """Make the browser forget its cookie."""
    headers.append((b"set-cookie", _cookie(scope, edge.limits.cookie, "", 0)))


def _is_current(known: Visitor, caller: Caller, now_ms: int) -> bool:
    fresh = now_ms - known.issued_s * SECOND_MS < RENEW_AFTER_MS
    return fresh and known.consents == caller.consent.purposes


def _cookie(scope: Scope, name: str, value: str, max_age_s: int) -> bytes:
    secure = "" if is_loopback_http(scope) else "; Secure"
    text = f"{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}"
    return text.encode("latin-1")
