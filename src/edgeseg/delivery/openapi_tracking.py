"""The routes of the tracking protocol, as the OpenAPI document describes them."""

from typing import Final

import msgspec
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    PathItem,
    Reference,
    RequestBody,
)

from edgeseg.delivery.tracking import PATHS, TrackingAnswer, TrackingRefusal
from edgeseg.delivery.tracking_body import BATCH
from edgeseg.events.tracking_message import Message, MessageContext


class BatchBody(msgspec.Struct, frozen=True, rename="camel"):
    """Many messages in one call; ``context`` is of those that have none of their own."""

    batch: list[Message]
    context: MessageContext | None = None
    sent_at: str | None = None
    write_key: str | None = None


TRACKING_BODIES: Final[tuple[type[msgspec.Struct], ...]] = (
    *(Message, BatchBody, TrackingAnswer, TrackingRefusal),
)
"""Bodies whose schemas the document needs."""
_REFUSALS: Final = {
    "400": "Not JSON, or nothing of it is acceptable; `field` names the member",
    "401": "No known key",
    "413": "Over a limit; the detail names it",
    "429": "Too many calls are under way; `Retry-After` says when to come again",
    "503": "The store does not answer; `Retry-After` says when to come again",
}


def tracking_items() -> dict[str, PathItem]:
    """Describe every address of the protocol."""
    return {path: PathItem(post=_operation(path, kind)) for path, kind in PATHS.items()}


def _operation(path: str, kind: str) -> Operation:
    body = "BatchBody" if kind == BATCH else "Message"
    return Operation(
        operation_id=f"Track_{path.rpartition('/')[2]}",
        tags=["tracking"],
        summary=f"Events in, as Segment's and RudderStack's SDKs send them: {kind}",
        description="Any content type, gzip or not. Unknown members are ignored.",
        request_body=RequestBody(required=True, content=_json(body)),
        responses={
            "200": OpenAPIResponse(
                description="What became of the messages", content=_json("TrackingAnswer")
            ),
            **{
                status: OpenAPIResponse(description=text, content=_json("TrackingRefusal"))
                for status, text in _REFUSALS.items()
            },
        },
    )


def _json(name: str) -> dict[str, OpenAPIMediaType]:
    reference = Reference(ref=f"#/components/schemas/{name}")
    return {"application/json": OpenAPIMediaType(schema=reference)}
