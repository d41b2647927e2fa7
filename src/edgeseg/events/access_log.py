r"""Read the lines of an access log. Pure.

Two forms, told apart line by line. The combined log format, as Apache and nginx
write it (https://httpd.apache.org/docs/2.4/logs.html#combined)::

    192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 512 "REFERRER" "AGENT"

with ``\"``, ``\\`` and ``\xhh`` escapes, and whatever fields a site appends. And JSON,
one object a line, see `JsonLine`.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from edgeseg.clock import epoch_ms
from edgeseg.errors import InputError, TooLargeError
from edgeseg.events.decode import IncomingEvent

MAX_LINE_BYTES: Final = 65_536
"""A longer line is refused."""

_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_COMBINED: Final = re.compile(
    rf"(\S+) [^\[]*\[([^\]]+)\] {_QUOTED} (\d{{3}}) (?:\d+|-) {_QUOTED} {_QUOTED}(?:\s|\Z)"
)
_TIME: Final = re.compile(
    r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", re.ASCII
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # fmt: skip
_ESCAPED: Final = re.compile(r"((?:\\x[0-9A-Fa-f]{2})+)|\\(.)")
_CONTROL: Final = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "b": "\b"}


class LoggedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request of the past, whichever form its line had.

    Attributes:
        at_ms: when it was received, epoch milliseconds UTC.
        target: path and query, or an absolute address.
        visitor: id that the line names, "" for none: address and agent tell visitors apart.
        address: of the client, "" for a line of JSON. Never to be stored.
        events: what else happened, besides the request.
    """

    at_ms: int
    method: str
    target: str
    status: int
    referrer: str = ""
    agent: str = ""
    address: str = ""
    visitor: str = ""
    events: tuple[IncomingEvent, ...] = ()


class JsonLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page view as a line of JSON.

    Attributes:
        timestamp: with its offset from UTC.
        url: absolute.
        visitor: without one, the agent alone tells visitors apart.
        events: an event without a timestamp happened at that of the line.
    """

    timestamp: Annotated[datetime, Meta(tz=True)]
    url: str
    visitor: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:@|=-]{1,100}\Z")] = ""
    referrer: str = ""
    user_agent: str = ""
    events: tuple[IncomingEvent, ...] = ()


_JSON: Final = msgspec.json.Decoder(JsonLine)


def parse_line(line: bytes) -> LoggedRequest:
    """Answer the request that ``line`` tells of; its end of line does not matter.

    Raises:
        InputError: it has neither form, or a part of it is not acceptable.
    """
    if len(line) > MAX_LINE_BYTES:
        message = f"a line has at most {MAX_LINE_BYTES:,} bytes"
        raise TooLargeError(message)
    line = line.strip()
    return _parse_json(line) if line.startswith(b"{") else _parse_combined(line)


def _parse_json(line: bytes) -> LoggedRequest:
    try:
        given = _JSON.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"not a page view in JSON: {error}"
        raise InputError(message) from error
    if not given.visitor and not given.user_agent:
        message = "a `visitor` or a `user_agent` is needed to tell whose page view it is"
        raise InputError(message, field="visitor")
    return LoggedRequest(
        at_ms=_read_ms(given.timestamp),
        method="GET",
        target=given.url,
        status=200,
        referrer=given.referrer,
        agent=given.user_agent,
        visitor=given.visitor,
        events=given.events,
    )


def _parse_combined(line: bytes) -> LoggedRequest:
    found = _COMBINED.match(line.decode("utf-8", "replace"))
    if found is None:
        message = (
            "not in the combined log format: "
            'ADDRESS - - [TIME] "METHOD PATH PROTOCOL" STATUS BYTES "REFERRER" "AGENT"'
        )
        raise InputError(message)
    address, time, request, status, referrer, agent = found.groups()
    parts = _unescape(request).split(" ")
    if len(parts) not in {2, 3} or not parts[1]:
        message = f"the request is not `METHOD PATH PROTOCOL`: {request[:80]!r}"
        raise InputError(message)
    return LoggedRequest(
        at_ms=_read_ms(_parse_time(time)),
        method=parts[0],
        target=parts[1],
        status=int(status),
        referrer=_unescape(referrer) if referrer != "-" else "",
        agent=_unescape(agent) if agent != "-" else "",
        address=address,
    )


def _parse_time(text: str) -> datetime:
    """Read the time by hand: ``strptime`` is slow, and its months follow the locale."""
    found = _TIME.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        message = f"the time is not like 17/May/2015:10:05:03 +0000: {text[:40]!r}"
        raise InputError(message)
    day, _month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    try:
        zone = timezone(-offset if sign == "-" else offset) if offset else UTC
        month = _MONTHS.index(found[2]) + 1
        return datetime(
            int(year), month, int(day), int(hour), int(minute), min(int(second), 59), tzinfo=zone
        )  # 60 is a leap second
    except ValueError as error:
        message = f"there is no such time: {text[:40]!r} ({error})"
        raise InputError(message) from error


def _read_ms(instant: datetime) -> int:
    at_ms = epoch_ms(instant)
    if at_ms < 0:
        message = "a time before 1970"
        raise InputError(message)
    return at_ms


def _unescape(text: str) -> str:
    return _ESCAPED.sub(_plain, text) if "\\" in text else text


def _plain(escaped: re.Match[str]) -> str:
    if escaped[1]:
        return bytes.fromhex(escaped[1].replace("\\x", "")).decode("utf-8", "replace")
    return _CONTROL.get(escaped[2], escaped[2])
