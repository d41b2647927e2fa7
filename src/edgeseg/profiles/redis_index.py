"""The index: which visitors an e-mail address, as a keyed hash, belongs to.

Keys (``{prefix}`` is the constructor's)::

    {prefix}i:{ENTRY}   a set of visitor ids
"""

from collections.abc import Sequence
from typing import Final

from edgeseg.profiles.router import Router

MAX_VISITORS: Final = 100
"""Visitors under one entry; more are not indexed."""


class RedisIndex:
    """Entries of the index in Redis."""

    def __init__(self, router: Router, prefix: str, ttl_ms: int) -> None:
        """Keep entries for ``ttl_ms`` after the latest addition."""
        self._router = router
        self._prefix = prefix
        self._ttl_ms = ttl_ms

    async def add(self, entry: str, visitor_id: str) -> None:
        """Let ``entry`` name a visitor, if it does not name too many already."""
        key = self._key(entry)
        added, _expires, count = await self._router.execute(
            key, ("SADD", key, visitor_id), ("PEXPIRE", key, self._ttl_ms), ("SCARD", key)
        )
        if added and count > MAX_VISITORS:
            await self._router.execute(key, ("SREM", key, visitor_id))

    async def rename(self, entry: str, former_ids: Sequence[str], visitor_id: str) -> None:
        """Let ``entry`` name ``visitor_id`` in place of ``former_ids``, if it names one of them."""
        key = self._key(entry)
        (found,) = await self._router.execute(key, ("SREM", key, *former_ids))
        if found:
            await self.add(entry, visitor_id)

    async def look_up(self, entry: str) -> list[str]:
        """Answer the visitors that ``entry`` names, in no order."""
        key = self._key(entry)
        (members,) = await self._router.execute(key, ("SMEMBERS", key))
        return [member.decode() for member in members]

    async def remove(self, entry: str, *visitor_ids: str) -> None:
        """Let ``entry`` no longer name these visitors."""
        key = self._key(entry)
        await self._router.execute(key, ("SREM", key, *visitor_ids))

    def _key(self, entry: str) -> str:
        return f"{self._prefix}i:{{{entry}}}"
