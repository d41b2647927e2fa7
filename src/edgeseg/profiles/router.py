"""The way from a key to the server that has it."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from edgeseg.errors import StoreUnavailable, WriteRefused
from edgeseg.profiles.breaker import Breaker
from edgeseg.profiles.connection import Command, Reply
from edgeseg.profiles.discovery import SentinelCouncil
from edgeseg.profiles.ending import end
from edgeseg.profiles.multiplexer import Multiplexer

_LOOK_EVERY_S: Final = 0.5


class Router(Protocol):
    """Sends commands to the master that has their key."""

    def execute(self, key: str, /, *commands: Command) -> Awaitable[list[Reply]]:
        """Send ``commands``, all on ``key`` or others of its slot, as one pipeline.

        Raises:
            StoreError: as `Multiplexer.execute` does.
        """
        ...

    def is_current(self, key: str, /) -> bool:
        """Tell whether the watcher knows of all changes of ``key``."""
        ...

    def silent_s(self, key: str, /) -> float:
        """Answer for how long no change of ``key`` can have been heard of."""
        ...

    def masters(self) -> Sequence[Multiplexer]:
        """Answer a connection to each master, for work on all keys.

        Raises:
            StoreUnavailable: the masters are not known.
        """
        ...

    @property
    def breaker(self) -> Breaker:
        """The state of the connections to all masters together."""
        ...

    async def open(self) -> None:
        """Connect; what does not answer yet is tried again in the background."""
        ...

    async def close(self) -> None:
        """Finish what is under way, then disconnect."""
        ...


class OneServer:
    """The router where there is nothing to choose."""

    def __init__(self, multiplexer: Multiplexer) -> None:
        """Send everything over ``multiplexer``."""
        self._multiplexer = multiplexer

    def execute(self, _key: str, *commands: Command) -> Awaitable[list[Reply]]:
        """Send ``commands``."""
        return self._multiplexer.execute(*commands)

    def is_current(self, _key: str) -> bool:
        """Tell whether the watcher knows of all changes."""
        return self._multiplexer.is_current

    def silent_s(self, _key: str) -> float:
        """Answer for how long no change can have been heard of."""
        return self._multiplexer.silent_s()

    def masters(self) -> Sequence[Multiplexer]:
        """Answer the only connection."""
        return (self._multiplexer,)

    @property
    def breaker(self) -> Breaker:
        """The state of the only connection."""
        return self._multiplexer.breaker

    async def open(self) -> None:
        """Connect."""
        await self._multiplexer.open()

    async def close(self) -> None:
        """Disconnect."""
        await self._multiplexer.close()


class WatchedMaster(OneServer):
    """The router to the master that sentinels have chosen; it may change."""

    def __init__(self, multiplexer: Multiplexer, council: SentinelCouncil) -> None:
        """Send everything over ``multiplexer``, as long as ``council`` stands by its choice."""
        super().__init__(multiplexer)
        self._council = council
        self._watch: asyncio.Task[None] | None = None

    async def execute(self, _key: str, *commands: Command) -> list[Reply]:
        """Send ``commands``; where the master has become a replica, look for the new one."""
        try:
            return await self._multiplexer.execute(*commands)
        except WriteRefused as error:
            if str(error).startswith("READONLY"):
                self._multiplexer.renew("the master is a replica now")
            raise

    async def open(self) -> None:
        """Connect, and look after the choice of the sentinels from now on."""
        await self._multiplexer.open()
        self._watch = asyncio.create_task(self._keep_watching())

    async def close(self) -> None:
        """Disconnect from the master and the sentinels."""
        if self._watch is not None:
            await end(self._watch)
        await self._multiplexer.close()
        await self._council.close()

    async def _keep_watching(self) -> None:
        """Leave a master that was replaced: for seconds it still takes writes, to lose them."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                chosen = await self._council.find_master()
            except StoreUnavailable:
                continue  # nobody to believe: stay
            connected = self._multiplexer.address
            if connected is not None and connected != chosen:
                self._multiplexer.renew("the sentinels have chosen another master")
