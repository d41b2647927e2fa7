"""A proxy between a store and its server that misbehaves on request."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from enum import Enum, auto

from edgeseg.profiles.address import Address

_SLOW_S = 0.02


class Fault(Enum):
    """What becomes of what the server says."""

    NONE = auto()
    RESET = auto()
    """The connection is reset in the middle of a reply."""
    HALF_CLOSED = auto()
    """The server's side says that it is done, and goes on listening."""
    TRUNCATED = auto()
    """The connection ends in good order in the middle of a reply."""
    SLOW = auto()
    """Replies trickle in, byte by byte."""
    BLACK_HOLE = auto()
    """Nothing arrives any more, either way, and nothing ends."""


class FaultProxy:
    """Passes bytes between clients of its port and ``server``.

    Attributes:
        fault: what it does to replies from now on.
        connections: how many clients have connected so far.
    """

    def __init__(self, server: Address) -> None:
        """Stand before ``server``."""
        self._server = server
        self.fault = Fault.NONE
        self.connections = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The address to give to a store."""
        return f"redis://127.0.0.1:{self.port}/0"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["FaultProxy"]:
        """Listen; at the end cut every connection."""
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        yield self
        listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # the end; asyncio would log it
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            upstream, to_server = await asyncio.open_unix_connection(self._server.path)
        except OSError:  # there is no server
            writer.transport.abort()
            self._tasks.discard(task)
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._ask(reader, to_server))
                both.create_task(self._answer(upstream, writer))
        except* (OSError, _Cut):
            pass
        finally:
            for each in (to_server, writer):
                each.transport.abort()
            self._tasks.discard(task)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self.fault is not Fault.BLACK_HOLE:
                writer.write(data)
                await writer.drain()
        raise _Cut

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._pass(data, writer)
        raise _Cut

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        match self.fault:
            case Fault.NONE:
                writer.write(data)
            case Fault.RESET | Fault.TRUNCATED:
                await _cut_in_half(data, writer, reset=self.fault is Fault.RESET)
            case Fault.HALF_CLOSED:
                with contextlib.suppress(OSError, RuntimeError):
                    writer.write_eof()
            case Fault.SLOW:
                await self._trickle(data, writer)
            case Fault.BLACK_HOLE:
                pass

    async def _trickle(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        for place in range(len(data)):
            if self.fault is not Fault.SLOW:
                writer.write(data[place:])
                return
            writer.write(data[place : place + 1])
            await asyncio.sleep(_SLOW_S)


async def _cut_in_half(data: bytes, writer: asyncio.StreamWriter, *, reset: bool) -> None:
    writer.write(data[: len(data) // 2])
    await writer.drain()
    if reset:
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    raise _Cut


class _Cut(Exception):
    """The connection is over."""
