"""``/v1/lists``: lists of visitors that are kept elsewhere, with a server key."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from litestar import Response, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from edgeseg.audiences.list_upkeep import ListUpkeep
from edgeseg.clock import instant
from edgeseg.delivery.calls import AnyRequest, admit_server
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import UNCACHED
from edgeseg.delivery.list_rows import ListRows, RefusedRow
from edgeseg.errors import InputError, NotFoundError, TooLargeError
from edgeseg.profiles.list_store import ListStatus

ListName = Annotated[str, Parameter(description="Lower-case letters, digits, - and _, 1 to 100.")]
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


class ListAnswer(msgspec.Struct, frozen=True):
    """A list; ``applied`` of its members have a profile that says so, the others are awaited."""

    name: str
    members: int
    applied: int
    put_at: str
    applied_at: str
    source: str
    error: str


class ListsAnswer(msgspec.Struct, frozen=True):
    """All lists, by name."""

    lists: list[ListAnswer]


class PutListAnswer(msgspec.Struct, frozen=True):
    """What became of a list; ``problems`` are the first of the ``refused`` rows."""

    name: str
    members: int
    refused: int
    problems: list[RefusedRow]


def list_routes(edge: Edge, upkeep: ListUpkeep, max_bytes: int) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts; ``max_bytes`` bounds a list's text."""
    lists = edge.store.lists

    @get("/v1/lists", summary="The lists")
    async def show_lists(request: AnyRequest) -> Response[ListsAnswer]:
        admit_server(request, edge)
        known = [_answer(each) for each in await lists.all()]
        return Response(ListsAnswer(known), headers=UNCACHED)

    @put(
        "/v1/lists/{name:str}",
        status_code=202,
        summary="Replace the members of a list",
        request_max_body_size=max_bytes,
    )
    async def put_list(request: AnyRequest, name: ListName) -> Response[PutListAnswer]:
        admit_server(request, edge)
        check_list_name(name)
        rows = ListRows(edge.identities)
        members = rows.read(_bounded(request, max_bytes))
        count = await lists.put(name, members, now_ms=edge.clock())
        upkeep.note(name)
        answer = PutListAnswer(name, count, rows.refused, rows.problems)
        return Response(answer, status_code=202, headers=UNCACHED)

    @delete("/v1/lists/{name:str}", status_code=204, summary="Take everybody off a list")
    async def remove_list(request: AnyRequest, name: ListName) -> None:
        admit_server(request, edge)
        check_list_name(name)
        if not await lists.remove(name, now_ms=edge.clock()):
            message = f"there is no list `{name}`"
            raise NotFoundError(message, field="name")

    return [show_lists, put_list, remove_list]


def check_list_name(name: str) -> None:
    """Check the name of a list.

    Raises:
        InputError: it is none.
    """
    if not _NAME.fullmatch(name):
        message = "a list has a name of 1 to 100 lower-case letters, digits, - and _"
        raise InputError(message, field="name")


async def _bounded(request: AnyRequest, max_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            message = f"at most {max_bytes:,} bytes, a setting: EDGESEG_MAX_LIST_BYTES"
            raise TooLargeError(message, field="body")
        yield chunk


def _answer(status: ListStatus) -> ListAnswer:
    return ListAnswer(
        status.name,
        status.members,
        status.applied,
        instant(status.put_ms) if status.put_ms else "",
        instant(status.applied_ms) if status.applied_ms else "",
        status.source,
        status.error,
    )
