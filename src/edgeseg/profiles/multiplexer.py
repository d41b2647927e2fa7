"""The hot path to the store: one connection for all callers of a worker, kept open.

It reconnects by itself, in one background task with growing, jittered delays,
so that a returning store does not meet a storm; meanwhile requests fail at once.
"""

import asyncio
import random
import ssl
from collections.abc import Callable

import msgspec

from edgeseg.errors import StoreError, StoreOverloaded, StoreTimeout, StoreUnavailable
from edgeseg.profiles.connection import Command, Connection, ConnectionLimits, Reply

_FIRST_DELAY_S = 0.05
_LAST_DELAY_S = 1.0


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a store listens: on ``path`` (a unix socket) if given, else on host and port.

    ``username``, ``password`` and ``db`` are used when connecting; "" and 0 for none.
    """

    path: str = ""
    host: str = "localhost"
    port: int = 6379
    tls: ssl.SSLContext | None = None
    username: str = ""
    password: str = ""
    db: int = 0

    def __repr__(self) -> str:
        """Render without the credentials."""
        return f"Address({self.path or f'{self.host}:{self.port}'}, db={self.db})"


class Multiplexer:
    """Keeps one connection to ``address`` open and runs requests over it."""

    def __init__(
        self,
        address: Address,
        limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - frozen
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare; nothing is connected before `open`.

        Args:
            address: where the store listens.
            limits: timeouts and the size of the queue.
            jitter: answers numbers in [0, 1) that spread reconnects of many workers.
        """
        self._address = address
        self._limits = limits
        self._jitter = jitter
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._why = "not opened yet"
        self._closed = False

    @property
    def is_connected(self) -> bool:
        """Tell whether requests can be sent now."""
        return self._connection is not None

    async def open(self) -> None:
        """Connect; where that fails, return all the same and go on trying."""
        tried = asyncio.Event()
        self._connecting = asyncio.create_task(self._keep_connecting(tried, 0))
        await tried.wait()

    def execute(self, *commands: Command) -> asyncio.Future[list[Reply]]:
        """Send ``commands`` as one pipeline; await the result for their replies in order.

        Raises:
            StoreUnavailable: not connected, the connection was lost, or the
                server refuses for now (at once or when awaited).
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
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        connection, self._connection = self._connection, None
        if connection is None:
            return
        under_way = [each.reply for each in connection.waiting if not each.reply.done()]
        if under_way:
            await asyncio.wait(under_way, timeout=self._limits.stall_s)
        connection.drop("closed")
        await asyncio.sleep(0)  # lets the transport close its socket

    def _on_lost(self, connection: Connection, why: str) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._why = why
        if not self._closed:
            self._connecting = asyncio.create_task(
                self._keep_connecting(asyncio.Event(), _FIRST_DELAY_S)
            )

    async def _keep_connecting(self, tried: asyncio.Event, delay_s: float) -> None:
        while True:
            await asyncio.sleep(delay_s * (0.5 + self._jitter() / 2))
            try:
                async with asyncio.timeout(self._limits.connect_timeout_s):
                    connection = await self._connect()
            except (OSError, StoreError) as error:
                self._why = str(error) or type(error).__name__
            else:
                self._connection = connection
                return
            finally:
                tried.set()
            delay_s = min(max(delay_s * 2, _FIRST_DELAY_S), _LAST_DELAY_S)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        address = self._address

        def build() -> Connection:
            return Connection(self._limits, self._on_lost)

        if address.path:
            _, connection = await loop.create_unix_connection(build, address.path)
        else:
            _, connection = await loop.create_connection(
                build, address.host, address.port, ssl=address.tls
            )
        try:
            await connection.send(tuple(_greet(address)))
        except BaseException as error:
            connection.drop(f"the handshake failed: {error}")
            raise
        if connection.is_lost:
            raise StoreUnavailable("the connection was lost right after the handshake")
        return connection


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
