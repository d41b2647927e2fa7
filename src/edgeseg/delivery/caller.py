"""Who calls: a server with its key, or a browser with its signed cookie."""

import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from typing import Final

import msgspec
from litestar.types import Scope

from edgeseg.delivery.consent import check_purposes, resolve_consent
from edgeseg.delivery.cookie_caller import Caller, CookieCaller
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import (
    Headers,
    cookie,
    cookies,
    headers_of,
    is_loopback_http,
    is_server,
)
from edgeseg.delivery.origin import check_origin
from edgeseg.delivery.visitor_id import MAX_AGE_S, Forged, Visitor, new_visitor_id
from edgeseg.errors import InputError, StoreError
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.changes import consents_end_ms
from edgeseg.profiles.identity import Identities

_VISITOR_ID: Final = re.compile(r"[A-Za-z0-9._:@|=-]{1,100}")
MAX_COOKIES: Final = 16
"""Cookies of the visitor's name that are looked at in a request."""
_PERSON: Final = "user:"
_CLIENT: Final = "anonymous:"


def caller_of(
    scope: Scope,
    edge: Edge,
    requested: Mapping[str, bool],
    named: str = "",
    *,
    mint: bool = True,
    now_ms: int | None = None,
) -> Caller:
    """Find out who calls.

    Args:
        scope: of the request.
        edge: the service's parts.
        requested: consents in the request itself.
        named: id of the visitor that a server names (see `id_named`), "" for the cookie's.
        mint: whether to make an id for a new visitor who may be remembered.
        now_ms: the instant of the request, None to look.

    Raises:
        AccessError: the request bears an unknown key.
        TooLargeError: the consents, with those of the cookie, are beyond their limits.
    """
    now_ms = edge.clock() if now_ms is None else now_ms
    headers = headers_of(scope)
    told = None if named else _find_cookie(headers, edge)
    says_more = requested or b"authorization" in headers or b"sec-gpc" in headers
    if told and not says_more and now_ms < told.caller.holds_until_ms:
        return told.caller
    limits = edge.limits
    server = is_server(scope, limits.server_keys, limits.write_keys)
    found = told and told.visitor
    known = found if found and found.id else None
    remembered: Mapping[str, bool] = {}
    if known:
        remembered = known.consents_at(now_ms, limits.consent_ms)
    consent = resolve_consent(
        remembered,
        requested,
        storage_purpose=limits.storage_purpose,
        opted_out=found is not known or sends_gpc(scope, edge),
    )
    if requested:
        check_purposes(consent.purposes)  # what is remembered and what is new share the cookie
    known_id = named or (known.id if known else "")
    visitor_id = ""
    if consent.may_store:
        visitor_id = known_id or (new_visitor_id() if mint else "")
    revoked_id = known_id if consent.revoked else ""
    noted = {} if known and known.untold else remembered
    return Caller(server, visitor_id, consent, remembered, noted, known, revoked_id, requested)


async def recall_consent(
    caller: Caller, edge: Edge, named: str, now_ms: int, *, plan: MetricPlan
) -> Caller:
    """Answer the caller with the consents that are stored of a visitor whom a server names.

    For requests that say nothing of consent, or that take some back: others may stand. A
    visitor who cannot be read has given none, and is ``unread``.
    """
    try:
        known = await edge.store.read(named, plan=plan)
    except StoreError:
        return msgspec.structs.replace(caller, unread=True)
    limits = edge.limits
    stored = edge.consents_of(known, now_ms)
    consent = resolve_consent(
        stored,
        caller.requested,
        storage_purpose=limits.storage_purpose,
        opted_out=False,
    )
    dated = known.consents if known else {}
    return msgspec.structs.replace(
        caller,
        visitor_id=named if consent.may_store else "",
        consent=consent,
        remembered=stored,
        told=stored,
        revoked_id=named if consent.revoked and caller.requested else "",
        holds_until_ms=consents_end_ms(dated, now_ms=now_ms, valid_ms=limits.consent_ms),
    )


def admit_browser(scope: Scope, edge: Edge) -> None:
    """Let in a call that changes something, of a page that may make it and does not flood.

    Raises:
        AccessError: it bears an unknown key, or a page of another origin makes it.
        FloodError: its network sends too much.
    """
    check_origin(scope, edge.limits.allowed_origins)
    check_flood(scope, edge)


def check_flood(scope: Scope, edge: Edge) -> None:
    """Count a call of the network it comes from, but for those of servers.

    Raises:
        AccessError: it bears an unknown key.
        FloodError: the network sends too much.
    """
    if not is_server(scope, edge.limits.server_keys, edge.limits.write_keys):
        edge.floods.check_network(scope)


def opts_out(scope: Scope, edge: Edge) -> bool:
    """Tell whether the browser asks that nothing be stored: by header, or by its cookie."""
    return wants_no_profile(scope, edge) or sends_gpc(scope, edge)


def wants_no_profile(scope: Scope, edge: Edge) -> bool:
    """Tell whether the browser's cookie says that nothing may be stored."""
    found = _find_cookie(headers_of(scope), edge)
    return found is not None and not found.visitor.id


def sends_gpc(scope: Scope, edge: Edge) -> bool:
    """Tell whether Global Privacy Control is on, and counts."""
    return edge.limits.respect_gpc and headers_of(scope).get(b"sec-gpc") == b"1"


def id_named(name: str, identities: Identities, *, field: str = "visitor") -> str:
    """Answer the id of the visitor that a server, or a file of the site's, names.

    ``user:42`` is the known person whom the site calls 42, ``anonymous:abc`` whom an SDK's
    ``anonymousId`` calls abc: the profiles that the tracking protocol writes to. Anything
    else is an id as it is.

    Raises:
        InputError: it is no name of a visitor.
    """
    if name.startswith(_PERSON):
        return identities.known(name.removeprefix(_PERSON), field=field)
    if name.startswith(_CLIENT):
        return identities.anonymous(name.removeprefix(_CLIENT), field=field)
    if not _VISITOR_ID.fullmatch(name):
        message = "an id has 1 to 100 letters, digits and . _ : @ | = -"
        raise InputError(message, field=field)
    return name


def read_cookie(scope: Scope, edge: Edge) -> Visitor | None:
    """Answer the visitor of the request's cookie; None without a genuine one that has an id."""
    found = _find_cookie(headers_of(scope), edge)
    return found.visitor if found and found.visitor.id else None


def _find_cookie(headers: Mapping[bytes, bytes], edge: Edge) -> CookieCaller | None:
    value = cookie(headers, edge.limits.cookie)
    if not value:
        return None
    try:
        return edge.callers.read(value)
    except Forged:
        edge.telemetry.refused_cookies.inc()
        return _find_behind(headers, edge)


def _find_behind(headers: Mapping[bytes, bytes], edge: Edge) -> CookieCaller | None:
    """Answer what the first genuine cookie tells that stands behind a forged one.

    Another host of the site can set one of the same name, with a longer path, which browsers
    then send first.
    """
    for value in islice(cookies(headers, edge.limits.cookie), 1, MAX_COOKIES):
        with suppress(Forged):
            return edge.callers.read(value)
    return None


async def erase_revoked(caller: Caller, edge: Edge) -> bool:
    """Erase what was stored under a consent taken back; tell if nothing is left to do."""
    if not caller.revoked_id:
        return True
    try:
        await edge.store.erase(caller.revoked_id)
        await edge.audit.note("erase", caller.revoked_id, "consent", edge.clock())
    except StoreError:
        edge.telemetry.failed_writes.labels("erasure").inc()
        return False
    return True


def set_cookie(
    headers: Headers,
    scope: Scope,
    edge: Edge,
    caller: Caller,
    now_ms: int,
    *,
    settled: bool,
    visitor_id: str = "",
) -> None:
    """Add the cookie that the browser is to keep, or to drop; none for a server's visitor.

    A visitor whose erasure failed keeps the id, with the consents denied, so that
    nothing is stored meanwhile and the next request tries again.

    Args:
        headers: what to add it to.
        scope: of the request.
        edge: the service's parts.
        caller: who called.
        now_ms: the instant of the request.
        settled: whether the store has done what follows from the consents: erased the
            visitor, or told the profile. If not, the next request tries again.
        visitor_id: whom the caller turned out to be, "" for the caller's own id.
    """
    known, kept = caller.cookie, caller.consent.kept
    if caller.revoked_id and known:
        if settled:
            drop_cookie(headers, scope, edge)
        elif known.consents != kept:
            add_cookie(headers, scope, edge, known.id, caller, now_ms)
        return
    if not caller.visitor_id:
        if known and kept != caller.remembered:  # denied beside a header that denies everything
            add_cookie(headers, scope, edge, known.id, caller, now_ms, told=False)
        return
    if known is None and caller.server:
        return
    visitor_id = visitor_id or caller.visitor_id
    if caller.needs_cookie(visitor_id, now_ms):
        add_cookie(headers, scope, edge, visitor_id, caller, now_ms, told=settled)


def add_cookie(
    headers: Headers,
    scope: Scope,
    edge: Edge,
    visitor_id: str,
    caller: Caller,
    now_ms: int,
    *,
    told: bool = True,
) -> None:
    """Make the browser keep an id with the caller's consents; "" for no profile at all."""
    purposes = caller.consent.kept if visitor_id else {}
    value = edge.cookies.write(visitor_id, purposes, now_ms, said=caller.said(), told=told)
    headers.append((b"set-cookie", _cookie(scope, edge.limits.cookie, value, MAX_AGE_S)))


def drop_cookie(headers: Headers, scope: Scope, edge: Edge) -> None:
    """Make the browser forget its cookie."""
    headers.append((b"set-cookie", _cookie(scope, edge.limits.cookie, "", 0)))


def _cookie(scope: Scope, name: str, value: str, max_age_s: int) -> bytes:
    secure = "" if is_loopback_http(scope) else "; Secure"
    text = f"{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}"
    return text.encode("latin-1")
