"""``/v1/visitors/{id}/tags``, ``/lists`` and ``/pins``: membership by hand, with a server key."""

from typing import Final

import msgspec
from litestar import Response, put
from litestar.handlers import HTTPRouteHandler

from edgeseg.delivery.edge import Edge
from edgeseg.delivery.problems import decode_body
from edgeseg.delivery.visitors import (
    AnyRequest,
    VisitorAnswer,
    VisitorId,
    admit,
    change_profile,
)
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
from edgeseg.segments.rule_files import suggest

MAX_TAGS: Final = 100
MAX_TAG: Final = 100


class TagsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tags that the contact is to have, all others are removed."""

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
        admit(request, edge, visitor_id)
        wanted = decode_body(await request.body(), TagsRequest)
        _check_names(wanted.tags, "tags")
        profile = await edge.store.read(visitor_id, plan=edge.rules.current.plan)
        gone = set(profile.tags if profile else ()).difference(wanted.tags)
        now_ms = edge.clock()
        changes = [
            Event(TAGS_REMOVED, now_ms, {"tags": sorted(gone)}),
            Event(TAGS_ADDED, now_ms, {"tags": [*wanted.tags]}),
        ]
        return await change_profile(edge, visitor_id, changes, wanted.consent)

    @put("/v1/visitors/{visitor_id:str}/lists", summary="Set the lists")
    async def set_lists(request: AnyRequest, visitor_id: VisitorId) -> Response[VisitorAnswer]:
        admit(request, edge, visitor_id)
        wanted = decode_body(await request.body(), ListsRequest)
        _check_names(wanted.lists, "lists")
        profile = await edge.store.read(visitor_id, plan=edge.rules.current.plan)
        gone = set(profile.lists if profile else ()).difference(wanted.lists)
        now_ms = edge.clock()
        changes = [
            Event(LISTS_REMOVED, now_ms, {"lists": sorted(gone)}),
            Event(LISTS_ADDED, now_ms, {"lists": [*wanted.lists]}),
        ]
        return await change_profile(edge, visitor_id, changes, wanted.consent)

    @put("/v1/visitors/{visitor_id:str}/pins", summary="Put in or out of segments by hand")
    async def set_pins(request: AnyRequest, visitor_id: VisitorId) -> Response[VisitorAnswer]:
        admit(request, edge, visitor_id)
        wanted = decode_body(await request.body(), PinsRequest)
        known = edge.rules.current.definitions.segments
        for segment in wanted.pins:
            if segment not in known:
                message = f"unknown segment `{segment[:MAX_TAG]}`; {suggest(segment, tuple(known))}"
                raise InputError(message, field="pins")
        pins: dict[str, Value] = {
            segment: [] if pin is None else pin for segment, pin in wanted.pins.items()
        }
        change = Event(PINS_CHANGED, edge.clock(), pins)
        return await change_profile(edge, visitor_id, [change], wanted.consent)

    return [set_tags, set_lists, set_pins]


def _check_names(names: list[str], field: str) -> None:
    if len(names) > MAX_TAGS or any(not 0 < len(name) <= MAX_TAG for name in names):
        message = f"at most {MAX_TAGS} of 1 to {MAX_TAG} characters"
        raise TooLargeError(message, field=field)
