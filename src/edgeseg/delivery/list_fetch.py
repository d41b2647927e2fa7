"""Text of lists from HTTP sources: bounded, without redirects, from no private address unless told.

The host is resolved once, and the connection goes to the very address that was checked: a name
that answers differently the next time (DNS rebinding) gains nothing.

A server that gives its answers an ``ETag``, or tells when they were last modified, is asked for
the text only if it is another one by now (RFC 9110, sections 8.8 and 13).
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple, Self
from urllib.parse import SplitResult, urlsplit

import msgspec

from edgeseg.errors import InputError, TooLargeError

SILENCE_S: Final = 10.0
"""Longest wait for an answer to begin, and for each next part of it."""
_CHUNK: Final = 65_536
_TRIED: Final = 4
"""Addresses of one host."""
_OK: Final = 200
_UNCHANGED: Final = 304
_MAX_TAG: Final = 1_000
_PORTS: Final = {"http": 80, "https": 443}


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What sources may do.

    Attributes:
        private: whether they may be at addresses that are not public.
        max_bytes: size of one list.
        whole_s: longest time that all of it may take.
    """

    private: bool
    max_bytes: int
    whole_s: float = 300.0


class Answer(NamedTuple):
    """What a source answered.

    Attributes:
        tag: what it calls this state of the text, "" where it does not say, or is not sure.
        chunks: the text, in parts; raises `InputError` where it cannot be had to its end, and
            `TooLargeError` where it is too large.
    """

    tag: str
    chunks: AsyncIterator[bytes]


def is_public(address: str) -> bool:
    """Tell whether a numeric address is one of the open Internet, not of this or a near network.

    IPv4 addresses inside IPv6 ones are judged as such where the kernel takes them so; the other
    ways to tunnel (6to4, Teredo, NAT64) are not public.
    """
    numeric = ip_address(address)
    if isinstance(numeric, IPv6Address):
        if numeric.ipv4_mapped:
            numeric = numeric.ipv4_mapped
        elif numeric.sixtofour or numeric.teredo or numeric.is_site_local:
            return False
    return numeric.is_global and not numeric.is_multicast and not numeric.is_reserved


def check_source_url(url: str) -> SplitResult:
    """Answer the parts of an address that a list may be fetched from.

    Raises:
        InputError: it is none.
    """
    message = "write `http:` and an address such as https://host/list.csv, without user or password"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError(message, field="http") from error
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not is_plain or parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise InputError(message, field="http")
    if "@" in parts.netloc:
        raise InputError(message, field="http")
    return parts


@asynccontextmanager
async def fetch(
    url: str, headers: Mapping[str, str], reach: Reach, tag: str = ""
) -> AsyncIterator[Answer | None]:
    """Ask for the text at ``url``; None if that is still what the server once called ``tag``.

    Raises:
        InputError: there is no answer, or none of use.
    """
    parts = check_source_url(url)
    with _translated():
        connection = await asyncio.to_thread(_connect, parts, reach)
    with closing(connection), _Deadline(reach.whole_s, connection.sock) as deadline:
        with deadline.told(), _translated():
            asked = {**headers, **_condition(tag)}
            answer = await asyncio.to_thread(_ask, connection, parts, asked)
        with answer:
            if tag and answer.status == _UNCHANGED:
                yield None
                return
            _check(answer)
            yield Answer(_tag_of(answer), _read(answer, reach, deadline))


async def _read(answer: HTTPResponse, reach: Reach, deadline: "_Deadline") -> AsyncIterator[bytes]:
    size, told = 0, answer.length
    while chunk := await _read_one(answer, deadline):
        size += len(chunk)
        if size > reach.max_bytes:
            message = f"over {reach.max_bytes:,} bytes, a setting: EDGESEG_MAX_LIST_BYTES"
            raise TooLargeError(message, field="http")
        yield chunk
        if told == size:
            break
    with deadline.told():
        if told and size < told:  # `read1` is silent about that
            message = f"the answer broke off, {told - size:,} bytes are missing"
            raise InputError(message, field="http")


async def _read_one(answer: HTTPResponse, deadline: "_Deadline") -> bytes:
    with deadline.told(), _translated():
        return await asyncio.to_thread(answer.read1, _CHUNK)


class _Deadline:
    """Ends a connection at its time, whatever a thread waits for there."""

    def __init__(self, whole_s: float, connected: socket.socket) -> None:
        self._message = f"the answer takes more than {whole_s:g} s"
        self._connected = connected
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_later(whole_s, self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell of the end in place of whatever it led to; a text without a length seems whole."""
        try:
            yield
        except InputError as error:
            if self._is_over:
                raise InputError(self._message, field="http") from error
            raise
        if self._is_over:
            raise InputError(self._message, field="http")

    def _end(self) -> None:
        self._is_over = True
        with suppress(OSError):
            socket.socket.shutdown(self._connected, socket.SHUT_RDWR)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OSError, HTTPException, ValueError) as error:
        why = str(error) or type(error).__name__
        raise InputError(f"no answer: {why}", field="http") from error


def _connect(parts: SplitResult, reach: Reach) -> HTTPConnection:
    """Connect to the host, at addresses that were checked."""
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not reach.private and not all(map(is_public, addresses)):
        message = "its address is not public; EDGESEG_LISTS_PRIVATE=true allows that"
        raise InputError(message, field="http")
    connected = _connect_first(addresses, port)
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connected = context.wrap_socket(connected, server_hostname=host)
    except BaseException:
        connected.close()
        raise
    connection = HTTPConnection(host, port, timeout=SILENCE_S)
    connection.sock = connected
    return connection


def _connect_first(addresses: Sequence[str], port: int) -> socket.socket:
    *others, last = addresses[:_TRIED]
    for address in others:
        with suppress(OSError):
            return socket.create_connection((address, port), timeout=SILENCE_S)
    return socket.create_connection((last, port), timeout=SILENCE_S)


def _ask(
    connection: HTTPConnection, parts: SplitResult, headers: Mapping[str, str]
) -> HTTPResponse:
    sent = {**headers, "Host": parts.netloc, "Accept-Encoding": "identity", "Connection": "close"}
    target = parts._replace(scheme="", netloc="", fragment="", path=parts.path or "/").geturl()
    connection.request("GET", target, headers=sent)
    return connection.getresponse()


def _condition(tag: str) -> dict[str, str]:
    if not tag:
        return {}
    return {"If-None-Match" if tag.endswith('"') else "If-Modified-Since": tag}


def _tag_of(answer: HTTPResponse) -> str:
    """Answer the entity tag, else the instant of the last change if that is sure to change.

    Within the second of the change there may be another one (RFC 9110, section 8.8.2.2).
    """
    tag = answer.getheader("ETag", "").strip()
    if not (tag.endswith('"') and tag.isascii() and tag.isprintable()):
        tag = answer.getheader("Last-Modified", "").strip()
        try:
            modified = parsedate_to_datetime(tag)
            if modified >= parsedate_to_datetime(answer.getheader("Date", "")):
                return ""
        except (ValueError, TypeError):
            return ""
    return tag if len(tag) <= _MAX_TAG else ""


def _check(answer: HTTPResponse) -> None:
    if answer.status != _OK:
        message = f"the answer has status {answer.status}, not 200; redirects are not followed"
        raise InputError(message, field="http")
    if answer.getheader("Content-Encoding", "identity") != "identity":
        message = "the answer is packed, though that was not asked for"
        raise InputError(message, field="http")
