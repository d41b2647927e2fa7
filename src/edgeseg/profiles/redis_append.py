"""Events in bulk: appended to many profiles in one pipeline, none of which is read."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from edgeseg.errors import StoreError
from edgeseg.events.event import Event
from edgeseg.profiles import codec
from edgeseg.profiles.connection import Command, Reply
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.router import Router

LONG_VALUE: Final = 16_384
"""A value that has grown to so many bytes is looked at, and compacted if it is due."""
_PORTION: Final = 250
_COMMANDS: Final = 3


class Appended(NamedTuple):
    """Visitors who need more.

    Attributes:
        erased: who were erased a moment ago; what was appended is cut off again.
        others: erased, merged into another, without a header or long.
    """

    erased: set[str]
    others: list[str]


class Appender:
    """Appends over a connection that is not that of page views."""

    def __init__(self, router: Router, retention: Retention, key_of: Callable[[str], str]) -> None:
        """Work over ``router``; new profiles live as long as ``retention`` says."""
        self._router = router
        self._ttl_ms = retention.first_ttl_ms
        self._key_of = key_of

    async def append(self, happened: Mapping[str, Sequence[Event]], now_ms: int) -> Appended:
        """Append the events of each visitor, at once or not at all.

        Raises:
            StoreError: some may not be appended.
        """
        commands = {
            visitor_id: self._commands(visitor_id, events, now_ms)
            for visitor_id, events in happened.items()
        }
        if len(self._router.masters()) == 1:
            found = []
            for portion in _portions(commands):
                found += await self._together(portion)
        else:
            found = await self._each(commands)
        erased = {id_ for id_, replies in found if replies[2] == codec.TOMBSTONE_MARK}
        others = [
            id_
            for id_, (_made, size, mark) in found
            if mark != codec.PROFILE_MARK or size > LONG_VALUE
        ]
        return Appended(erased, others)

    def _commands(
        self, visitor_id: str, events: Sequence[Event], now_ms: int
    ) -> tuple[Command, ...]:
        key = self._key_of(visitor_id)
        fresh = codec.build_header(codec.fresh_generation(now_ms, random.getrandbits(20)))
        return (
            ("SET", key, fresh, "NX", "PX", self._ttl_ms),
            ("APPEND", key, codec.encode_lines(events)),
            ("GETRANGE", key, 0, 0),
        )

    async def _together(
        self, portion: Mapping[str, tuple[Command, ...]]
    ) -> list[tuple[str, list[Reply]]]:
        """Send all in one pipeline; where one of them fails, each for itself."""
        first = self._key_of(next(iter(portion)))
        try:
            replies = await self._router.execute(
                first, *(command for commands in portion.values() for command in commands)
            )
        except StoreError as error:
            if type(error) is not StoreError:  # nobody knows what was done: the caller repeats
                raise
            return await self._each(portion)
        return [
            (visitor_id, replies[place : place + _COMMANDS])
            for place, visitor_id in zip(range(0, len(replies), _COMMANDS), portion, strict=True)
        ]

    async def _each(
        self, portion: Mapping[str, tuple[Command, ...]]
    ) -> list[tuple[str, list[Reply]]]:
        replies = await asyncio.gather(
            *(
                self._router.execute(self._key_of(visitor_id), *commands)
                for visitor_id, commands in portion.items()
            ),
            return_exceptions=True,
        )
        found: list[tuple[str, list[Reply]]] = []
        for visitor_id, each in zip(portion, replies, strict=True):
            if isinstance(each, list):
                found.append((visitor_id, each))
            elif type(each) is StoreError:  # what is stored there is no text
                found.append((visitor_id, [None, 0, b""]))
            else:
                raise each
        return found


def _portions(
    commands: Mapping[str, tuple[Command, ...]],
) -> Iterator[dict[str, tuple[Command, ...]]]:
    pairs = iter(commands.items())
    while portion := dict(islice(pairs, _PORTION)):
        yield portion
