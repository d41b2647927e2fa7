"""Errors as RFC 9457 problem documents; the one table of HTTP statuses."""

import re
from typing import Final, TypeVar

import msgspec

from edgeseg.errors import (
    AccessError,
    BusyError,
    EdgesegError,
    FloodError,
    InputError,
    NotFoundError,
    StoreError,
    TooLargeError,
)

Body = TypeVar("Body", bound=msgspec.Struct)
CONTENT_TYPE: Final = b"application/problem+json"


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of an error answer.

    Attributes:
        type: a URN that names the kind of problem.
        field: path of the offending member of the request.
    """

    type: str
    title: str
    status: int
    detail: str
    field: str = ""


_KINDS: Final[tuple[tuple[type[EdgesegError], int, str, str], ...]] = (
    (TooLargeError, 413, "too-large", "Over a limit"),
    (NotFoundError, 404, "not-found", "Not there"),
    (InputError, 400, "bad-input", "Not acceptable"),
    (AccessError, 401, "no-access", "Not allowed"),
    (FloodError, 429, "flood", "Too many requests"),
    (BusyError, 503, "busy", "Too much at once"),
    (StoreError, 503, "store", "The store does not answer"),
)


def problem_of(error: EdgesegError) -> ProblemDocument:
    """Answer the document for an error."""
    for kind, status, name, title in _KINDS:
        if isinstance(error, kind):
            field = error.field if isinstance(error, InputError) else ""
            return problem(status, name, title, str(error), field)
    return problem(500, "internal", "Internal error", "see the service's log")


def problem(status: int, name: str, title: str, detail: str, field: str = "") -> ProblemDocument:
    """Answer a document of the kind ``urn:edgeseg:problem:NAME``."""
    return ProblemDocument(f"urn:edgeseg:problem:{name}", title, status, detail, field)


def decode_body(body: bytes, kind: type[Body]) -> Body:
    """Decode a JSON body.

    Raises:
        InputError: it is not JSON, or does not fit; the error names the member.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise input_error(error) from error


def input_error(error: Exception) -> InputError:
    """Translate what msgspec says of a body; its path becomes the field."""
    if isinstance(error, RecursionError):
        return InputError("the body is nested too deep")
    text = str(error)
    message, _at, path = text.partition(" - at `$")
    field = re.sub(r"^\.", "", path.rstrip("`"))
    unknown = re.search(r"unknown field `([^`]+)`", message)
    missing = re.search(r"missing required field `([^`]+)`", message)
    named = unknown or missing
    if named:
        field = f"{field}.{named[1]}".lstrip(".")
    if message[:2].istitle():
        message = message[0].lower() + message[1:]
    return InputError(message or "not JSON", field=field)
