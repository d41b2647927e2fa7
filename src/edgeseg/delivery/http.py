"""The little of HTTP that the hot routes need, straight on ASGI."""

import hmac
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import msgspec
from litestar.types import Receive, Scope, Send

from edgeseg.errors import AccessError, BusyError, EdgesegError, OriginError, TooLargeError

JSON: Final = b"application/json"
BY_NAME: Final = "edgeseg.headers_by_name"
"""Member of a scope: see `headers_of`."""
_LOOPBACK: Final = re.compile(r"127(\.[0-9]{1,3}){3}")
Headers = list[tuple[bytes, bytes]]
NO_STORE: Final = (b"cache-control", b"private, no-store")
UNCACHED: Final = {"Cache-Control": "private, no-store"}
"""The same for a response of Litestar's."""
CHALLENGE: Final = (b"www-authenticate", b'Bearer realm="edgeseg"')
"""Goes with each 401 (RFC 9110, section 11.6.1). Basic, which tracking calls may use, is not named:
browsers would ask the person before them for a password."""
READING: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing; the server leaves out the body of an answer to HEAD."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A whole response, whatever door it leaves by.

    One without a content type, such as 304, has no body, and nothing is told of its length.
    """

    status: int
    content_type: bytes
    body: bytes
    headers: Headers


class ClientGone(Exception):
    """The client went away before its request was whole."""


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """Answer the whole body.

    Raises:
        TooLargeError: it is over ``max_bytes``; the rest is not read.
        ClientGone: the connection ended first.
    """
    parts: list[bytes] = []  # joined once: adding up thousands of small parts is quadratic
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part: bytes = message.get("body", b"")  # type: ignore[assignment]
        size += len(part)
        if size > max_bytes:
            text = f"the body is over the limit of {max_bytes:,} bytes"
            raise TooLargeError(text)
        if not message.get("more_body"):
            return b"".join((*parts, part)) if parts else part
        parts.append(part)


async def send_response(
    send: Send,
    status: int,
    content_type: bytes,
    body: bytes,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Send one whole response."""
    all_headers = [*headers]
    if content_type:
        length = b"%d" % len(body)
        all_headers = [(b"content-type", content_type), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_reply(send: Send, reply: Reply) -> None:
    """Send a whole response over ASGI."""
    await send_response(send, reply.status, reply.content_type, reply.body, reply.headers)


def retry_after(error: BusyError) -> tuple[bytes, bytes]:
    """Answer the header that says when to come again."""
    return b"retry-after", b"%d" % error.retry_after_s


def headers_for(error: EdgesegError) -> Headers:
    """Answer the headers that go with a refusal, whatever form its body has."""
    match error:
        case OriginError():
            return []
        case AccessError():
            return [CHALLENGE]
        case BusyError():
            return [retry_after(error)]
        case _:
            return []


def by_name(headers: Headers) -> dict[bytes, bytes]:
    """Answer name → value; of several headers of one name the first counts."""
    return dict(reversed(headers))  # the first is read last, so that it is the one kept


def headers_of(scope: Scope) -> Mapping[bytes, bytes]:
    """Answer (lower-case) name → value, the first of several, read once a request."""
    try:
        return scope[BY_NAME]  # type: ignore[typeddict-item,no-any-return]
    except KeyError:
        named = by_name(scope["headers"])  # type: ignore[arg-type]
        scope[BY_NAME] = named  # type: ignore[typeddict-unknown-key]
        return named


def header(scope: Scope, name: bytes) -> str:
    """Answer the first header of this (lower-case) name, "" for none."""
    value = headers_of(scope).get(name)
    return value.decode("latin-1") if value else ""


def lines_of(scope: Scope, name: bytes) -> list[str]:
    """Answer all headers of this (lower-case) name; what a proxy adds stands behind the others."""
    headers: Headers = scope["headers"]  # type: ignore[assignment]
    return [value.decode("latin-1") for key, value in headers if key == name]


def cookie(headers: Mapping[bytes, bytes], name: str) -> str:
    """Answer the first cookie of exactly this name that has a value, "" for none."""
    text = headers.get(b"cookie", b"").decode("latin-1")
    before, found, rest = text.partition(f"{name}=")
    if not found:
        return ""
    if before[-2:] in {"", "; "}:  # as browsers write it, found without a look at each
        return rest.partition(";")[0].rstrip() or next(cookies(headers, name), "")
    return next(cookies(headers, name), "")


def cookies(headers: Mapping[bytes, bytes], name: str) -> Iterator[str]:
    """Iterate over the values of all cookies of exactly this name, as a browser orders them."""
    for pair in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        key, _equals, value = pair.strip().partition("=")
        if key == name and value:
            yield value


def is_server(scope: Scope, server_keys: Collection[str], write_keys: Collection[str]) -> bool:
    """Tell whether the request bears a server key; without any key it is a browser's.

    Raises:
        AccessError: it bears a key that is not known.
    """
    if b"authorization" not in headers_of(scope):
        return False
    scheme, _space, given = header(scope, b"authorization").partition(" ")
    if not given or scheme.lower() != "bearer":
        return False
    server = is_among(given, server_keys)
    browser = is_among(given, write_keys)
    if not server and not browser:
        message = "the key in the Authorization header is not known; configure it or leave it out"
        raise AccessError(message)
    return server


def is_among(given: str, keys: Collection[str]) -> bool:
    """Compare with every key in constant time, so that time tells nothing about any."""
    matches = [hmac.compare_digest(given.encode(), key.encode()) for key in keys]
    return any(matches)


def is_loopback_http(scope: Scope) -> bool:
    """Tell whether the site is served over plain HTTP on this very machine."""
    given = header(scope, b"host")
    host = given.rpartition("]")[0].lstrip("[") or given.partition(":")[0]
    return is_loopback(host) and not is_encrypted(scope)


def is_encrypted(scope: Scope) -> bool:
    """Tell whether the browser calls by HTTPS, as the server or the first of the proxies says."""
    forwarded = header(scope, b"x-forwarded-proto").partition(",")[0].strip().lower()
    return "https" in {scope.get("scheme"), forwarded}


def is_loopback(host: str) -> bool:
    """Tell whether a host's name or address, without brackets, is always this very machine."""
    return host in {"localhost", "::1"} or _LOOPBACK.fullmatch(host) is not None
