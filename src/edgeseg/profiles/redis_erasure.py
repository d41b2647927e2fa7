"""Erase a visitor: the profile, the ids that lead to it, and where the index names it."""

import random
from collections.abc import Awaitable, Callable, Collection, Sequence

from edgeseg.errors import ProfileCorrupt, ProfileTooNew, StoreError
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles import codec
from edgeseg.profiles.compaction import read_profile
from edgeseg.profiles.connection import Reply
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.redis_index import RedisIndex
from edgeseg.profiles.redis_pointers import Pointers
from edgeseg.profiles.router import Router
from edgeseg.profiles.script import Script


class Erasure:
    """Puts tombstones where something was."""

    def __init__(
        self,
        behind: Router,
        pointers: Pointers,
        index: RedisIndex,
        key_of: Callable[[str], str],
        quarantine_key_of: Callable[[str], str],
        forget: Callable[[Sequence[str]], Awaitable[None]],
        grace_ms: int,
    ) -> None:
        """Erase over ``behind``, which is not the connection of page views.

        ``forget`` takes visitors out of lists. Writes are turned away for ``grace_ms``, where
        nobody says how long.
        """
        self._router = behind
        self._forget = forget
        self._erase = Script(behind, "erase")
        self._grace_ms = grace_ms
        self._pointers = pointers
        self._index = index
        self._key_of = key_of
        self._quarantine_key_of = quarantine_key_of

    async def run(self, visitor_id: str, away_ms: int) -> tuple[bool, set[str]]:
        """Erase all there is; answer whether there was anything, and the ids that are gone.

        Args:
            visitor_id: a present or a former id.
            away_ms: how long later writes are turned away; 0 for the time of grace, or longer
                where an erasure before said so.
        """
        there_was = False
        names = {visitor_id}
        pending = [visitor_id, await self._end_of(visitor_id)]
        while pending:
            current = pending.pop()
            names.add(current)
            await self._prepare(current, names)
            erased, pointed_to = await self._take(current, away_ms)
            pending += [pointed_to] if pointed_to else []
            there_was = there_was or erased is not None
            profile = erased or EMPTY_PROFILE
            for alias in profile.aliases:
                names.add(alias)
                await self._bury(alias, away_ms)
            for entry in profile.index_entries:
                await self._index.remove(entry, *names)
        return there_was, names

    async def _end_of(self, visitor_id: str) -> str:
        try:
            return await self._pointers.find(visitor_id)
        except (ProfileCorrupt, ProfileTooNew):
            return visitor_id
        except StoreError as error:
            if is_wrong_type(error):
                return visitor_id
            raise

    async def _prepare(self, visitor_id: str, names: Collection[str]) -> None:
        """Take out of the index and of lists what the profile alone tells.

        Should the erasure break off behind it, nobody would know when it is tried again.
        """
        key = self._key_of(visitor_id)
        try:
            (value,) = await self._router.execute(key, ("GET", key))
        except StoreError as error:
            if is_wrong_type(error):
                return
            raise
        profile = _profile_in(value)[0] or EMPTY_PROFILE
        for entry in profile.index_entries:
            await self._index.remove(entry, *names, *profile.aliases)
        if profile.aliases:
            await self._forget([*profile.aliases])

    async def _take(self, visitor_id: str, away_ms: int) -> tuple[Profile | None, str]:
        """Replace one value; answer the profile it was, and where it pointed to."""
        value, aside = await self._bury(visitor_id, away_ms)
        profile, points_to = _profile_in(value)
        return (EMPTY_PROFILE if profile is None and aside else profile), points_to

    async def _bury(self, visitor_id: str, away_ms: int) -> list[Reply]:
        """Replace one value; answer it, and whether another was put aside."""
        tombstone = codec.build_tombstone(codec.next_generation(random.getrandbits(64)))
        return await self._erase.run_with(
            [self._key_of(visitor_id)],
            tombstone,
            away_ms or self._grace_ms,
            int(not away_ms),
            then=[("DEL", self._quarantine_key_of(visitor_id))],
        )


def _profile_in(value: bytes | None) -> tuple[Profile | None, str]:
    """Answer the profile that a value has, an empty one if it is corrupt, and where it points."""
    points_to = ""
    if value is None:
        return None, points_to
    try:
        stored = codec.parse_value(value)
        points_to = stored.points_to
        if points_to and stored.carried:  # its entries of the index are not the other's yet
            stored = codec.parse_value(stored.carried)
        if stored.is_profile:
            return read_profile(stored, EMPTY_PLAN).profile, points_to
    except (ProfileCorrupt, ProfileTooNew):
        return EMPTY_PROFILE, points_to
    return None, points_to


def is_wrong_type(error: StoreError) -> bool:
    """Tell whether a key holds no string."""
    return str(error).startswith("WRONGTYPE")
