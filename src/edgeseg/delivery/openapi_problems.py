"""Refusals, as the OpenAPI document describes them: problem documents, the same for every call."""

from collections.abc import Iterator
from typing import Final

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    PathItem,
    Reference,
)

from edgeseg.delivery.problems import CONTENT_TYPE

_JSON: Final = "application/json"
_PROBLEM: Final = CONTENT_TYPE.decode()
_ALWAYS_200: Final = "/v1/fragment/"
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
            for operation in _operations(item):
                _describe(operation)
        elif path == "/readyz":  # which a management port takes away
            _add(item, "503", "Told to end: ask another one", _document())
        elif path == "/edgeseg.js":
            _add(item, "304", "As `If-None-Match` names it; no body", None)


def _add(
    item: PathItem, status: str, text: str, content: dict[str, OpenAPIMediaType] | None
) -> None:
    for operation in _operations(item):
        if operation.responses is not None:
            operation.responses[status] = OpenAPIResponse(description=text, content=content)


def _operations(item: PathItem) -> Iterator[Operation]:
    for each in (item.get, item.post, item.put, item.delete):
        if each is not None:
            yield each


def _describe(operation: Operation) -> None:
    responses = operation.responses
    if responses is None:
        return
    for status, response in responses.items():
        if isinstance(response, OpenAPIResponse):
            _correct(status, response)
    for status, text in _REFUSALS.items():
        if status not in responses:
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
