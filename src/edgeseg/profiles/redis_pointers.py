"""Pointers: former ids of visitors that lead to the profile they were merged into.

A merge has two steps. First a script turns the former id's value into a pointer that
carries the profile behind it; from then on nobody folds or compacts it. Then the profile is
appended to the other one as a reserved event, and cut off the pointer. Whoever meets a
pointer that still carries something does the second step, so that a worker may die between
the two. The event names the pointer's generation: done twice, it counts once.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from edgeseg.clock import Clock
from edgeseg.errors import ProfileCorrupt, StoreError, StoreUnavailable
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles import codec
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.compaction import read_profile
from edgeseg.profiles.identity import is_known, staying_first
from edgeseg.profiles.merge import merged_event, tell
from edgeseg.profiles.redis_index import RedisIndex
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.router import Router
from edgeseg.profiles.script import Script

MAX_HOPS: Final = 16
"""Pointers in a row that are followed; each walk along them makes them shorter."""
_TRIES: Final = 16
_LONG_TAIL: Final = 4_096
"""Late lines behind a pointer are cut off beyond so many bytes; nobody reads them."""


_BUSY: Final = "the profiles are being merged by others; try again"


class _Step(NamedTuple):
    visitor_id: str
    pointer: StoredProfile


class Pointers:
    """Follows, makes and shortens pointers."""

    def __init__(
        self,
        behind: Router,
        retention: Retention,
        key_of: Callable[[str], str],
        quarantine_key_of: Callable[[str], str],
        index: RedisIndex,
        clock: Clock,
    ) -> None:
        """Work over ``behind``, which is not the connection of page views."""
        self._clock = clock
        self._index = index
        self._router = behind
        self._retention = retention
        self._key_of = key_of
        self._quarantine_key_of = quarantine_key_of
        self._point = Script(behind, "point")
        self._replace = Script(behind, "compact")
        self._remove = Script(behind, "remove")
        self._cut = Script(behind, "bury")

    async def merge(self, one_id: str, other_id: str, *, apart: bool) -> str:
        """Make two visitors one; answer the id that stays, see `staying_first`.

        With ``apart`` two known people stay two, and that of ``other_id`` is answered.

        Raises:
            StoreError: one of the two cannot be read, or the store does not answer.
        """
        for _ in range(_TRIES):
            one_id, other_id = await self.find(one_id), await self.find(other_id)
            if one_id == other_id or (apart and is_known(one_id) and is_known(other_id)):
                return other_id
            target_id, source_id = sorted((one_id, other_id), key=staying_first)
            if await self._point_to(source_id, target_id):
                continue  # carry the profile over, and see that all is well
            if await self._is_erased(source_id):
                return target_id
        raise StoreUnavailable(_BUSY)

    async def _point_to(self, source_id: str, target_id: str) -> int:
        pointer = codec.build_pointer(codec.next_generation(random.getrandbits(64)), "")
        return await self._point.run(
            [self._key_of(source_id)],
            pointer[: codec.MARK_BYTES],
            target_id.encode(),
            self._retention.cap_ms,
            self._empty_profile(),
        )

    async def drop(self, aliases: Sequence[str]) -> None:
        """Let these former ids lead nowhere."""
        for alias in aliases:
            stored = await self._get(alias)
            if stored is not None and stored.points_to:
                header = stored.header[: codec.MARK_BYTES]
                await self._remove.run([self._key_of(alias)], header)

    async def find(self, visitor_id: str) -> str:
        """Answer the id at which the profile of a visitor is, or would be.

        What the pointers on the way carry is part of that profile afterwards.
        """
        for _ in range(_TRIES):
            trail, end = await self._walk(visitor_id)
            if await self._settle(trail, end):
                return end
        raise StoreUnavailable(_BUSY)

    async def _walk(self, visitor_id: str) -> tuple[list[_Step], str]:
        """Answer the pointers on the way, and the first id that is none."""
        trail: list[_Step] = []
        while len(trail) <= MAX_HOPS:
            stored = await self._get(visitor_id)
            if stored is None or not stored.points_to:
                return trail, visitor_id
            trail.append(_Step(visitor_id, stored))
            visitor_id = stored.points_to
        raise StoreError(f"more than {MAX_HOPS} merged profiles in a row")

    async def _settle(self, trail: list[_Step], end: str) -> bool:
        """Empty the pointers and let each lead to the end; False if that moved meanwhile."""
        for step in reversed(trail):
            if step.pointer.carried and not await self._carry(step, end):
                return False
            is_long = len(step.pointer.tail) > _LONG_TAIL
            if step.pointer.carried or step.pointer.points_to != end or is_long:
                await self._shorten(step, end, cut=is_long)
        return True

    async def _carry(self, step: _Step, end: str) -> bool:
        """Append what a pointer carries to the profile at ``end``."""
        try:
            tell(codec.parse_value(step.pointer.carried), EMPTY_PLAN)
        except ProfileCorrupt:
            await self._put_aside(step)
            return True
        generation = codec.generation_of(step.pointer.header).decode()
        event = merged_event(step.visitor_id, end, generation, step.pointer.carried, self._clock())
        key, line = self._key_of(end), codec.encode_lines([event])
        replies = await self._router.execute(
            key,
            ("SET", key, self._empty_profile(), "NX", "PX", self._retention.first_ttl_ms),
            ("APPEND", key, line),
            ("GET", key),
        )
        found = codec.parse_value(replies[2])
        if found.erased:
            await self._cut.run([key], found.header)
            await self._bury(step)
        # Behind a pointer the line is lost; before it became one, the line went along.
        return not (found.points_to and line in found.tail)

    async def _shorten(self, step: _Step, end: str, *, cut: bool) -> None:
        pointer = step.pointer
        seen = pointer.size if cut else pointer.size - len(pointer.tail)
        value = codec.build_pointer(codec.generation_of(pointer.header), end)
        key = self._key_of(step.visitor_id)
        await self._replace.run([key], pointer.header, seen, value, self._retention.cap_ms)

    async def _bury(self, step: _Step) -> None:
        """The other profile was erased meanwhile: so is this one."""
        tombstone = codec.build_tombstone(codec.next_generation(random.getrandbits(64)))
        pointer = step.pointer
        await self._replace.run(
            [self._key_of(step.visitor_id)],
            pointer.header,
            pointer.size,
            tombstone,
            self._retention.grace_ms,
        )
        profile = read_profile(codec.parse_value(pointer.carried), EMPTY_PLAN).profile
        for entry in profile.index_entries:
            await self._index.remove(entry, step.visitor_id, *profile.aliases)

    async def _put_aside(self, step: _Step) -> None:
        key = self._quarantine_key_of(step.visitor_id)
        keep_ms = self._retention.quarantine_ms
        await self._router.execute(key, ("SET", key, step.pointer.carried, "PX", keep_ms))

    async def _get(self, visitor_id: str) -> StoredProfile | None:
        key = self._key_of(visitor_id)
        (value,) = await self._router.execute(key, ("GET", key))
        return None if value is None else codec.parse_value(value)

    async def _is_erased(self, visitor_id: str) -> bool:
        stored = await self._get(visitor_id)
        return stored is not None and stored.erased

    def _empty_profile(self) -> bytes:
        return codec.build_header(codec.fresh_generation(self._clock(), random.getrandbits(20)))
