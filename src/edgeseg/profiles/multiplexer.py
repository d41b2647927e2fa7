"""The hot path to one server: one connection for all callers of a worker, kept open.

It reconnects by itself, in one background task with growing, jittered delays,
so that a returning store does not meet a storm; meanwhile requests fail at once.
That makes it a circuit breaker: while it is open no caller waits, and what
probes the server is the handshake of the next connection, never a page view.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeAlias

from edgeseg.errors import StoreError, StoreOverloaded, StoreTimeout, StoreUnavailable
from edgeseg.profiles.address import Address
from edgeseg.profiles.breaker import Breaker
from edgeseg.profiles.connection import Command, Connection, ConnectionLimits, Reply
from edgeseg.profiles.ending import end

_FIRST_DELAY_S: Final = 0.05
_LAST_DELAY_S: Final = 1.0
_TRACK: Final[tuple[Command, ...]] = (("HELLO", 3), ("CLIENT", "TRACKING", "ON", "NOLOOP"))
_log = logging.getLogger(__name__)

Locate: TypeAlias = Callable[[], Awaitable[Address]]
"""Answers where the server is now; asked before each connection."""


class Watcher(Protocol):
    """Is told what others have changed in the store."""

    def forget(self, keys: Sequence[bytes]) -> None:
        """Take note that the values of ``keys``, once read, are other ones now."""
        ...

    def clear(self) -> None:
        """Take note that any value may have changed unseen."""
        ...


class Multiplexer:
    """Keeps one connection to a server open and runs requests over it.

    Attributes:
        address: of the server that it is, or was last, connected to; None before.
    """

    def __init__(
        self,
        where: Address | Locate,
        limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - frozen
        *,
        master_only: bool = False,
        watcher: Watcher | None = None,
        on_lost: Callable[[], None] = lambda: None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare; nothing is connected before `open`.

        Args:
            where: the server, or how to find it, which is asked before each connection.
            limits: timeouts and the size of the queue.
            master_only: whether a replica is left, to look for the master again.
            watcher: whom to tell of changes by others, of values that were read here;
                a server that cannot tell is used all the same, see `is_current`.
            on_lost: called when a connection was lost, before the next is tried.
            jitter: answers numbers in [0, 1) that spread reconnects of many workers.
        """
        self._where = where
        self._limits = limits
        self._master_only = master_only
        self._watcher = watcher
        self._tell_lost = on_lost
        self._jitter = jitter
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._delay_s = 0.0
        self._tracks = False
        self._is_told = False
        self._is_trying = False
        self._why = "not opened yet"
        self._closed = False
        self._heard_s = 0.0
        self.address: Address | None = None

    @property
    def is_connected(self) -> bool:
        """Tell whether requests can be sent now."""
        return self._connection is not None

    @property
    def breaker(self) -> Breaker:
        """Tell what becomes of requests now."""
        if self._connection is not None:
            return Breaker.OPEN if self._connection.overdue else Breaker.CLOSED
        return Breaker.TRYING if self._is_trying else Breaker.OPEN

    @property
    def is_current(self) -> bool:
        """Tell whether the watcher knows of all changes, but those of a heartbeat's time."""
        connection = self._connection
        return connection is not None and self._tracks and not connection.overdue

    def silent_s(self) -> float:
        """Answer for how long no change can have been heard of; infinite where none ever is."""
        heard_s = self._connection.heard_s if self._connection else self._heard_s
        if not self._tracks or not heard_s:
            return float("inf")
        return asyncio.get_running_loop().time() - heard_s

    async def open(self) -> None:
        """Connect, once; where that fails, return all the same and go on trying."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._keep_connecting())
        await self._tried.wait()

    def execute(self, *commands: Command) -> asyncio.Future[list[Reply]]:
        """Send ``commands`` as one pipeline; await the result for their replies in order.

        Raises:
            StoreUnavailable: not connected, the connection was lost, or the
                server refuses for now (at once or when awaited).
            WriteRefused: the server takes no writes for now.
            StoreTimeout: no reply in time, or earlier requests are overdue.
            StoreOverloaded: too much is in flight.
            StoreError: the server answered one of the commands with an error.
        """
        connection = self._connection
        if connection is None:
            raise StoreUnavailable(f"no connection to the store: {self._why}")
        if connection.overdue:
            raise StoreTimeout("the store is overdue with earlier replies")
        if (
            len(connection.waiting) >= self._limits.queued_requests
            or connection.queued_bytes >= self._limits.queued_bytes
        ):
            raise StoreOverloaded(
                f"{len(connection.waiting)} requests with {connection.queued_bytes} bytes in flight"
            )
        return connection.send(commands)

    async def close(self) -> None:
        """Refuse new requests, wait for the replies under way, and disconnect."""
        self._closed = True
        self._why = "closed"
        if self._connecting is not None:
            await end(self._connecting)
        connection, self._connection = self._connection, None
        if connection is None:
            return
        under_way = [each.reply for each in connection.waiting if not each.reply.done()]
        if under_way:
            await asyncio.wait(under_way, timeout=self._limits.stall_s)
        connection.drop("closed")
        await asyncio.sleep(0)  # lets the transport close its socket

    def renew(self, why: str) -> None:
        """Give the connection up and look for the server again."""
        if self._connection is not None:
            self._connection.drop(why)

    def _on_lost(self, connection: Connection, why: str) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._tell_of_absence(why)
        self._heard_s = connection.heard_s
        if asyncio.get_running_loop().time() - connection.made_s > _LAST_DELAY_S:
            self._delay_s = 0.0  # it was a good one: the next is tried soon
        self._delay_s = min(max(self._delay_s * 2, _FIRST_DELAY_S), _LAST_DELAY_S)
        if not self._closed:
            self._connecting = asyncio.create_task(self._keep_connecting())
            self._tell_lost()

    def _on_push(self, news: Reply) -> None:
        if self._watcher is not None and news[0] == b"invalidate":
            if news[1] is None:
                self._watcher.clear()
            else:
                self._watcher.forget(news[1])

    async def _keep_connecting(self) -> None:
        while True:
            await asyncio.sleep(self._delay_s * (0.5 + self._jitter() / 2))
            self._is_trying = True
            try:
                where = self._where
                address = where if isinstance(where, Address) else await where()
                async with asyncio.timeout(self._limits.connect_timeout_s):
                    connection = await self._connect(address)
            except Exception as error:  # noqa: BLE001 - whatever it is, go on trying
                self._tell_of_absence(str(error) or type(error).__name__)
            else:
                self._connection, self.address = connection, address
                self._tell_of_return()
                return
            finally:
                self._is_trying = False
                self._tried.set()
            self._delay_s = min(max(self._delay_s * 2, _FIRST_DELAY_S), _LAST_DELAY_S)

    def _tell_of_absence(self, why: str) -> None:
        """Log once that the store is away, whatever happens until it is back."""
        self._why = why
        if not self._is_told and not self._closed:
            self._is_told = True
            where = self.address or self._where
            place = f" at {where}" if isinstance(where, Address) else ""  # else yet to be found
            _log.warning("the store%s is away: %s", place, why)

    def _tell_of_return(self) -> None:
        if self._is_told:
            self._is_told = False
            _log.warning("the store at %s is back", self.address)

    async def _connect(self, address: Address) -> Connection:
        loop = asyncio.get_running_loop()

        def build() -> Connection:
            return Connection(self._limits, self._on_lost, self._on_push)

        if address.path:
            _, connection = await loop.create_unix_connection(build, address.path)
        else:
            _, connection = await loop.create_connection(
                build, address.host, address.port, ssl=address.tls
            )
        try:
            await self._shake_hands(connection, address)
        except BaseException as error:
            connection.drop(f"the handshake failed: {error}")
            raise
        if connection.is_lost:
            raise StoreUnavailable("the connection was lost right after the handshake")
        return connection

    async def _shake_hands(self, connection: Connection, address: Address) -> None:
        await connection.send(tuple(_greet(address)))
        if self._master_only:
            role = (await connection.send((("ROLE",),)))[0][0]
            if role != b"master":
                raise StoreUnavailable(f"{address!r} is a {role.decode()}, not the master")
        if self._watcher is None:
            return
        try:
            await connection.send(_TRACK)
        except (StoreUnavailable, StoreTimeout):
            raise
        except StoreError as error:
            self._tracks = False
            _log.warning("the store cannot tell of changes, so nothing is cached: %s", error)
        else:
            self._tracks = True
        self._watcher.clear()  # what changed while there was no connection is unknown


def _greet(address: Address) -> list[Command]:
    """Answer the commands of the handshake; a loading server answers PING with an error."""
    greeting: list[Command] = []
    if address.password:
        names = (address.username,) if address.username else ()
        greeting.append(("AUTH", *names, address.password))
    if address.db:
        greeting.append(("SELECT", address.db))
    greeting.append(("PING",))
    return greeting
