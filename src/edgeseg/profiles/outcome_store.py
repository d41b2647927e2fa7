"""The port to wherever the counts of what campaigns brought are kept.

Counts are kept a campaign and day, and name no visitor. One conformance suite
(``tests/conformance/test_outcomes.py``) runs over every implementation.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from edgeseg.clock import HOUR_MS

HORIZON_MS: Final = HOUR_MS
"""A repeat that arrives this long after the first is still known as one."""
MAX_FIELDS: Final = 5_000
"""Different counts of one campaign and day; one more is counted as `BEYOND`, unless it is of
all visitors, so that its name ends with a slash: segments do not take the place of these."""
BEYOND: Final = "beyond"
"""Counts what found no place among the `MAX_FIELDS`."""


class Outcome(NamedTuple):
    """Something that is to be counted once.

    Attributes:
        campaign: id of the campaign.
        day: that it counts for, in the site's zone, such as ``2026-11-22``.
        at_ms: when it was received, epoch milliseconds.
        mark: whatever has the same mark is counted once within `HORIZON_MS`.
        adds: field → what is added to it, a whole number.
    """

    campaign: str
    day: str
    at_ms: int
    mark: str
    adds: tuple[tuple[str, int], ...]


class OutcomeStore(Protocol):
    """Keeps counts. Every method raises `StoreError` when the store does not do its work."""

    async def add(self, outcomes: Sequence[Outcome]) -> int:
        """Count those of ``outcomes`` that were not counted yet; answer how many these are.

        After a failure some may be counted; to call it again with the same ones is safe
        within the horizon.
        """
        ...

    async def read(self, campaign: str, days: Sequence[str]) -> list[dict[str, int]]:
        """Answer field → count for each of ``days``."""
        ...
