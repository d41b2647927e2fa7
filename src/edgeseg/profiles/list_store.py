"""The port to wherever lists are kept: named groups of visitors that somebody else decides on.

A list has members, as it was put; a profile says which lists its visitor is on, so that a
page view needs no other key. `apply` brings the two together, and works on differences only.
One conformance suite (``tests/conformance/test_lists.py``) runs over every implementation.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

import msgspec

MAX_LISTS: Final = 100
MAX_MEMBERS: Final = 5_000_000
"""Of one list."""


class ListStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One list.

    Attributes:
        members: as it was put.
        applied: members whose profile says so; the others have none (yet).
        put_ms: when it was put, or its source last said that nothing has changed.
        applied_ms: when it was last applied, 0 for never.
        source: where it was put from, "" for a call.
        mark: which state of the source that was, as we tell it.
        tag: the same as the source calls it, "" where it does not.
        error: why the source could not be read lately, "" where it could.
    """

    name: str
    members: int = 0
    applied: int = 0
    put_ms: int = 0
    applied_ms: int = 0
    source: str = ""
    mark: str = ""
    tag: str = ""
    error: str = ""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What `apply` did: profiles that came to be on the list, left it, or are awaited."""

    added: int = 0
    removed: int = 0
    waiting: int = 0


class ListStore(Protocol):
    """Keeps lists. Every method raises `StoreError` when the store does not do its work."""

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
        """Replace the members of a list by those given, portion by portion; answer how many.

        Whatever ends it early leaves the list as it was.

        Raises:
            TooLargeError: there are too many, or too many lists.
        """
        ...

    async def confirm(self, name: str, *, now_ms: int) -> None:
        """Take note that the source of a list still says what it said when it was put.

        A list that was removed stays removed.
        """
        ...

    async def fail(self, name: str, error: str) -> None:
        """Take note that the source of a list cannot be read; its members stay."""
        ...

    def read_set(self, key: str) -> AsyncIterator[Sequence[bytes]]:
        """Iterate over the members of a set that others keep in the same store, none if absent.

        ``key`` is taken as it is, without a prefix. A member may be told twice.

        Raises:
            InputError: it is no set, or may not be read.
        """
        ...

    async def apply(self, name: str, *, now_ms: int) -> Applied:
        """Let the profiles of members say so, and those of others no longer.

        A visitor without a profile is not made one: nobody knows of a consent. They are on the
        list at the first `apply` after their profile was made. May be ended at any time.
        A list that was removed stays removed.
        """
        ...

    async def remove(self, name: str, *, now_ms: int) -> bool:
        """Take everybody off a list and forget it; answer whether there was one."""
        ...

    async def all(self) -> list[ListStatus]:
        """Answer the lists, by name."""
        ...

    async def claim(self, for_ms: int) -> bool:
        """Answer whether to look after all lists now; one process in ``for_ms`` is told to."""
        ...

    async def forget(self, visitor_ids: Sequence[str]) -> None:
        """Take erased visitors out of the members of all lists."""
        ...
