"""Lists in Redis: sets of visitor ids, in shards, beside what profiles say already.

Keys (``{prefix}`` is the constructor's), all of one shard in one slot::

    {prefix}list:{NAME.SHARD}            a set: the members
    {prefix}list:{NAME.SHARD}:applied    a set: those whose profile says so
    {prefix}list:{NAME.SHARD}:next:TURN  a set: the members to be, while they arrive

    {prefix}lists:claim                  there while somebody looks after all lists

and the note ``lists``, a JSON list of `ListStatus`.
"""

import asyncio
import secrets
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Final

import msgspec

from edgeseg.clock import DAY_MS, HOUR_MS
from edgeseg.errors import (
    InputError,
    StoreError,
    StoreOverloaded,
    StoreTimeout,
    StoreUnavailable,
    TooLargeError,
)
from edgeseg.events.event import LISTS_ADDED, LISTS_REMOVED, Event
from edgeseg.profiles import codec
from edgeseg.profiles.list_store import MAX_LISTS, MAX_MEMBERS, Applied, ListStatus
from edgeseg.profiles.router import Router
from edgeseg.profiles.script import Script
from edgeseg.profiles.shared_note import SharedNote

SHARDS: Final = 64
KEPT_MS: Final = 400 * DAY_MS
"""A list that was neither put nor applied for so long is gone."""
_PORTION: Final = 200
_SCANNED: Final = 1_000
_PAUSE_S: Final = 0.002
"""Between portions, so that page views have their turn."""
_MERGED: Final = 2
_PASSING: Final = (StoreUnavailable, StoreTimeout, StoreOverloaded)
_decoder = msgspec.json.Decoder(list[ListStatus])


class RedisLists:
    """The port `ListStore` over Redis."""

    def __init__(
        self,
        router: Router,
        prefix: str,
        key_of: Callable[[str], str],
        find: Callable[[str], Awaitable[str]],
    ) -> None:
        """Work over ``router``, which is not that of page views.

        Args:
            router: of the connection.
            prefix: how every key begins.
            key_of: visitor id → key of the profile.
            find: answers the id that a former one leads to.
        """
        self._router = router
        self._prefix = prefix
        self._key_of = key_of
        self._find = find
        self._append = Script(router, "append_known")
        self._note = SharedNote(router, f"{prefix}note:{{lists}}", KEPT_MS)

    async def put(
        self,
        name: str,
        members: AsyncIterator[Sequence[str]],
        *,
        now_ms: int,
        source: str = "",
        mark: str = "",
        tag: str = "",
    ) -> int:
        """Replace the members of a list; answer how many they are."""
        await self._check_room(name)
        turn = secrets.token_hex(8)
        arrived = 0
        async for portion in members:
            arrived += len(portion)
            if arrived > MAX_MEMBERS:
                message = f"a list has at most {MAX_MEMBERS:,} members"
                raise TooLargeError(message, field="members")
            await self._collect(name, turn, portion)
        await asyncio.gather(*(self._take_over(name, shard, turn) for shard in range(SHARDS)))
        count = await self._count(name, "")
        told = {"source": source, "mark": mark, "tag": tag, "error": ""}
        await self._set_status(name, members=count, put_ms=now_ms, **told)
        return count

    async def confirm(self, name: str, *, now_ms: int) -> None:
        """Take note that the source of a list has not changed."""
        await self._change_status(name, put_ms=now_ms, error="")

    async def fail(self, name: str, error: str) -> None:
        """Take note that the source of a list cannot be read."""
        await self._check_room(name)
        await self._set_status(name, error=error)

    async def read_set(self, key: str) -> AsyncIterator[Sequence[bytes]]:
        """Iterate over the members of a set that others keep."""
        cursor = b"0"
        while True:
            try:
                ((cursor, members),) = await self._router.execute(
                    key, ("SSCAN", key, cursor, "COUNT", _SCANNED)
                )
            except _PASSING:
                raise
            except StoreError as error:  # WRONGTYPE, NOPERM
                raise InputError(f"the set cannot be read: {error}", field="redis_set") from error
            yield members
            if int(cursor) == 0:
                return

    async def apply(self, name: str, *, now_ms: int) -> Applied:
        """Let profiles say who is on the list."""
        done = Applied()
        for shard in range(SHARDS):
            one = await self._apply_shard(name, shard, now_ms)
            done = Applied(
                added=done.added + one.added,
                removed=done.removed + one.removed,
                waiting=done.waiting + one.waiting,
            )
        members, applied = await self._count(name, ""), await self._count(name, ":applied")
        await self._change_status(name, members=members, applied=applied, applied_ms=now_ms)
        return done

    async def remove(self, name: str, *, now_ms: int) -> bool:
        """Take everybody off a list and forget it."""
        if name not in {each.name for each in await self.all()}:
            return False
        for shard in range(SHARDS):
            key = self._key(name, shard)
            await self._router.execute(key, ("DEL", key))
        await self.apply(name, now_ms=now_ms)
        await self._change(lambda known: [each for each in known if each.name != name])
        return True

    async def all(self) -> list[ListStatus]:
        """Answer the lists, by name."""
        text = await self._note.read()
        return _decoder.decode(text) if text else []

    async def claim(self, for_ms: int) -> bool:
        """Answer whether to look after all lists now."""
        key = f"{self._prefix}lists:claim"
        (done,) = await self._router.execute(key, ("SET", key, "1", "NX", "PX", for_ms))
        return done is not None

    async def forget(self, visitor_ids: Sequence[str]) -> None:
        """Take erased visitors out of all lists."""
        for each in await self.all():
            for visitor_id in visitor_ids:
                key = self._key(each.name, _shard_of(visitor_id))
                await self._router.execute(
                    key, ("SREM", key, visitor_id), ("SREM", f"{key}:applied", visitor_id)
                )

    async def _check_room(self, name: str) -> None:
        known = {each.name for each in await self.all()}
        if name not in known and len(known) >= MAX_LISTS:
            message = f"there are {MAX_LISTS} lists already; remove one"
            raise TooLargeError(message, field="name")

    async def _collect(self, name: str, turn: str, portion: Iterable[str]) -> None:
        shards: dict[int, list[str]] = {}
        for visitor_id in portion:
            shards.setdefault(_shard_of(visitor_id), []).append(visitor_id)
        for shard, ids in shards.items():
            key = f"{self._key(name, shard)}:next:{turn}"
            await self._router.execute(key, ("SADD", key, *ids), ("PEXPIRE", key, HOUR_MS))

    async def _take_over(self, name: str, shard: int, turn: str) -> None:
        key = self._key(name, shard)
        arriving = f"{key}:next:{turn}"
        (count,) = await self._router.execute(key, ("SCARD", arriving))
        if count:
            commands = (("RENAME", arriving, key), ("PEXPIRE", key, KEPT_MS))
            await self._router.execute(key, *commands)
        else:
            await self._router.execute(key, ("DEL", key))

    async def _apply_shard(self, name: str, shard: int, now_ms: int) -> Applied:
        key = self._key(name, shard)
        applied = f"{key}:applied"
        joining, leaving = await self._router.execute(
            key, ("SDIFF", key, applied), ("SDIFF", applied, key)
        )
        added = 0
        for portion in _portions(joining):
            told = await self._tell_profiles(portion, LISTS_ADDED, name, now_ms)
            if told:
                added += len(told)
                await self._router.execute(key, ("SADD", applied, *told))
        for portion in _portions(leaving):
            await self._tell_profiles(portion, LISTS_REMOVED, name, now_ms)
            await self._router.execute(key, ("SREM", applied, *portion))
        await self._router.execute(key, ("PEXPIRE", key, KEPT_MS), ("PEXPIRE", applied, KEPT_MS))
        return Applied(added=added, removed=len(leaving), waiting=len(joining) - added)

    async def _tell_profiles(
        self, visitor_ids: Sequence[bytes], event: str, name: str, now_ms: int
    ) -> list[bytes]:
        """Append a change of a list to profiles; answer the ids of those that there are."""
        lines = codec.encode_lines([Event(event, now_ms, {"lists": [name]})])
        done = await asyncio.gather(*(self._tell_one(id_.decode(), lines) for id_ in visitor_ids))
        await asyncio.sleep(_PAUSE_S)
        return [id_ for id_, is_told in zip(visitor_ids, done, strict=True) if is_told]

    async def _tell_one(self, visitor_id: str, lines: bytes) -> bool:
        answer = await self._append.run([self._key_of(visitor_id)], lines)
        if answer == _MERGED:
            found_at = await self._find(visitor_id)
            answer = await self._append.run([self._key_of(found_at)], lines)
        return answer == 1

    async def _count(self, name: str, suffix: str) -> int:
        keys = [self._key(name, shard) + suffix for shard in range(SHARDS)]
        counts = await asyncio.gather(*(self._router.execute(key, ("SCARD", key)) for key in keys))
        return sum(count for (count,) in counts)

    async def _set_status(self, name: str, **what: int | str) -> None:
        def change(known: list[ListStatus]) -> list[ListStatus]:
            named = {each.name: each for each in known}
            named[name] = msgspec.structs.replace(named.get(name, ListStatus(name=name)), **what)
            return [named[key] for key in sorted(named)]

        await self._change(change)

    async def _change_status(self, name: str, **what: int | str) -> None:
        """Change a status that is there: a list may have been removed meanwhile."""
        replace = msgspec.structs.replace
        await self._change(
            lambda known: [replace(each, **what) if each.name == name else each for each in known]
        )

    async def _change(self, change: Callable[[list[ListStatus]], list[ListStatus]]) -> None:
        await self._note.change(
            lambda text: msgspec.json.encode(change(_decoder.decode(text) if text else []))
        )

    def _key(self, name: str, shard: int) -> str:
        return f"{self._prefix}list:{{{name}.{shard}}}"


def _shard_of(visitor_id: str) -> int:
    return zlib.crc32(visitor_id.encode()) % SHARDS


def _portions(ids: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (ids[start : start + _PORTION] for start in range(0, len(ids), _PORTION))
