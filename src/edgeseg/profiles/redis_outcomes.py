"""Counts of what campaigns brought, in Redis.

Keys, those of a campaign in one slot (``{prefix}`` is the constructor's)::

    {prefix}outcomes:{CAMPAIGN}:2026-11-22     hash: field → count of that day
    {prefix}outcomes:{CAMPAIGN}:once:HORIZON   set: marks of what was counted, 8 bytes each
"""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain
from typing import Final

from edgeseg.profiles.connection import Reply
from edgeseg.profiles.outcome_store import BEYOND, HORIZON_MS, MAX_FIELDS, Outcome
from edgeseg.profiles.router import Router
from edgeseg.profiles.script import Script

AT_ONCE: Final = 200
"""Outcomes of one call of the script, so that none holds the server up."""
DAYS_AT_ONCE: Final = 31
_MARK_BYTES: Final = 8
_MARKS_MS: Final = 3 * HORIZON_MS
"""Two stretches of time, and some for what has to wait for the store."""


class RedisOutcomes:
    """The port `OutcomeStore` over Redis."""

    def __init__(self, router: Router, prefix: str, counts_ms: int) -> None:
        """Use ``router``, which somebody else opens and closes.

        Args:
            router: the way to the servers.
            prefix: how every key begins.
            counts_ms: how long counts are kept after they last changed, milliseconds.
        """
        self._router = router
        self._prefix = f"{prefix}outcomes:{{"
        self._counts_ms = counts_ms
        self._script = Script(router, "outcomes")

    async def add(self, outcomes: Sequence[Outcome]) -> int:
        """Count those of ``outcomes`` that were not counted yet; answer how many these are."""
        groups: dict[tuple[str, str, int], list[Outcome]] = {}
        for outcome in outcomes:
            group = (outcome.campaign, outcome.day, outcome.at_ms // HORIZON_MS)
            groups.setdefault(group, []).append(outcome)
        fresh = 0
        for (campaign, day, stretch), together in groups.items():
            keys = [self._key(campaign, each) for each in (day, f"once:{stretch}")]
            keys.append(self._key(campaign, f"once:{stretch - 1}"))
            for start in range(0, len(together), AT_ONCE):
                fresh += await self._add(keys, together[start : start + AT_ONCE])
        return fresh

    async def _add(self, keys: list[str], outcomes: Sequence[Outcome]) -> int:
        told = chain.from_iterable(map(_arguments, outcomes))
        limits = (self._counts_ms, _MARKS_MS, MAX_FIELDS, BEYOND.encode())
        return await self._script.run(keys, *limits, *told)

    async def read(self, campaign: str, days: Sequence[str]) -> list[dict[str, int]]:
        """Answer field → count for each of ``days``."""
        found: list[dict[str, int]] = []
        for start in range(0, len(days), DAYS_AT_ONCE):
            keys = [self._key(campaign, day) for day in days[start : start + DAYS_AT_ONCE]]
            replies = await self._router.execute(keys[0], *(("HGETALL", key) for key in keys))
            found += map(_counts, replies)
        return found

    def _key(self, campaign: str, rest: str) -> str:
        return f"{self._prefix}{campaign}}}:{rest}"


def _arguments(outcome: Outcome) -> list[bytes | int]:
    mark = blake2b(outcome.mark.encode(), digest_size=_MARK_BYTES).digest()
    told: list[bytes | int] = [mark, len(outcome.adds)]
    for field, amount in outcome.adds:
        told += (field.encode(), amount)
    return told


def _counts(reply: Reply) -> dict[str, int]:
    """Read a hash, which is a mapping or a flat list, as the protocol's version has it."""
    pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    return {field.decode(): int(count) for field, count in pairs}
