"""The routes of flag clients, as the OpenAPI document describes them."""

from typing import Final

import msgspec
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Schema,
)

from edgeseg.delivery.ofrep import BulkAnswer, EvaluationRequest, Failure

FLAG_BODIES: Final[tuple[type[msgspec.Struct], ...]] = (BulkAnswer, Failure)
"""Bodies whose schemas the document needs."""
_REF: Final = "#/components/schemas/{name}"
_REFUSALS: Final = {
    "400": "Not acceptable; `errorCode` and `errorDetails` say why",
    "401": "The key is unknown",
    "429": "Too many calls are under way; `Retry-After` says when to come again",
}


def flag_item() -> PathItem:
    """Describe the call for one flag."""
    key = Parameter(
        name="key",
        param_in="path",
        required=True,
        schema=_text(),
        description="`slot/ID`, `campaign/ID` or `segment/ID`.",
    )
    operation = _operation("EvaluateFlag", "One flag, in OFREP's form", "Flag", "One flag")
    responses = operation.responses or {}
    responses["404"] = OpenAPIResponse(description="No such flag", content=_json("Failure"))
    return PathItem(parameters=[key], post=operation)


def all_flags_item() -> PathItem:
    """Describe the call for all flags."""
    known = Parameter(
        name="If-None-Match",
        param_in="header",
        schema=_text(),
        description="The `ETag` of an earlier answer.",
    )
    operation = _operation("EvaluateFlags", "All flags, in OFREP's form", "BulkAnswer", "All flags")
    responses = operation.responses or {}
    responses["304"] = OpenAPIResponse(description="As `If-None-Match` names it; no body")
    return PathItem(parameters=[known], post=operation)


def flag_events_item() -> PathItem:
    """Describe the stream of changes."""
    stream = {"text/event-stream": OpenAPIMediaType(schema=_text())}
    return PathItem(
        get=Operation(
            operation_id="FlagEvents",
            tags=["flags"],
            summary="Server-sent events: the rules have changed, ask again",
            responses={
                "200": OpenAPIResponse(description="A stream without end", content=stream),
                "503": OpenAPIResponse(description="Too many streams; poll instead"),
            },
        )
    )


def _operation(id_: str, summary: str, answer: str, description: str) -> Operation:
    refusals = {
        status: OpenAPIResponse(description=text, content=_json("Failure"))
        for status, text in _REFUSALS.items()
    }
    return Operation(
        operation_id=id_,
        tags=["flags"],
        summary=summary,
        description="Reads only. A server key names any visitor, a cookie tells its own.",
        request_body=RequestBody(required=True, content={"application/json": _request()}),
        responses={
            "200": OpenAPIResponse(description=description, content=_json(answer)),
            **refusals,
        },
    )


def _request() -> OpenAPIMediaType:
    context = Schema(
        type="object",  # type: ignore[arg-type]
        description="`targetingKey` and any attributes.",
        properties={"targetingKey": _text()},
    )
    required = [each.name for each in msgspec.structs.fields(EvaluationRequest)]
    return OpenAPIMediaType(
        schema=Schema(
            type="object",  # type: ignore[arg-type]
            properties={"context": context},
            required=required,
        )
    )


def _json(name: str) -> dict[str, OpenAPIMediaType]:
    schema = Reference(ref=_REF.format(name=name))
    return {"application/json": OpenAPIMediaType(schema=schema)}


def _text() -> Schema:
    return Schema(type="string")  # type: ignore[arg-type]
