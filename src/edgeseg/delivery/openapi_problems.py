"""Refusals, as the OpenAPI document describes them: problem documents, the same for every call."""

from collections.abc import Collection, Iterator
from typing import Final

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    PathItem,
    Reference,
)

from edgeseg.delivery.openapi_security import is_for_browsers
from edgeseg.delivery.problems import CONTENT_TYPE

_JSON: Final = "application/json"
_PROBLEM: Final = CONTENT_TYPE.decode()
_ALWAYS_200: Final = "/v1/fragment/"
_NOT_THERE: Final = frozenset(
    {
        ("get", "/v1/me"),
        ("get", "/v1/me/export"),
        ("get", "/v1/visitors/{visitor_id}"),
        ("get", "/v1/visitors/{visitor_id}/export"),
        ("get", "/v1/visitors/{visitor_id}/segments"),
        ("post", "/v1/visitors/{visitor_id}/anonymize"),
        ("post", "/v1/visitors/{visitor_id}/identify"),
        ("post", "/v1/visitors/{visitor_id}/merge"),
        ("delete", "/v1/lists/{name}"),
        ("get", "/v1/campaigns/{campaign}/outcomes"),
        ("get", "/v1/projects/{write_key}/settings"),
    }
)
"""Calls about something that may not be there; those that erase or set it are content."""
_REFUSALS: Final = {
    "400": "Not acceptable; `field` names the member",
    "401": "The key is unknown or missing",
    "403": "The page that asks is of another origin",
    "404": "Nothing is there, or nothing is stored",
    "413": "Over a limit; the detail names it",
    "429": "Too much at once; `Retry-After` says when to come again",
    "503": "Overload, or the store does not answer",
}


def describe_problems(paths: dict[str, PathItem]) -> None:
    """Let each call of ours tell its refusals, and answers without a body have none."""
    for path, item in paths.items():
        if path.startswith("/v1/") and not path.startswith(_ALWAYS_200):
            for method, operation in _operations(item):
                _describe(operation, _never(method, path, operation))
        elif path == "/readyz":  # which a management port takes away
            _add(item, "503", "Told to end: ask another one", _document())
        elif path == "/edgeseg.js":
            _add(item, "304", "As `If-None-Match` names it; no body", None)


def _add(
    item: PathItem, status: str, text: str, content: dict[str, OpenAPIMediaType] | None
) -> None:
    for _method, operation in _operations(item):
        if operation.responses is not None:
            operation.responses[status] = OpenAPIResponse(description=text, content=content)


def _operations(item: PathItem) -> Iterator[tuple[str, Operation]]:
    for method in ("get", "post", "put", "delete"):
        operation = getattr(item, method)
        if operation is not None:
            yield method, operation


def _never(method: str, path: str, operation: Operation) -> Collection[str]:
    """Answer the refusals that a call has no reason for."""
    possible = {
        "401": bool(operation.security),
        "403": method != "get" and is_for_browsers(operation),
        "404": (method, path) in _NOT_THERE,
    }
    return {status for status, is_possible in possible.items() if not is_possible}


def _describe(operation: Operation, never: Collection[str]) -> None:
    responses = operation.responses
    if responses is None:
        return
    for status, response in responses.items():
        if isinstance(response, OpenAPIResponse):
            _correct(status, response)
    for status, text in _REFUSALS.items():
        if status not in responses and status not in never:
            responses[status] = OpenAPIResponse(description=text, content=_document())


def _correct(status: str, response: OpenAPIResponse) -> None:
    if status == "204":
        response.content = None
    elif status >= "400" and response.content and _JSON in response.content:
        told = response.content[_JSON]
        ours = told.schema is not None and isinstance(told.schema, Reference)
        response.content = {_PROBLEM: told} if ours else _document()
        response.description = _REFUSALS.get(status, response.description)


def _document() -> dict[str, OpenAPIMediaType]:
    return {
        _PROBLEM: OpenAPIMediaType(schema=Reference(ref="#/components/schemas/ProblemDocument"))
    }
