"""``/v1/visitors/{id}``: profiles from the server side, with a server key."""

import msgspec
from litestar import Response, delete, get, put
from litestar.handlers import HTTPRouteHandler

from edgeseg.clock import instant
from edgeseg.delivery.audit import server_name
from edgeseg.delivery.calls import AnyRequest, VisitorId, admit
from edgeseg.delivery.consent import check_purposes, consent_event, may_store
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import UNCACHED
from edgeseg.delivery.identify import emails_of, index_email
from edgeseg.delivery.problems import decode_body
from edgeseg.errors import InputError, NotFoundError
from edgeseg.events.decode import IncomingValue, check_values
from edgeseg.events.event import ATTRIBUTES_SET, Event, Value
from edgeseg.events.schema import Writer
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.profile import Profile


class AttributesRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Attributes to set; null removes one. Consent is needed for a visitor not stored yet."""

    attributes: dict[str, IncomingValue]
    consent: dict[str, bool] = {}


class VisitAnswer(msgspec.Struct, frozen=True):
    """The visit that is going on, or the last one."""

    number: int
    pages: int
    started_at: str
    last_at: str


class VisitorAnswer(msgspec.Struct, frozen=True):
    """What is stored of a visitor; ``events`` counts each event name, ever."""

    visitor: str
    created_at: str
    attributes: dict[str, Value]
    tags: list[str]
    lists: list[str]
    pins: dict[str, bool]
    consents: dict[str, bool]
    events: dict[str, int]
    visit: VisitAnswer | None


def visitor_routes(edge: Edge) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts."""

    @get("/v1/visitors/{visitor_id:str}", summary="What is stored of a visitor")
    async def show_visitor(request: AnyRequest, visitor_id: VisitorId) -> Response[VisitorAnswer]:
        visitor_id = admit(request, edge, visitor_id)
        profile = await stored_profile(edge, visitor_id, plan=edge.rules.current.plan)
        await edge.audit.note("show", visitor_id, server_name(request.scope), edge.clock())
        return Response(answer_of_profile(edge, visitor_id, profile), headers=UNCACHED)

    @put("/v1/visitors/{visitor_id:str}/attributes", summary="Set attributes")
    async def set_attributes(request: AnyRequest, visitor_id: VisitorId) -> Response[VisitorAnswer]:
        visitor_id = admit(request, edge, visitor_id)
        wanted = decode_body(await request.body(), AttributesRequest)
        rules = edge.rules.current
        removed = {name: None for name, value in wanted.attributes.items() if value is None}
        admitted = edge.intake.attributes(
            {**check_values(wanted.attributes, field="attributes"), **removed},
            rules.definitions,
            writer=Writer.SERVER,
            path="attributes",
        )
        change = Event(ATTRIBUTES_SET, edge.clock(), admitted)
        return await change_profile(
            request, edge, visitor_id, [change], wanted.consent, plan=rules.plan
        )

    @delete("/v1/visitors/{visitor_id:str}", status_code=204, summary="Erase a visitor")
    async def erase_visitor(request: AnyRequest, visitor_id: VisitorId) -> None:
        visitor_id = admit(request, edge, visitor_id)
        await edge.store.erase(visitor_id)
        await edge.audit.note("erase", visitor_id, server_name(request.scope), edge.clock())

    return [show_visitor, set_attributes, erase_visitor]


async def stored_profile(edge: Edge, visitor_id: str, *, plan: MetricPlan) -> Profile:
    """Answer what is stored of a visitor.

    Raises:
        NotFoundError: nothing is.
        StoreError: the store does not answer.
    """
    profile = await edge.store.read(visitor_id, plan=plan)
    if profile is None:
        message = f"nothing is stored of `{visitor_id}`"
        raise NotFoundError(message, field="visitor")
    return profile


async def change_profile(
    request: AnyRequest,
    edge: Edge,
    visitor_id: str,
    changes: list[Event],
    consent: dict[str, bool],
    *,
    plan: MetricPlan,
) -> Response[VisitorAnswer]:
    """Record the changes, if there is, or comes with them, consent to store anything.

    Args:
        request: the server's.
        edge: the service's parts.
        visitor_id: whose profile it is.
        changes: as events.
        consent: what comes with them.
        plan: of the rules by which the request is answered.

    Raises:
        InputError: nothing may be stored of this visitor, or was: they were erased just now.
    """
    check_purposes(consent)
    known = await edge.store.read_anew(visitor_id, plan=plan)
    now_ms = edge.clock()
    remembered = edge.consents_of(known, now_ms)
    by = server_name(request.scope)
    if not may_store(remembered | consent, edge.limits.storage_purpose):
        if known and consent:  # taken back with this very call
            await edge.store.erase(visitor_id)
            await edge.audit.note("erase", visitor_id, "consent", now_ms)
            await edge.audit.note("consent", visitor_id, by, now_ms)
        message = "nothing may be stored of this visitor; name the consent that allows it"
        raise InputError(message, field="consent")
    if consent:
        changes = [consent_event(consent, now_ms, "server"), *changes]
        await edge.audit.note("consent", visitor_id, by, now_ms)
    await edge.audit.note("change", visitor_id, by, now_ms)
    profile = await edge.store.record(visitor_id, changes, plan=plan, now_ms=now_ms)
    if known is None and await edge.store.read(visitor_id, plan=plan) is None:
        message = (
            "nothing is stored of this visitor for an hour after an erasure, or as long as "
            "`do-not-profile` is in force; `DELETE /v1/visitors/{id}/do-not-profile` ends both"
        )
        raise InputError(message, field="visitor")
    for email in emails_of(changes, edge.limits.identity_property):
        await index_email(edge, visitor_id, email, now_ms, plan=plan)
    return Response(answer_of_profile(edge, visitor_id, profile), headers=UNCACHED)


def answer_of_profile(edge: Edge, visitor_id: str, profile: Profile) -> VisitorAnswer:
    """Answer what is stored; a former id is answered with the present one."""
    visit = profile.visit
    return VisitorAnswer(
        visitor=profile.found_at or visitor_id,
        created_at=instant(profile.created_ms),
        attributes=profile.attributes,
        tags=list(profile.tags),
        lists=list(profile.lists),
        pins=profile.pins,
        consents=edge.consents_of(profile, edge.clock()),
        events={name: total.count for name, total in profile.totals.items() if name},
        visit=VisitAnswer(
            visit.number, visit.pages, instant(visit.started_ms), instant(visit.last_ms)
        )
        if visit
        else None,
    )
