"""Lists in memory, for tests and for reading what the port means."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec

from edgeseg.errors import TooLargeError
from edgeseg.events.event import LISTS_ADDED, LISTS_REMOVED, Event
from edgeseg.profiles.list_store import MAX_LISTS, Applied, ListStatus


class MemoryLists:
    """The port `ListStore` over dictionaries.

    Attributes:
        sets: those of others, by key.
    """

    def __init__(self, tell: Callable[[str, Event], Awaitable[bool]]) -> None:
        """Let ``tell`` add an event to a visitor's profile, and answer whether there is one."""
        self._tell = tell
        self._lists: dict[str, ListStatus] = {}
        self._members: dict[str, set[str]] = {}
        self._applied: dict[str, set[str]] = {}
        self.sets: dict[str, set[bytes]] = {}

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
        if name not in self._lists and len(self._lists) >= MAX_LISTS:
            message = f"there are {MAX_LISTS} lists already; remove one"
            raise TooLargeError(message, field="name")
        self._members[name] = {visitor_id async for ids in members for visitor_id in ids}
        told = {"source": source, "mark": mark, "tag": tag, "error": ""}
        self._change(name, members=len(self._members[name]), put_ms=now_ms, **told)
        return len(self._members[name])

    async def confirm(self, name: str, *, now_ms: int) -> None:
        """Take note that the source of a list has not changed."""
        if name in self._lists:
            self._change(name, put_ms=now_ms, error="")

    async def fail(self, name: str, error: str) -> None:
        """Take note that the source of a list cannot be read."""
        self._change(name, error=error)

    async def read_set(self, key: str) -> AsyncIterator[Sequence[bytes]]:
        """Iterate over the members of one of `sets`."""
        yield [*self.sets.get(key, ())]

    async def apply(self, name: str, *, now_ms: int) -> Applied:
        """Let profiles say who is on the list."""
        members = self._members.get(name, set())
        applied = self._applied.setdefault(name, set())
        joining, leaving = members - applied, applied - members
        told = Event(LISTS_ADDED, now_ms, {"lists": [name]})
        added = {visitor_id for visitor_id in joining if await self._tell(visitor_id, told)}
        for visitor_id in leaving:
            await self._tell(visitor_id, Event(LISTS_REMOVED, now_ms, {"lists": [name]}))
        self._applied[name] = (applied | added) - leaving
        if name in self._lists:
            sizes = {"members": len(members), "applied": len(self._applied[name])}
            self._change(name, applied_ms=now_ms, **sizes)
        return Applied(added=len(added), removed=len(leaving), waiting=len(joining) - len(added))

    async def remove(self, name: str, *, now_ms: int) -> bool:
        """Take everybody off a list and forget it."""
        if name not in self._lists:
            return False
        self._members.pop(name, None)
        await self.apply(name, now_ms=now_ms)
        del self._lists[name]
        return True

    async def all(self) -> list[ListStatus]:
        """Answer the lists, by name."""
        return [self._lists[name] for name in sorted(self._lists)]

    async def claim(self, for_ms: int) -> bool:  # noqa: ARG002 - there is nobody else
        """Answer True: there is one process."""
        return True

    async def forget(self, visitor_ids: Sequence[str]) -> None:
        """Take erased visitors out of all lists."""
        for ids in (*self._members.values(), *self._applied.values()):
            ids.difference_update(visitor_ids)

    def _change(self, name: str, **what: int | str) -> None:
        known = self._lists.get(name, ListStatus(name=name))
        self._lists[name] = msgspec.structs.replace(known, **what)
