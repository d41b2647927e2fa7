"""``/v1/visitors``: finding, merging, exporting and anonymizing visitors, with a server key."""

from typing import Annotated

import msgspec
from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from edgeseg.delivery.audit import server_name
from edgeseg.delivery.caller import id_named
from edgeseg.delivery.calls import AnyRequest, VisitorId, admit, admit_server
from edgeseg.delivery.consent import may_store
from edgeseg.delivery.disclosure import Export, export
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import UNCACHED
from edgeseg.delivery.identify import identify, join, staying
from edgeseg.delivery.problems import decode_body
from edgeseg.delivery.visitor_id import new_visitor_id
from edgeseg.delivery.visitors import VisitorAnswer, answer_of_profile, stored_profile
from edgeseg.errors import InputError
from edgeseg.profiles.anonymize import anonymize, carry
from edgeseg.profiles.identity import staying_first

_Text = Annotated[str, Parameter(description="Exactly one of the three is needed.")]


class FoundVisitors(msgspec.Struct, frozen=True):
    """Ids of the visitors that were found: known people, then others, each by the alphabet."""

    visitors: list[str]


class MergeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The visitor to merge with."""

    other: str


class ServerIdentifyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the visitor is: the person's id on the site, and an address to be found by."""

    user_id: str
    email: str = ""


def visitor_rights_routes(edge: Edge) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts."""
    return [*_telling(edge), *_joining(edge), *_ending(edge)]


def _telling(edge: Edge) -> list[HTTPRouteHandler]:
    @get("/v1/visitors", summary="Find visitors by e-mail address, or by the site's own ids")
    async def find_visitors(
        request: AnyRequest, email_hash: _Text = "", user_id: _Text = "", anonymous_id: _Text = ""
    ) -> Response[FoundVisitors]:
        """Answer who gave an address (its SHA-256, trimmed and in lower case), or has an id."""
        admit_server(request, edge)
        if [email_hash, user_id, anonymous_id].count("") != 2:  # noqa: PLR2004 - one of three
            message = "one of `email_hash`, `user_id` and `anonymous_id` is needed"
            raise InputError(message, field="email_hash")
        if email_hash:
            named = await edge.store.look_up(edge.identities.digest_entry(email_hash))
        elif user_id:
            named = [edge.identities.known(user_id), edge.identities.claimed(user_id)]
        else:
            named = [edge.identities.anonymous(anonymous_id)]
        present = {await edge.store.find(each) for each in named}  # of one person, one id
        plan = edge.rules.current.plan
        in_order = sorted(present, key=staying_first)
        found = [each for each in in_order if await edge.store.read(each, plan=plan)]
        for each in found:
            await edge.audit.note("find", each, server_name(request.scope), edge.clock())
        return Response(FoundVisitors(found), headers=UNCACHED)

    @get("/v1/visitors/{visitor_id:str}/export", summary="All that is stored of a visitor")
    async def export_visitor(request: AnyRequest, visitor_id: VisitorId) -> Response[Export]:
        """Answer all that is stored, the retained events included."""
        visitor_id = admit(request, edge, visitor_id)
        rules = edge.rules.current
        profile = await stored_profile(edge, visitor_id, plan=rules.plan)
        history = await edge.store.history(visitor_id)
        await edge.audit.note("export", visitor_id, server_name(request.scope), edge.clock())
        found = export(edge, visitor_id, profile, history, rules=rules, proven=True)
        return Response(found, headers=UNCACHED)

    return [find_visitors, export_visitor]


def _joining(edge: Edge) -> list[HTTPRouteHandler]:
    @post("/v1/visitors/{visitor_id:str}/merge", status_code=200, summary="Merge two visitors")
    async def merge_visitors(request: AnyRequest, visitor_id: VisitorId) -> Response[VisitorAnswer]:
        """Make two visitors one; both ids lead to the same profile from then on."""
        visitor_id = admit(request, edge, visitor_id)
        other = id_named(decode_body(await request.body(), MergeRequest).other, edge.identities)
        plan = edge.rules.current.plan
        await stored_profile(edge, visitor_id, plan=plan)
        await stored_profile(edge, other, plan=plan)
        now_ms = edge.clock()
        stays = await staying(edge, visitor_id, other)
        await edge.audit.note("merge", stays, server_name(request.scope), now_ms)
        stays = await join(edge, visitor_id, other, now_ms, plan=plan)
        merged = await stored_profile(edge, stays, plan=plan)
        return Response(answer_of_profile(edge, stays, merged), headers=UNCACHED)

    @post("/v1/visitors/{visitor_id:str}/identify", status_code=200, summary="Say who it is")
    async def identify_visitor(
        request: AnyRequest, visitor_id: VisitorId
    ) -> Response[VisitorAnswer]:
        """Join the visitor with the profile of a person."""
        visitor_id = admit(request, edge, visitor_id)
        wanted = decode_body(await request.body(), ServerIdentifyRequest)
        plan, now_ms = edge.rules.current.plan, edge.clock()
        profile = await stored_profile(edge, visitor_id, plan=plan)
        if not may_store(edge.consents_of(profile, now_ms), edge.limits.storage_purpose):
            message = "the consent of this visitor does not allow storing any more"
            raise InputError(message, field="consent")
        person = await staying(edge, edge.identities.known(wanted.user_id))
        await edge.audit.note("identify", person, server_name(request.scope), now_ms)
        found = await identify(
            edge,
            visitor_id,
            wanted.user_id,
            plan=plan,
            proven=True,
            now_ms=now_ms,
            email=wanted.email,
        )
        stays = found.visitor_id
        joined = await stored_profile(edge, stays, plan=plan)
        return Response(answer_of_profile(edge, stays, joined), headers=UNCACHED)

    return [merge_visitors, identify_visitor]


def _ending(edge: Edge) -> list[HTTPRouteHandler]:
    @post("/v1/visitors/{visitor_id:str}/anonymize", status_code=204, summary="Keep only counts")
    async def anonymize_visitor(request: AnyRequest, visitor_id: VisitorId) -> None:
        """Keep what counts under a new id that nobody knows, and erase the visitor."""
        visitor_id = admit(request, edge, visitor_id)
        rules, now_ms = edge.rules.current, edge.clock()
        profile = await stored_profile(edge, visitor_id, plan=rules.plan)
        fields = rules.definitions.fields.values()
        clean = anonymize(profile, {field.id for field in fields if not field.pii})
        nobody = new_visitor_id()
        await edge.audit.note("anonymize", visitor_id, server_name(request.scope), now_ms)
        await edge.store.record(
            nobody, [carry(clean, nobody, now_ms)], plan=rules.plan, now_ms=now_ms
        )
        await edge.store.erase(visitor_id)

    @put(
        "/v1/visitors/{visitor_id:str}/do-not-profile",
        status_code=204,
        summary="Erase a visitor and store nothing of them again",
    )
    async def forbid_profile(request: AnyRequest, visitor_id: VisitorId) -> None:
        """Erase the visitor; writes are turned away until it is taken back, or the cap is over."""
        visitor_id = admit(request, edge, visitor_id)
        await edge.store.erase(visitor_id, away_ms=edge.limits.cap_ms)
        by = server_name(request.scope)
        await edge.audit.note("do-not-profile", visitor_id, by, edge.clock())

    @delete(
        "/v1/visitors/{visitor_id:str}/do-not-profile",
        status_code=204,
        summary="Let a visitor be profiled again",
    )
    async def allow_profile(request: AnyRequest, visitor_id: VisitorId) -> None:
        """Take `do-not-profile` back, or the time after an erasure."""
        visitor_id = admit(request, edge, visitor_id)
        by = server_name(request.scope)
        await edge.audit.note("allow-profile", visitor_id, by, edge.clock())
        await edge.store.admit(visitor_id)

    return [anonymize_visitor, forbid_profile, allow_profile]
