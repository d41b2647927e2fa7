"""What becomes of errors that a route raises: problem documents."""

import logging
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException

from edgeseg.delivery.problems import CONTENT_TYPE, ProblemDocument, problem, problem_of
from edgeseg.errors import EdgesegError

_log = logging.getLogger(__name__)


def _answer_problem(_request: Request[Any, Any, Any], error: EdgesegError) -> Response[Any]:
    return _respond(problem_of(error))


def _answer_http_problem(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if error.status_code >= 500:  # noqa: PLR2004 - the server's own faults
        _log.exception("request failed", exc_info=error)
    return _respond(problem(error.status_code, "http", error.detail, error.detail))


PROBLEM_HANDLERS: Final[Any] = {EdgesegError: _answer_problem, HTTPException: _answer_http_problem}


def _respond(document: ProblemDocument) -> Response[Any]:
    media_type = CONTENT_TYPE.decode()
    return Response(document, status_code=document.status, media_type=media_type)
