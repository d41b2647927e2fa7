"""Check events that come from outside and turn them into `Event`."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from math import isfinite
from typing import Final

import msgspec

from edgeseg.clock import DAY_MS, epoch_ms
from edgeseg.errors import InputError, TooLargeError
from edgeseg.events.event import Event, Scalar, Value, shorten_id

MAX_NAME: Final = 100
MAX_STRING: Final = 1_000
MAX_LIST: Final = 100
MAX_PROPERTIES: Final = 50
MAX_PAST_MS: Final = 396 * DAY_MS
"""An event said to be older than this is taken to be exactly so old."""
_INTEGERS: Final = range(-(2**63), 2**63)

IncomingValue = str | int | float | bool | None | list[str | int | float | bool]


class IncomingEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as a client sends it.

    Attributes:
        timestamp: when it happened by the client's clock, None for now.
        message_id: the client's id of it, at most 100 characters.
    """

    event: str
    properties: dict[str, IncomingValue] = {}
    timestamp: datetime | None = None
    message_id: str = msgspec.field(default="", name="messageId")


def clock_lag_ms(sent_at: datetime | None, *, now_ms: int, time_zone: tzinfo) -> int:
    """Answer by how much the clock of who sent something is behind, 0 where it is not told."""
    return 0 if sent_at is None else now_ms - epoch_ms(sent_at, time_zone)


def check_event(
    incoming: IncomingEvent, *, field: str, now_ms: int, time_zone: tzinfo, lag_ms: int = 0
) -> Event:
    """Answer the event, checked.

    Args:
        incoming: as the client sent it.
        field: path of it in the request, for errors.
        now_ms: when it was received; an event is never later than that.
        time_zone: of timestamps that name none.
        lag_ms: by how much the clock of its timestamp is behind, see `clock_lag_ms`.

    Raises:
        InputError: a name, key or value is not acceptable.
    """
    name = incoming.event
    check_event_name(name, f"{field}.event")
    if len(incoming.message_id) > MAX_NAME:
        message = f"a message id has at most {MAX_NAME} characters"
        raise TooLargeError(message, field=f"{field}.messageId")
    at_ms = now_ms
    if incoming.timestamp is not None:
        stamp_ms = epoch_ms(incoming.timestamp, time_zone) + lag_ms
        at_ms = max(now_ms - MAX_PAST_MS, min(stamp_ms, now_ms))
    properties = check_values(incoming.properties, field=f"{field}.properties")
    return Event(name, at_ms, properties, shorten_id(incoming.message_id))


def check_event_name(name: str, field: str) -> None:
    """Raise `InputError` where events must not be called that."""
    if not 0 < len(name) <= MAX_NAME or name.startswith("$") or not name.isprintable():
        message = f"an event name has 1 to {MAX_NAME} printable characters and no leading `$`"
        raise InputError(message, field=field)


def check_values(values: Mapping[str, IncomingValue], *, field: str) -> dict[str, Value]:
    """Answer ``values`` without nulls, every key and value within its bounds.

    Raises:
        InputError: one is not; the error names it and the limit.
    """
    if len(values) > MAX_PROPERTIES:
        message = f"at most {MAX_PROPERTIES} members, there are {len(values)}"
        raise TooLargeError(message, field=field)
    checked: dict[str, Value] = {}
    for name, value in values.items():
        if not 0 < len(name) <= MAX_NAME:
            message = f"a name has 1 to {MAX_NAME} characters"
            raise InputError(message, field=field)
        if value is None:
            continue
        if isinstance(value, list):
            if len(value) > MAX_LIST:
                message = f"a list has at most {MAX_LIST} elements, there are {len(value)}"
                raise TooLargeError(message, field=f"{field}.{name}")
            checked[name] = [check_scalar(each, f"{field}.{name}") for each in value]
        else:
            checked[name] = check_scalar(value, f"{field}.{name}")
    return checked


def check_scalar(value: Scalar, field: str) -> Scalar:
    """Answer ``value`` if it is within its bounds.

    Raises:
        InputError: it is not; the error names ``field`` and the limit.
    """
    if isinstance(value, str):
        if len(value) > MAX_STRING:
            message = f"a string has at most {MAX_STRING:,} characters, this has {len(value):,}"
            raise TooLargeError(message, field=field)
    elif isinstance(value, float):
        if not isfinite(value):
            message = "a number is finite"
            raise InputError(message, field=field)
    elif value not in _INTEGERS:
        message = "an integer has at most 64 bits"
        raise InputError(message, field=field)
    return value
