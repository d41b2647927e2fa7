"""Text of lists from HTTP sources: bounded, without redirects, from no private address unless told.

The host is resolved once, and the connection goes to the very address that was checked: a name
that answers differently the next time (DNS rebinding) gains nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from edgeseg.errors import InputError, TooLargeError

SILENCE_S: Final = 10.0
"""Longest wait for an answer to begin, and for each next part of it."""
_CHUNK: Final = 65_536
_TRIED: Final = 4
"""Addresses of one host."""
_OK: Final = 200
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


async def fetch_chunks(url: str, headers: Mapping[str, str], reach: Reach) -> AsyncIterator[bytes]:
    """Iterate over the body of the answer at ``url``.

    Raises:
        InputError: it cannot be had to its end.
        TooLargeError: it is larger than ``reach`` allows.
    """
    parts = check_source_url(url)
    try:
        connection = await asyncio.to_thread(_connect, parts, reach)
        with (
            closing(connection),
            _end_after(reach.whole_s, connection.sock),
            await asyncio.to_thread(_ask, connection, parts, headers) as answer,
        ):
            _check(answer)
            async for chunk in _read_bounded(answer, reach):
                yield chunk
    except (OSError, HTTPException, ValueError) as error:
        why = str(error) or type(error).__name__
        raise InputError(f"no answer: {why}", field="http") from error


async def _read_bounded(answer: HTTPResponse, reach: Reach) -> AsyncIterator[bytes]:
    size, told = 0, answer.length
    while chunk := await asyncio.to_thread(answer.read1, _CHUNK):
        size += len(chunk)
        if size > reach.max_bytes:
            message = f"over {reach.max_bytes:,} bytes, a setting: EDGESEG_MAX_LIST_BYTES"
            raise TooLargeError(message, field="http")
        yield chunk
        if told == size:
            break
    if told and size < told:  # `read1` is silent about that
        message = f"the answer broke off, {told - size:,} bytes are missing"
        raise InputError(message, field="http")


@contextmanager
def _end_after(whole_s: float, connected: socket.socket) -> Iterator[None]:
    """End a connection at its time, whatever a thread waits for there, and tell so."""
    is_over = asyncio.Event()
    message = f"the answer takes more than {whole_s:g} s"

    def end() -> None:
        is_over.set()
        with suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = asyncio.get_running_loop().call_later(whole_s, end)
    try:
        yield
    except (OSError, HTTPException, InputError) as error:
        if is_over.is_set():
            raise InputError(message, field="http") from error
        raise
    finally:
        timer.cancel()
    if is_over.is_set():  # an answer without a length seems to be whole
        raise InputError(message, field="http")


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


def _check(answer: HTTPResponse) -> None:
    if answer.status != _OK:
        message = f"the answer has status {answer.status}, not 200; redirects are not followed"
        raise InputError(message, field="http")
    if answer.getheader("Content-Encoding", "identity") != "identity":
        message = "the answer is packed, though that was not asked for"
        raise InputError(message, field="http")
