"""``/v1/visitors/{id}/segments``: the segments of a visitor now, with a server key."""

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from edgeseg.clock import instant
from edgeseg.delivery.audit import server_name
from edgeseg.delivery.calls import AnyRequest, VisitorId, admit
from edgeseg.delivery.consent import may_store
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import UNCACHED
from edgeseg.delivery.visitors import stored_profile
from edgeseg.personalize import PageView, decide, judge_visitor
from edgeseg.profiles.changes import consents_end_ms


class SegmentsAnswer(msgspec.Struct, frozen=True):
    """The segments that a visitor is in, as far as they can be told without a request.

    Attributes:
        visitor: the id; of a former one the present one.
        segments: ids, by priority (high first), then id.
        valid_until: RFC 3339; time alone changes nothing in it before.
        rules: version of the rules that decided.
    """

    visitor: str
    segments: list[str]
    valid_until: str
    rules: str


def visitor_segment_routes(edge: Edge) -> list[HTTPRouteHandler]:
    """Answer the route, bound to the service's parts."""

    @get("/v1/visitors/{visitor_id:str}/segments", summary="The segments of a visitor now")
    async def show_segments(request: AnyRequest, visitor_id: VisitorId) -> Response[SegmentsAnswer]:
        visitor_id = admit(request, edge, visitor_id)
        rules, limits = edge.rules.current, edge.limits
        stored = await stored_profile(edge, visitor_id, plan=rules.plan)
        now_ms = edge.clock()
        await edge.audit.note("show", visitor_id, server_name(request.scope), now_ms)
        consents = edge.consents_of(stored, now_ms)
        profile = stored if may_store(consents, limits.storage_purpose) else None
        view = PageView(
            visitor_id=visitor_id,
            context={},
            consents=consents,
            slots=(),
            expires_ms=consents_end_ms(stored.consents, now_ms=now_ms, valid_ms=limits.consent_ms),
        )
        judgement = judge_visitor(view, profile, rules, now_ms=now_ms, time_zone=limits.time_zone)
        found = decide(
            view, profile, judgement, rules=rules, telemetry=edge.telemetry, now_ms=now_ms
        )
        answer = SegmentsAnswer(
            found.visitor_id, found.segments, instant(found.valid_until_ms), rules.version
        )
        return Response(answer, headers=UNCACHED)

    return [show_segments]
