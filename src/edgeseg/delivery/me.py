"""``/v1/me``: what visitors may know of themselves, and who they say they are.

A browser is known by its signed cookie. What identifies a person is shown only to somebody
who has proven to be that person: by having logged in (`POST /v1/me/identify`), or by an
identity token in the header ``Edgeseg-Identity``.
"""

from typing import Annotated, Final

import msgspec
from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter

from edgeseg.delivery.caller import (
    add_cookie,
    admit_browser,
    caller_of,
    check_flood,
    drop_cookie,
    read_cookie,
    set_cookie,
)
from edgeseg.delivery.calls import AnyRequest, respond
from edgeseg.delivery.consent import check_purposes
from edgeseg.delivery.cookie_caller import Caller
from edgeseg.delivery.disclosure import Disclosure, Export, disclose, export
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import NO_STORE, Headers, read_body
from edgeseg.delivery.identify import identify, staying
from edgeseg.delivery.problems import decode_body
from edgeseg.delivery.visitor_id import Visitor, new_visitor_id
from edgeseg.errors import InputError, NotFoundError
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.identity import is_known
from edgeseg.profiles.profile import Profile

_MAX_BODY: Final = 8_192
_IDENTITY: Final = "Edgeseg-Identity"
_Proof = Annotated[
    str,
    HeaderParameter(
        name=_IDENTITY,
        description="An identity token of the visitor: shows what identifies them unmasked.",
    ),
]


class IdentifyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An identity token, and consent for a visitor who has not given any yet."""

    token: str
    consent: dict[str, bool] = {}


class IdentityAnswer(msgspec.Struct, frozen=True):
    """The visitor's id from now on, and whether it is a known person's; null: nothing is kept."""

    visitor: str | None
    known: bool


def me_routes(edge: Edge) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts."""
    return [*_telling(edge), *_logging_in(edge), *_objecting(edge)]


def _telling(edge: Edge) -> list[HTTPRouteHandler]:
    @get("/v1/me", summary="What is stored of me")
    async def show_me(request: AnyRequest, identity: _Proof = "") -> Response[Disclosure]:
        """Tell the visitor of the cookie what is stored of them."""
        rules = edge.rules.current
        known, profile = await _find_me(request, edge, rules.plan)
        proven, by = await _proof(identity, edge, known)
        await edge.audit.note("show", known.id, by, edge.clock())
        found = disclose(edge, known.id, profile, definitions=rules.definitions, proven=proven)
        return respond(found, [NO_STORE])

    @get("/v1/me/export", summary="All that is stored of me, to take along")
    async def export_me(request: AnyRequest, identity: _Proof = "") -> Response[Export]:
        """Answer all that is stored, the retained events included, as a file."""
        rules = edge.rules.current
        known, profile = await _find_me(request, edge, rules.plan)
        proven, by = await _proof(identity, edge, known)
        history = await edge.store.history(known.id)
        await edge.audit.note("export", known.id, by, edge.clock())
        file = (b"content-disposition", b'attachment; filename="my-data.json"')
        found = export(edge, known.id, profile, history, rules=rules, proven=proven)
        return respond(found, [NO_STORE, file])

    return [show_me, export_me]


def _logging_in(edge: Edge) -> list[HTTPRouteHandler]:
    @post("/v1/me/identify", status_code=200, summary="Log in with an identity token")
    async def identify_me(request: AnyRequest) -> Response[IdentityAnswer]:
        """Join what is known of this visitor with the profile of the person in the token."""
        admit_browser(request.scope, edge)
        wanted = decode_body(await read_body(request.receive, _MAX_BODY), IdentifyRequest)
        check_purposes(wanted.consent)
        now_ms = edge.clock()
        person = edge.tokens.read(wanted.token, now_ms)
        caller = caller_of(request.scope, edge, wanted.consent)
        if not caller.visitor_id:
            message = "nothing may be stored of this visitor; ask for consent first"
            raise InputError(message, field="consent")
        stays = await staying(edge, edge.identities.known(person.user_id))
        await edge.audit.note("identify", stays, "token", now_ms)
        plan = edge.rules.current.plan
        await _note_consent(edge, caller, plan, now_ms)
        found = await identify(
            edge,
            caller.visitor_id,
            person.user_id,
            plan=plan,
            proven=True,
            now_ms=now_ms,
            email=person.email,
        )
        headers: Headers = [NO_STORE]
        stays = found.visitor_id
        set_cookie(headers, request.scope, edge, caller, now_ms, settled=True, visitor_id=stays)
        return respond(IdentityAnswer(stays, known=True), headers)

    @post("/v1/me/log-out", status_code=200, summary="Log out: be somebody new from now on")
    async def log_out(request: AnyRequest) -> Response[IdentityAnswer]:
        """Give the browser a new id, with the same consents; the profile stays as it is."""
        admit_browser(request.scope, edge)
        caller = caller_of(request.scope, edge, {}, mint=False)
        headers: Headers = [NO_STORE]
        if caller.cookie is None or not caller.visitor_id:
            return respond(IdentityAnswer(None, known=False), headers)
        now_ms = edge.clock()
        fresh = msgspec.structs.replace(caller, visitor_id=new_visitor_id(), told={})
        add_cookie(headers, request.scope, edge, fresh.visitor_id, caller, now_ms)
        await edge.audit.note("log-out", caller.cookie.id, "cookie", now_ms)
        await _note_consent(edge, fresh, edge.rules.current.plan, now_ms)
        return respond(IdentityAnswer(fresh.visitor_id, known=False), headers)

    return [identify_me, log_out]


def _objecting(edge: Edge) -> list[HTTPRouteHandler]:
    @put("/v1/me/do-not-profile", status_code=204, summary="Never profile this browser")
    async def forbid_profile(request: AnyRequest) -> Response[None]:
        """Erase what is stored, and remember in the cookie that nothing may be."""
        admit_browser(request.scope, edge)
        caller = caller_of(request.scope, edge, {}, mint=False)
        now_ms = edge.clock()
        if caller.cookie:
            await edge.store.erase(caller.cookie.id)
            await edge.audit.note("do-not-profile", caller.cookie.id, "cookie", now_ms)
        headers: Headers = [NO_STORE]
        add_cookie(headers, request.scope, edge, "", caller, now_ms)
        return respond(None, headers, status=204)

    @delete("/v1/me/do-not-profile", status_code=204, summary="Let this browser be profiled again")
    async def allow_profile(request: AnyRequest) -> Response[None]:
        """Forget that this browser wanted no profile; consent is asked for as of anybody new."""
        admit_browser(request.scope, edge)
        headers: Headers = [NO_STORE]
        if read_cookie(request.scope, edge) is None:
            drop_cookie(headers, request.scope, edge)
        return respond(None, headers, status=204)

    return [forbid_profile, allow_profile]


async def _find_me(request: AnyRequest, edge: Edge, plan: MetricPlan) -> tuple[Visitor, Profile]:
    """Answer the cookie and the profile of the visitor.

    Raises:
        FloodError: the network sends too much.
        NotFoundError: nothing is stored.
    """
    check_flood(request.scope, edge)
    known = read_cookie(request.scope, edge)
    profile = None
    if known is not None:
        profile = await edge.store.read(known.id, plan=plan)
    if known is None or profile is None:
        message = "nothing is stored of you"
        raise NotFoundError(message, field="visitor")
    return known, profile


async def _proof(token: str, edge: Edge, known: Visitor) -> tuple[bool, str]:
    """Answer whether the visitor has proven who they are, and by what they are recognised.

    Raises:
        AccessError: the token is not good.
    """
    if token:
        person = edge.tokens.read(token, edge.clock())
        theirs = await edge.store.find(edge.identities.known(person.user_id))
        return theirs == await edge.store.find(known.id), "token"
    return is_known(known.id), "cookie"


async def _note_consent(edge: Edge, caller: Caller, plan: MetricPlan, now_ms: int) -> None:
    if noted := caller.untold(now_ms, "cookie"):
        await edge.store.record(caller.visitor_id, noted, plan=plan, now_ms=now_ms)
