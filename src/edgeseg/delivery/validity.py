"""Until when an answer holds, as flags and fragments tell it.

They tell it where it is known: not of an answer without the store, whose return may change it
at any instant, nor of one in which a template failed, which is tried anew with each request.
"""

from typing import Final

from edgeseg.clock import DAY_MS
from edgeseg.personalize import VALID_AT_MOST_MS, Decision

REMEMBERED: Final = 4_096
"""Of so many instants is remembered how they are told: the slots of a page tell the same."""
_FAR_MS: Final = VALID_AT_MOST_MS - DAY_MS


def told_until_ms(decision: Decision, now_ms: int, *, failed: bool) -> int:
    """Answer until when to tell that an answer holds, epoch ms; 0 for not at all.

    Of more than 364 days the last midnight (UTC) is told. An earlier instant is as true, and
    that of an answer which time never changes stays the same all day.

    Args:
        decision: that it tells.
        now_ms: when it was made.
        failed: whether a template failed on the way to what it tells.
    """
    if failed or decision.degraded:
        return 0
    until_ms = decision.valid_until_ms
    return until_ms if until_ms - now_ms <= _FAR_MS else until_ms - until_ms % DAY_MS
