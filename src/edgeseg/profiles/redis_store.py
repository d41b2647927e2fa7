"""Profiles in Redis (or Valkey): append the events, read the value, fold it here.

Keys, both in the slot of the visitor (``{prefix}`` is the constructor's)::

    {prefix}p:{VISITOR}            the profile, see `codec`
    {prefix}quarantine:{VISITOR}   a corrupt value that was there before
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Final

from edgeseg.errors import ProfileCorrupt, StoreError
from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.address import parse_location
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.compaction import read_history, read_profile
from edgeseg.profiles.connection import Command, ConnectionLimits, Reply
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.redis_connect import build_router
from edgeseg.profiles.redis_upkeep import Upkeep
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.router import Router
from edgeseg.profiles.walk import walk_keys

_DEFAULT_RETENTION: Final = Retention()
_DEFAULT_LIMITS: Final = ConnectionLimits()


class RedisStore:
    """The port `ProfileStore` over Redis.

    Attributes:
        upkeep: the work behind the page views, with its counts.
    """

    def __init__(
        self,
        router: Router,
        behind: Router,
        *,
        prefix: str = "edgeseg:",
        retention: Retention = _DEFAULT_RETENTION,
    ) -> None:
        """Use ``router`` for page views and ``behind`` for scripts and walks.

        They belong to the store from now on; `close` closes them.
        """
        self._router = router
        self._behind = behind
        self._retention = retention
        self._profile_prefix = f"{prefix}p:{{"
        self._quarantine_prefix = f"{prefix}quarantine:{{"
        self.upkeep = Upkeep(behind, retention)

    async def record(
        self, visitor_id: str, events: Sequence[Event], *, plan: MetricPlan, now_ms: int
    ) -> Profile:
        """Add ``events`` and answer the profile with them folded in."""
        key = self._key(visitor_id)
        fresh = codec.build_header(codec.fresh_generation(now_ms, random.getrandbits(20)))
        replies = await self._execute(
            visitor_id,
            ("SET", key, fresh, "NX", "PX", self._retention.first_ttl_ms),
            ("APPEND", key, codec.encode_lines(events)),
            ("GET", key),
        )
        stored = self._parse(visitor_id, replies[2])
        if stored is None or stored.erased:
            if stored is not None:
                self.upkeep.bury(key, stored.header)
            return fold(EMPTY_PROFILE, events, plan)
        profile, refreshed_ms = self._read(visitor_id, stored, plan)
        if not stored.header:
            self.upkeep.mend(key, now_ms)
        elif self._retention.is_due(stored.tail_count, refreshed_ms, now_ms):
            self.upkeep.compact(key, stored, plan, now_ms)
        return profile

    async def read(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the profile without changing anything, None where there is none."""
        stored = await self._get(visitor_id)
        return None if stored is None else self._read(visitor_id, stored, plan)[0]

    async def history(self, visitor_id: str) -> tuple[Event, ...]:
        """Answer the retained events of the visitor, oldest first."""
        stored = await self._get(visitor_id)
        if stored is None:
            return ()
        try:
            return read_history(stored)
        except ProfileCorrupt:
            self._put_aside(visitor_id, stored.header + stored.snapshot + stored.tail)
            raise

    async def erase(self, visitor_id: str) -> bool:
        """Put a tombstone in the place of all that is stored of the visitor."""
        key = self._key(visitor_id)
        tombstone = codec.build_tombstone(codec.next_generation(random.getrandbits(64)))
        try:
            mark, _, quarantined = await self._router.execute(
                key,
                ("GETRANGE", key, 0, 0),
                ("SET", key, tombstone, "PX", self._retention.grace_ms),
                ("DEL", self._quarantine_key(visitor_id)),
            )
        except StoreError as error:
            if _is_wrong_type(error):
                return True  # only the look at what was there failed
            raise
        return mark not in (b"", codec.TOMBSTONE_MARK) or quarantined > 0

    async def visitor_ids(self) -> AsyncIterator[str]:
        """Iterate over the ids of all stored profiles.

        An id may be named twice, and profiles that come or go meanwhile need not be named.
        """
        async for key in walk_keys(self._behind, self._profile_prefix):
            yield key[len(self._profile_prefix) : -1]

    async def open(self) -> None:
        """Connect; a server that does not answer yet is tried again in the background."""
        await asyncio.gather(self._router.open(), self._behind.open())

    async def ping(self) -> None:
        """Return if the store answers."""
        await asyncio.gather(*(each.execute(("PING",)) for each in self._router.masters()))

    async def close(self) -> None:
        """Finish what is under way, then let go of the connections."""
        await self.upkeep.drain()
        await self._router.close()
        await self._behind.close()

    async def _get(self, visitor_id: str) -> StoredProfile | None:
        """Answer what is stored and not erased."""
        replies = await self._execute(visitor_id, ("GET", self._key(visitor_id)))
        stored = self._parse(visitor_id, replies[0])
        return None if stored is None or stored.erased else stored

    async def _execute(self, visitor_id: str, *commands: Command) -> list[Reply]:
        try:
            return await self._router.execute(self._key(visitor_id), *commands)
        except StoreError as error:
            if not _is_wrong_type(error):
                raise
            self._put_aside(visitor_id, b"")
            raise ProfileCorrupt("the key of the profile holds no string") from error

    def _parse(self, visitor_id: str, value: bytes | None) -> StoredProfile | None:
        if value is None:
            return None
        try:
            return codec.parse_value(value)
        except ProfileCorrupt:
            self._put_aside(visitor_id, value)
            raise

    def _read(
        self, visitor_id: str, stored: StoredProfile, plan: MetricPlan
    ) -> tuple[Profile, int]:
        """Answer the profile and when its expiry was last set."""
        try:
            return read_profile(stored, plan)
        except ProfileCorrupt:
            self._put_aside(visitor_id, stored.header + stored.snapshot + stored.tail)
            raise

    def _put_aside(self, visitor_id: str, value: bytes) -> None:
        self.upkeep.quarantine(self._key(visitor_id), self._quarantine_key(visitor_id), value)

    def _key(self, visitor_id: str) -> str:
        return f"{self._profile_prefix}{visitor_id}}}"

    def _quarantine_key(self, visitor_id: str) -> str:
        return f"{self._quarantine_prefix}{visitor_id}}}"


def build_redis_store(
    url: str,
    *,
    prefix: str = "edgeseg:",
    retention: Retention = _DEFAULT_RETENTION,
    limits: ConnectionLimits = _DEFAULT_LIMITS,
    aside_timeout_s: float = 1.0,
) -> RedisStore:
    """Answer a store over the server at ``url``, not connected before its `open`.

    Raises:
        SettingsError: the form of the address is not supported.
    """
    location = parse_location(url)
    patient = ConnectionLimits(timeout_s=aside_timeout_s, stall_s=2 * aside_timeout_s)
    return RedisStore(
        build_router(location, limits),
        build_router(location, patient),
        prefix=prefix,
        retention=retention,
    )


async def open_redis_store(
    url: str,
    *,
    prefix: str = "edgeseg:",
    retention: Retention = _DEFAULT_RETENTION,
    limits: ConnectionLimits = _DEFAULT_LIMITS,
    aside_timeout_s: float = 1.0,
) -> RedisStore:
    """Answer `build_redis_store`'s, connected if the server answers."""
    store = build_redis_store(
        url, prefix=prefix, retention=retention, limits=limits, aside_timeout_s=aside_timeout_s
    )
    await store.open()
    return store


def _is_wrong_type(error: StoreError) -> bool:
    return str(error).startswith("WRONGTYPE")
