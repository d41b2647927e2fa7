"""``POST /v1/consent`` and ``DELETE /v1/me``: what the visitor decides about themselves."""

from typing import Final, Literal

import msgspec
from litestar import Response, delete, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec

from edgeseg.delivery.caller import (
    admit_browser,
    caller_of,
    drop_cookie,
    erase_revoked,
    set_cookie,
    wants_no_profile,
)
from edgeseg.delivery.calls import AnyRequest, respond
from edgeseg.delivery.consent import check_purposes
from edgeseg.delivery.cookie_caller import Caller
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import NO_STORE, Headers, cookie, headers_of, read_body
from edgeseg.delivery.problems import decode_body
from edgeseg.errors import StoreError, StoreUnavailable

_MAX_BODY: Final = 4_096


class ConsentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/consent``: purpose → granted, and what noted it."""

    consent: dict[str, bool]
    source: Literal["cookie", "tcf", "gcm", "form"] = "cookie"


class ConsentAnswer(msgspec.Struct, frozen=True):
    """The consents now in force, and the visitor's id (null: nothing is kept)."""

    consent: dict[str, bool]
    visitor: str | None


_LATER: Final = ResponseSpec(
    ConsentAnswer,
    generate_examples=False,
    description="The store is away, or a denial cannot be audited: it holds at once, and is "
    "stored with a later request",
)


def privacy_routes(edge: Edge) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts."""

    @post(
        "/v1/consent",
        status_code=200,
        summary="Grant or revoke consent",
        responses={202: _LATER},
    )
    async def change_consent(request: AnyRequest) -> Response[ConsentAnswer]:
        """Remember what the visitor agrees to; revoking erases what was stored under it.

        Answers 202 when the store is away, or a denial cannot be audited: what was said holds
        at once, by the cookie, and erasing, or telling the profile, is tried again with each
        request of the visitor.
        """
        admit_browser(request.scope, edge)
        wanted = _decode(await read_body(request.receive, _MAX_BODY))
        caller = caller_of(request.scope, edge, wanted.consent)
        now_ms = edge.clock()
        erased = await erase_revoked(caller, edge)
        noted = await _note(caller, edge, now_ms)
        settled = erased and noted and await _tell(caller, edge, wanted.source, now_ms)
        answer = ConsentAnswer(caller.consent.purposes, caller.visitor_id or None)
        headers: Headers = [NO_STORE]
        set_cookie(headers, request.scope, edge, caller, now_ms, settled=settled)
        return respond(answer, headers, status=200 if settled else 202)

    @delete("/v1/me", status_code=204, summary="Forget me")
    async def forget_me(request: AnyRequest) -> Response[None]:
        """Erase everything stored of the visitor; drop the cookie unless it forbids a profile."""
        admit_browser(request.scope, edge)
        caller = caller_of(request.scope, edge, {}, mint=False)
        headers: Headers = [NO_STORE]
        if caller.cookie:
            await edge.store.erase(caller.cookie.id)
            await edge.audit.note("erase", caller.cookie.id, "cookie", edge.clock())
        given = cookie(headers_of(request.scope), edge.limits.cookie)
        if given and not wants_no_profile(request.scope, edge):
            drop_cookie(headers, request.scope, edge)
        return respond(None, headers, status=204)

    return [change_consent, forget_me]


async def _note(caller: Caller, edge: Edge, now_ms: int) -> bool:
    """Write who decides; answer whether it is written.

    Raises:
        StoreUnavailable: it is not, and something would be granted unseen.
    """
    noted_id = caller.visitor_id or caller.revoked_id
    if not noted_id:
        return True
    try:
        await edge.audit.note("consent", noted_id, "cookie", now_ms)
    except StoreUnavailable:
        kept, remembered = caller.consent.kept, caller.remembered
        if any(granted and not remembered.get(purpose) for purpose, granted in kept.items()):
            raise
        edge.telemetry.failed_writes.labels("consent").inc()
        return False  # nobody's right to say no waits for a disk
    return True


async def _tell(caller: Caller, edge: Edge, source: str, now_ms: int) -> bool:
    """Tell the profile of the consents; answer whether it knows them."""
    events, plan = caller.untold(now_ms, source), edge.rules.current.plan
    if not caller.visitor_id or not events:
        return True
    try:
        await edge.store.record(caller.visitor_id, events, plan=plan, now_ms=now_ms)
    except StoreError:
        edge.telemetry.failed_writes.labels("consent").inc()
        return False
    return True


def _decode(body: bytes) -> ConsentRequest:
    wanted = decode_body(body, ConsentRequest)
    check_purposes(wanted.consent)
    return wanted
