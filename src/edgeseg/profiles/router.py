"""The way from a key to the server that has it."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from edgeseg.errors import WriteRefused
from edgeseg.profiles.connection import Command, Reply
from edgeseg.profiles.multiplexer import Multiplexer


class Router(Protocol):
    """Sends commands to the master that has their key."""

    def execute(self, key: str, *commands: Command) -> Awaitable[list[Reply]]:
        """Send ``commands``, all on ``key`` or others of its slot, as one pipeline.

        Raises:
            StoreError: as `Multiplexer.execute` does.
        """
        ...

    def is_current(self, key: str) -> bool:
        """Tell whether the watcher knows of all changes of ``key``."""
        ...

    def silent_s(self, key: str) -> float:
        """Answer for how long nothing was heard of the server that has ``key``."""
        ...

    def masters(self) -> Sequence[Multiplexer]:
        """Answer a connection to each master, for work on all keys.

        Raises:
            StoreUnavailable: the masters are not known.
        """
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
        """Answer for how long nothing was heard of the server."""
        return self._multiplexer.silent_s()

    def masters(self) -> Sequence[Multiplexer]:
        """Answer the only connection."""
        return (self._multiplexer,)

    async def open(self) -> None:
        """Connect."""
        await self._multiplexer.open()

    async def close(self) -> None:
        """Disconnect."""
        await self._multiplexer.close()


class WatchedMaster(OneServer):
    """The router to the master that sentinels have chosen; it may change."""

    async def execute(self, _key: str, *commands: Command) -> list[Reply]:
        """Send ``commands``; where the master has become a replica, look for the new one."""
        try:
            return await self._multiplexer.execute(*commands)
        except WriteRefused as error:
            if str(error).startswith("READONLY"):
                self._multiplexer.renew("the master is a replica now")
            raise
