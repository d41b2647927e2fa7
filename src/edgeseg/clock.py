"""The one place where wall-clock time enters.

Every other module takes the current instant as ``now_ms``, milliseconds since
the Unix epoch in UTC, so that tests and replays choose their own time.
"""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Answers the current instant in milliseconds since the Unix epoch, UTC."""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def system_clock() -> int:
    """Answer the current instant of this machine, in epoch milliseconds."""
    return time.time_ns() // 1_000_000
