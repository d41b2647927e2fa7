"""Warnings that every request could bring about, told once in a while."""

import logging
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Final

AGAIN_S: Final = 60.0
"""What was told is not told again for so long."""
MAX_KEPT: Final = 256
"""Different warnings that are told in that time; one more is not."""

_log = logging.getLogger(__name__)


class RareLog:
    """Logs each warning at most once in `AGAIN_S`."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Tell time by ``clock``, seconds."""
        self._clock = clock
        self._told_s: dict[Hashable, float] = {}
        """When each was told, the earliest first."""

    def tell(self, key: Hashable, message: str, *args: object) -> None:
        """Log a warning, unless one of the same key was logged a moment ago."""
        now_s, told_s = self._clock(), self._told_s
        while told_s and now_s - told_s[first := next(iter(told_s))] >= AGAIN_S:
            del told_s[first]
        if key in told_s or len(told_s) >= MAX_KEPT:
            return
        told_s[key] = now_s
        _log.warning(message, *args)
