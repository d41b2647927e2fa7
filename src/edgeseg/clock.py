"""The one place where wall-clock time enters.

Every other module takes the current instant as ``now_ms``, milliseconds since
the Unix epoch in UTC, so that tests and replays choose their own time.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

Clock = Callable[[], int]
"""Answers the current instant in milliseconds since the Unix epoch, UTC."""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
UNITS_MS = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
"""The letters of durations such as ``3d``."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HOUR_24 = re.compile("[Tt ]24")


def system_clock() -> int:
    """Answer the current instant of this machine, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def epoch_ms(at: datetime, time_zone: tzinfo = UTC) -> int:
    """Answer the instant that ``at`` is part of, in whole epoch milliseconds.

    Args:
        at: from the year 1 on; negative results are before 1970.
        time_zone: where ``at`` names none. Of a time that comes twice it is the first, unless
            its ``fold`` says otherwise.
    """
    # Exact, as a float of seconds times 1,000 is not.
    return ((at if at.tzinfo else at.replace(tzinfo=time_zone)) - _EPOCH) // _MILLISECOND


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 date or instant, alike on every Python.

    Raises:
        ValueError: it is none. From 3.14 on Python alone would take hour 24.
    """
    if _HOUR_24.search(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def midnight_ms(day: date, time_zone: tzinfo) -> int:
    """Answer when a day begins by the clocks of ``time_zone``, in epoch milliseconds."""
    return epoch_ms(datetime(day.year, day.month, day.day, tzinfo=time_zone))


def local_time(at_ms: int, time_zone: tzinfo) -> datetime:
    """Answer what the clocks of ``time_zone`` tell at an instant in epoch milliseconds.

    Raises:
        OverflowError: that is before the year 1 or after 9999.
    """
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(time_zone)


def instant(at_ms: int) -> str:
    """Answer an instant as RFC 3339 with milliseconds, in UTC."""
    hour, rest_ms = divmod(at_ms, HOUR_MS)
    minute, rest_ms = divmod(rest_ms, MINUTE_MS)
    return f"{_hour(hour)}:{minute:02}:{rest_ms / SECOND_MS:06.3f}Z"


@lru_cache(maxsize=4_096)
def _hour(hour: int) -> str:
    """Answer date and hour; a datetime's own way takes four times as long as all of the above."""
    return datetime.fromtimestamp(hour * HOUR_MS // SECOND_MS, UTC).isoformat(timespec="hours")[:13]
