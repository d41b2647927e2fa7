"""What becomes of errors that a route raises: problem documents."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from litestar import Response
from litestar.exceptions import HTTPException

from edgeseg.delivery.calls import AnyRequest
from edgeseg.delivery.http import NO_STORE, ClientGone, headers_for
from edgeseg.delivery.problems import CONTENT_TYPE, FAULT, ProblemDocument, problem, problem_of
from edgeseg.errors import EdgesegError

_log = logging.getLogger(__name__)


def _answer_problem(_request: AnyRequest, error: EdgesegError) -> Response[Any]:
    headers = {name.decode(): text.decode() for name, text in headers_for(error)}
    return _respond(problem_of(error), headers)


def _answer_http_problem(request: AnyRequest, error: HTTPException) -> Response[Any]:
    if error.status_code >= FAULT.status:
        return _answer_fault(request, error)
    headers = _with_head(error.headers or {})
    document = problem(error.status_code, "http", error.detail, _say(error, headers))
    return _respond(document, headers)


def _say(error: HTTPException, headers: Mapping[str, str]) -> str:
    """Say what to do about it; Litestar's own detail repeats the title."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "no call has this address; `/openapi` lists the service's"
    allowed = {name.lower(): text for name, text in headers.items()}.get("allow")
    return f"use {allowed}" if allowed else error.detail


def _answer_fault(_request: AnyRequest, error: Exception) -> Response[Any]:
    _log.error("request failed", exc_info=error)
    return _respond(FAULT)


def _answer_nobody(_request: AnyRequest, _error: ClientGone) -> Response[Any]:
    return _respond(problem(400, "http", "Bad request", "the body is not whole"))


PROBLEM_HANDLERS: Final[Any] = {
    EdgesegError: _answer_problem,
    HTTPException: _answer_http_problem,
    ClientGone: _answer_nobody,
    Exception: _answer_fault,
}


def _with_head(headers: Mapping[str, str]) -> dict[str, str]:
    """Name HEAD beside GET: Litestar does not know that the door lets it in."""
    return {
        name: text.replace("GET", "GET, HEAD") if name == "allow" else text
        for name, text in headers.items()
    }


def _respond(document: ProblemDocument, headers: Mapping[str, str] = {}) -> Response[Any]:
    name, text = NO_STORE  # a cache may keep 404 for whoever asks next, else
    return Response(
        document,
        status_code=document.status,
        media_type=CONTENT_TYPE.decode(),
        headers={name.decode(): text.decode(), **headers},
    )
