"""Errors as RFC 9457 problem documents; the one table of HTTP statuses."""

import logging
import re
from typing import Final, TypeVar

import msgspec

from edgeseg.delivery.http import Reply
from edgeseg.errors import (
    AccessError,
    BusyError,
    EdgesegError,
    FloodError,
    InputError,
    NotFoundError,
    OriginError,
    ProfileCorrupt,
    ProfileTooNew,
    StoreError,
    TooLargeError,
)
from edgeseg.spelling import suggest

Body = TypeVar("Body", bound=msgspec.Struct)
CONTENT_TYPE: Final = b"application/problem+json"
_MAX_SHOWN: Final = 100
_log = logging.getLogger(__name__)


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
    (OriginError, 403, "other-origin", "Not for this page"),
    (AccessError, 401, "no-access", "Not allowed"),
    (FloodError, 429, "flood", "Too many requests"),
    (BusyError, 503, "busy", "Too much at once"),
    (ProfileTooNew, 503, "newer-profile", "Written by a newer version"),
    (ProfileCorrupt, 503, "corrupt-profile", "The stored profile is damaged"),
    (StoreError, 503, "store", "The store does not answer"),
)


def problem(status: int, name: str, title: str, detail: str, field: str = "") -> ProblemDocument:
    """Answer a document of the kind ``urn:edgeseg:problem:NAME``."""
    return ProblemDocument(f"urn:edgeseg:problem:{name}", title, status, detail, field)


FAULT: Final = problem(500, "internal", "Internal error", "see the service's log")
"""Answers for a fault of the service; whoever answers with it logs what happened."""
FAULT_REPLY: Final = Reply(FAULT.status, CONTENT_TYPE, msgspec.json.encode(FAULT), [])


def refuse_method(allowed: bytes) -> Reply:
    """Answer the refusal of a method that is none of ``allowed``, such as ``GET, HEAD``."""
    document = problem(405, "method", "Method not allowed", f"use {allowed.decode()}")
    return Reply(405, CONTENT_TYPE, msgspec.json.encode(document), [(b"allow", allowed)])


def problem_of(error: EdgesegError) -> ProblemDocument:
    """Answer the document for an error; one that no caller can be the cause of is logged."""
    for kind, status, name, title in _KINDS:
        if isinstance(error, kind):
            field = error.field if isinstance(error, InputError) else ""
            return problem(status, name, title, str(error), field)
    _log.error("request failed", exc_info=error)
    return FAULT


def decode_body(body: bytes, kind: type[Body]) -> Body:
    """Decode a JSON body.

    Raises:
        InputError: it is not JSON, or does not fit; the error names the member.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise input_error(error, kind) from error


def input_error(error: Exception, kind: type[msgspec.Struct] | None = None) -> InputError:
    """Translate what msgspec says of a body; its path becomes the field.

    Args:
        error: what was raised.
        kind: what the body should have been; its members are named beside an unknown one.
    """
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
    if unknown and kind:
        members = _names(kind, path)
        message = f"unknown member `{unknown[1][:_MAX_SHOWN]}`; {suggest(unknown[1], members)}"
    if kind and (word := re.search(r"Invalid enum value '(.*)'", message)):
        words = _names(kind, path)
        message = f"`{word[1][:_MAX_SHOWN]}` is not an allowed value; {suggest(word[1], words)}"
    if message[:2].istitle():
        message = message[0].lower() + message[1:]
    return InputError(message or "not JSON", field=field)


def _names(kind: type[msgspec.Struct], path: str) -> tuple[str, ...]:
    """Answer the members of the struct, or the few values, at a path such as ``.events[...]``."""
    at = msgspec.inspect.type_info(kind)
    for name in re.findall(r"\.(\w+)|\[", path):
        if isinstance(at, msgspec.inspect.StructType) and name:
            at = next((each.type for each in at.fields if each.encode_name == name), at)
        elif isinstance(at, msgspec.inspect.ListType):
            at = at.item_type
    if isinstance(at, msgspec.inspect.LiteralType):
        return tuple(str(each) for each in at.values)
    if not isinstance(at, msgspec.inspect.StructType):
        return ()
    return tuple(each.encode_name for each in at.fields)
