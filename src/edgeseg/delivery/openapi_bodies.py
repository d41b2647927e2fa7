"""Bodies of requests that Litestar does not see, since handlers decode them themselves."""

from typing import Final

import msgspec
from litestar.openapi.spec import (
    OpenAPIMediaType,
    PathItem,
    Reference,
    RequestBody,
    Schema,
)

from edgeseg.delivery.me import IdentifyRequest
from edgeseg.delivery.memberships import ListsRequest, PinsRequest, TagsRequest
from edgeseg.delivery.privacy import ConsentRequest
from edgeseg.delivery.visitor_rights import MergeRequest, ServerIdentifyRequest
from edgeseg.delivery.visitors import AttributesRequest

_OF: Final[dict[str, type[msgspec.Struct]]] = {
    "/v1/consent": ConsentRequest,
    "/v1/me/identify": IdentifyRequest,
    "/v1/visitors/{visitor_id}/attributes": AttributesRequest,
    "/v1/visitors/{visitor_id}/identify": ServerIdentifyRequest,
    "/v1/visitors/{visitor_id}/lists": ListsRequest,
    "/v1/visitors/{visitor_id}/merge": MergeRequest,
    "/v1/visitors/{visitor_id}/pins": PinsRequest,
    "/v1/visitors/{visitor_id}/tags": TagsRequest,
}
"""Path → what its PUT or POST takes as JSON."""
BODIES: Final = tuple(_OF.values())
"""Bodies whose schemas the document needs."""
_CATALOGUE: Final = ("text/csv", "application/x-ndjson", "application/jsonl")


def describe_bodies(paths: dict[str, PathItem]) -> None:
    """Let each call tell the body that it takes."""
    for path, body in _OF.items():
        schema = Reference(ref=f"#/components/schemas/{body.__name__}")
        _describe(paths[path], {"application/json": OpenAPIMediaType(schema=schema)})
    rows = {kind: _text("As the catalogue's file.") for kind in _CATALOGUE}
    _describe(paths["/v1/catalogue"], {**rows, "application/json": _products()})
    members = _text("One visitor a line, or in the first column of CSV.")
    _describe(paths["/v1/lists/{name}"], {"text/csv": members, "text/plain": members})


def _describe(item: PathItem, content: dict[str, OpenAPIMediaType]) -> None:
    operation = item.put or item.post
    if operation is not None:
        operation.request_body = RequestBody(required=True, content=content)


def _text(description: str) -> OpenAPIMediaType:
    schema = Schema(type="string", description=description)  # type: ignore[arg-type]
    return OpenAPIMediaType(schema=schema)


def _products() -> OpenAPIMediaType:
    product = Schema(type="object")  # type: ignore[arg-type]
    return OpenAPIMediaType(schema=Schema(type="array", items=product))  # type: ignore[arg-type]
