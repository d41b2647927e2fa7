"""How fast work in bulk may go beside live traffic. Pure.

The time that the store takes to answer an empty request tells how busy it, and the machine,
are. While that stays near the best seen, the work goes on; when it grows, the work pauses,
longer and longer, and comes back slowly.
"""

from typing import Final

_SHARE: Final = 0.5
"""Of the time, at least so much is left to others even when nothing seems busy."""
_SLOW: Final = 4.0
"""So many times the best answer is a busy store."""
_NOT_SLOW_S: Final = 0.002
"""An answer in less is never that of a busy one."""
_GENTLE_PORTION: Final = 10
"""At once: the store is busy with it for a quarter of a millisecond, a core for one."""
_FIRST_PAUSE_S: Final = 0.005
_LAST_PAUSE_S: Final = 1.0


class Pace:
    """Tells how long to pause after each portion of work."""

    def __init__(self, per_s: float = 0, share: float = _SHARE) -> None:
        """Go as fast as ``per_s``; 0 to adapt to how busy the store is.

        ``share`` of the time is then left to others, from 0 to less than 1.
        """
        self._per_s = per_s
        self._share = share
        self._best_s = float("inf")
        self._back_off_s = 0.0

    @property
    def adapts(self) -> bool:
        """Tell whether `pause_s` wants to know how long the store takes to answer."""
        return not self._per_s

    def portion(self, largest: int) -> int:
        """Answer how much to do at once: others wait for it, and no pause is to be a long one."""
        at_once = int(self._per_s) if self._per_s else _GENTLE_PORTION
        return max(1, min(largest, at_once))

    def pause_s(self, portion: int, took_s: float, answer_s: float = 0) -> float:
        """Answer how long to wait before the next portion.

        Args:
            portion: how much was done.
            took_s: how long that took.
            answer_s: how long the store took to answer an empty request.
        """
        if self._per_s:
            return max(0.0, portion / self._per_s - took_s)
        self._best_s = min(self._best_s, answer_s)
        if answer_s > max(_NOT_SLOW_S, _SLOW * self._best_s):
            self._back_off_s = min(max(2 * self._back_off_s, _FIRST_PAUSE_S), _LAST_PAUSE_S)
        else:
            self._back_off_s = self._back_off_s * 0.5 if self._back_off_s > _FIRST_PAUSE_S else 0.0
        return took_s * self._share / (1 - self._share) + self._back_off_s
