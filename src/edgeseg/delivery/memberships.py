"""``/v1/visitors/{id}/tags``, ``/lists`` and ``/pins``: membership by hand, with a server key."""

from collections.abc import Sequence
from typing import Final

import msgspec
from litestar import Response, put
from litestar.handlers import HTTPRouteHandler

from edgeseg.delivery.calls import AnyRequest, VisitorId, admit
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.problems import decode_body
from edgeseg.delivery.visitors import VisitorAnswer, change_profile
from edgeseg.errors import InputError, TooLargeError
from edgeseg.events.event import (
    LISTS_ADDED,
    LISTS_REMOVED,
    PINS_CHANGED,
    TAGS_ADDED,
    TAGS_REMOVED,
    Event,
    Value,
)
from edgeseg.spelling import suggest

MAX_TAGS: Final = 100
MAX_TAG: Final = 100


class TagsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tags that the visitor is to have, all others are removed."""

    tags: list[str]
    consent: dict[str, bool] = {}


class ListsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lists that the visitor is to be on, and on no others."""

    lists: list[str]
    consent: dict[str, bool] = {}


class PinsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Segments to be in (true) or out of (false) whatever the rule says; null for as it says."""

    pins: dict[str, bool | None]
    consent: dict[str, bool] = {}


def membership_routes(edge: Edge) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts."""

    @put("/v1/visitors/{visitor_id:str}/tags", summary="Set the tags")
    async def set_tags(request: AnyRequest, visitor_id: VisitorId) -> Response[VisitorAnswer]:
        visitor_id = admit(request, edge, visitor_id)
        wanted = decode_body(await request.body(), TagsRequest)
        plan = edge.rules.current.plan
        profile = await edge.store.read_anew(visitor_id, plan=plan)
        known = profile.tags if profile else ()
        changes = _changes("tags", known, wanted.tags, (TAGS_REMOVED, TAGS_ADDED), edge.clock())
        return await change_profile(request, edge, visitor_id, changes, wanted.consent, plan=plan)

    @put("/v1/visitors/{visitor_id:str}/lists", summary="Set the lists")
    async def set_lists(request: AnyRequest, visitor_id: VisitorId) -> Response[VisitorAnswer]:
        visitor_id = admit(request, edge, visitor_id)
        wanted = decode_body(await request.body(), ListsRequest)
        plan = edge.rules.current.plan
        profile = await edge.store.read_anew(visitor_id, plan=plan)
        known = profile.lists if profile else ()
        changes = _changes("lists", known, wanted.lists, (LISTS_REMOVED, LISTS_ADDED), edge.clock())
        return await change_profile(request, edge, visitor_id, changes, wanted.consent, plan=plan)

    @put("/v1/visitors/{visitor_id:str}/pins", summary="Put in or out of segments by hand")
    async def set_pins(request: AnyRequest, visitor_id: VisitorId) -> Response[VisitorAnswer]:
        visitor_id = admit(request, edge, visitor_id)
        wanted = decode_body(await request.body(), PinsRequest)
        rules = edge.rules.current
        known = rules.definitions.segments
        for segment in wanted.pins:
            if segment not in known:
                message = f"unknown segment `{segment[:MAX_TAG]}`; {suggest(segment, tuple(known))}"
                raise InputError(message, field="pins")
        pins: dict[str, Value] = {
            segment: [] if pin is None else pin for segment, pin in wanted.pins.items()
        }
        change = Event(PINS_CHANGED, edge.clock(), pins)
        return await change_profile(
            request, edge, visitor_id, [change], wanted.consent, plan=rules.plan
        )

    return [set_tags, set_lists, set_pins]


def _changes(
    member: str, known: Sequence[str], wanted: list[str], events: tuple[str, str], now_ms: int
) -> list[Event]:
    """Answer the events that make a set of names what is wanted.

    Raises:
        TooLargeError: there are too many names, or one is too long.
    """
    if len(wanted) > MAX_TAGS or any(not 0 < len(name) <= MAX_TAG for name in wanted):
        message = f"at most {MAX_TAGS} of 1 to {MAX_TAG} characters"
        raise TooLargeError(message, field=member)
    removed, added = events
    return [
        Event(removed, now_ms, {member: sorted({*known}.difference(wanted))}),
        Event(added, now_ms, {member: [*wanted]}),
    ]
