"""A sweep: all stored profiles, page by page, made to follow the present rules.

A page is a place of ``SCAN`` in one server. It means something only as long as that server
lives, since after a restart its table is in another order; so a page names the server's
life, too (``run_id`` of ``INFO``).
"""

import asyncio
import logging
import random
import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final, NamedTuple, TypeAlias

import hiredis

from edgeseg.errors import ProfileCorrupt, ProfileTooNew, StoreError, StoreUnavailable
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.catch_up import catch_up
from edgeseg.profiles.connection import Redirected, Reply
from edgeseg.profiles.multiplexer import Multiplexer
from edgeseg.profiles.profile import Profile
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.router import Router
from edgeseg.profiles.script import Script, is_unknown
from edgeseg.profiles.shared_note import SharedNote
from edgeseg.profiles.walk import escape_glob

START: Final = "0"
_LIFE: Final = re.compile(rb"run_id:(\w+)")
_KEYS: Final = re.compile(rb"keys=(\d+)")
_log = logging.getLogger(__name__)


class Standing(Enum):
    """How one profile stands to the rules, once it was visited."""

    CURRENT = auto()
    """It follows the rules already."""
    CAUGHT_UP = auto()
    """It does now."""
    BUSY = auto()
    """It changed at this very moment; its next page view does it."""
    UNREADABLE = auto()
    """It is damaged, or of a newer version of edgeseg, and left as it is."""
    GONE = auto()
    """There is no profile any more."""


class Visited(NamedTuple):
    """One stored profile; ``profile`` by the present rules, None where there is none."""

    visitor_id: str
    profile: Profile | None
    standing: Standing


class Place(NamedTuple):
    """Where a walk through one server stands."""

    node: str
    life: str
    cursor: str


_Change: TypeAlias = tuple[bytes, int, bytes]
"""The header and the size of the value that was read, and the new value."""


class RedisSweep:
    """Reads and replaces stored profiles in bulk, over connections of its own."""

    def __init__(self, router: Router, prefix: str, retention: Retention) -> None:
        """Work over ``router``, which belongs to the sweep from now on; see `close`."""
        self._router = router
        self._prefix = prefix
        self._profile_prefix = f"{prefix}p:{{"
        self._pattern = escape_glob(self._profile_prefix) + "*"
        self._retention = retention
        self._replace = Script(router, "compact")

    def note(self, name: str) -> SharedNote:
        """Answer the text of this name that all processes of the installation share."""
        return SharedNote(self._router, f"{self._prefix}note:{{{name}}}")

    async def open(self) -> None:
        """Connect."""
        await self._router.open()

    async def close(self) -> None:
        """Disconnect."""
        await self._router.close()

    async def places(self) -> list[Place]:
        """Answer where a walk through each server begins.

        Raises:
            StoreError: one does not answer.
        """
        lives = await asyncio.gather(*map(_read_life, self._router.masters()))
        return [
            Place(_name_of(master), life, START)
            for master, life in zip(self._router.masters(), lives, strict=True)
        ]

    async def count_keys(self) -> int:
        """Answer how many keys the servers hold, profiles and others."""
        masters = self._router.masters()
        texts = await asyncio.gather(*(each.execute(("INFO", "keyspace")) for each in masters))
        return sum(int(number) for (text,) in texts for number in _KEYS.findall(text))

    async def probe(self) -> None:
        """Return as soon as every server has answered."""
        await asyncio.gather(*(each.execute(("PING",)) for each in self._router.masters()))

    async def scan(self, place: Place, count: int) -> tuple[Place | None, list[str]]:
        """Answer the next place, None at the end, and the keys of the profiles between.

        Of a server that has begun another life since, that is its start, without keys.

        Raises:
            StoreUnavailable: there is no such server any more.
            StoreError: it does not answer.
        """
        master = self._master(place.node)
        life = await _read_life(master)
        if life != place.life:
            return Place(place.node, life, START), []
        command = ("SCAN", place.cursor, "MATCH", self._pattern, "COUNT", count, "TYPE", "string")
        ((cursor, keys),) = await master.execute(command)
        ended = cursor == START.encode()
        return None if ended else place._replace(cursor=cursor.decode()), [k.decode() for k in keys]

    async def visit(
        self, place: Place, keys: Sequence[str], *, plan: MetricPlan, now_ms: int
    ) -> list[Visited]:
        """Make profiles follow ``plan``; events that are recorded meanwhile stay.

        Args:
            place: where ``keys`` were found.
            keys: of profiles, as many as may be held in memory.
            plan: what to remember.
            now_ms: the present instant.

        Raises:
            StoreError: the store does not answer.
        """
        values = await self._get(place, keys)
        visited: list[Visited] = []
        changed: list[tuple[int, str, _Change]] = []
        for key, value in zip(keys, values, strict=True):
            visitor_id = key[len(self._profile_prefix) : -1]
            try:
                found, change = self._judge(visitor_id, value, plan, now_ms)
            except (ProfileCorrupt, ProfileTooNew) as error:
                _log.warning("a stored profile cannot be read: %s", error)
                found, change = Visited(visitor_id, None, Standing.UNREADABLE), None
            if change is not None:
                changed.append((len(visited), key, change))
            visited.append(found)
        done = await self._put(place, [(key, change) for _, key, change in changed])
        for (index, _key, _change), is_done in zip(changed, done, strict=True):
            if not is_done:
                visited[index] = visited[index]._replace(standing=Standing.BUSY)
        return visited

    def _judge(
        self, visitor_id: str, value: Reply, plan: MetricPlan, now_ms: int
    ) -> tuple[Visited, _Change | None]:
        stored = None if value is None else codec.parse_value(value)
        if stored is None or not stored.is_profile or not stored.header:
            return Visited(visitor_id, None, Standing.GONE), None
        generation = codec.next_generation(random.getrandbits(64))
        profile, new = catch_up(stored, plan, self._retention, now_ms=now_ms, generation=generation)
        if new is None:
            return Visited(visitor_id, profile, Standing.CURRENT), None
        return Visited(visitor_id, profile, Standing.CAUGHT_UP), (stored.header, stored.size, new)

    async def _put(self, place: Place, changes: Sequence[tuple[str, _Change]]) -> list[bool]:
        """Answer which of the profiles were replaced: those that nobody has changed since."""
        if not changes:
            return []
        commands = [self._replace.command([key], *change, 0) for key, change in changes]
        replies: list[Reply] = [None] * len(commands)
        try:
            replies = await self._master(place.node).execute(*commands)
        except Redirected as error:  # some of them move just now
            replies = error.replies
        except StoreError as error:
            if not is_unknown(error):
                raise
        for index, (key, change) in enumerate(changes):
            if not isinstance(replies[index], int):
                replies[index] = await self._replace.run([key], *change, 0)
        return [bool(reply) for reply in replies]

    async def _get(self, place: Place, keys: Sequence[str]) -> list[Reply]:
        if not keys:
            return []
        try:
            return await self._master(place.node).execute(*(("GET", key) for key in keys))
        except Redirected as error:
            values = error.replies
        for index, key in enumerate(keys):  # some of them move just now
            if isinstance(values[index], hiredis.ReplyError):
                (values[index],) = await self._router.execute(key, ("GET", key))
        return values

    def _master(self, name: str) -> Multiplexer:
        for master in self._router.masters():
            if _name_of(master) == name:
                return master
        raise StoreUnavailable(f"{name} is no master any more")


def _name_of(master: Multiplexer) -> str:
    address = master.address
    if address is None:
        raise StoreUnavailable("a server of the store has not been reached yet")
    return address.path or f"{address.host}:{address.port}"


async def _read_life(master: Multiplexer) -> str:
    try:
        (text,) = await master.execute(("INFO", "server"))
    except StoreError as error:
        if "NOPERM" in str(error):
            message = "the store's account may not do INFO, which this needs: ACL ... +info"
            raise StoreError(message) from error
        raise
    found = _LIFE.search(text)
    return found[1].decode() if found else ""
