"""An end to connections that go nowhere: heads and bodies that trickle, answers nobody reads.

uvicorn with httptools bounds only the pause between two requests of one connection, neither
the time nor the size of a head, nor what comes of a body that is refused already.
"""

import asyncio
from typing import Any, Final

from httptools import HttpParserUpgrade

from edgeseg.delivery.door import Door
from edgeseg.delivery.upgrades import PassingOver

MAX_HEAD_BYTES: Final = 65_536
"""Size of a request's line and headers; over it the answer is 431."""
MAX_REFUSED_BYTES: Final = 10_000_000
"""What is still read of a body after it was refused, so that its client sees the answer."""
_HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)


class ImpatientProtocol(PassingOver):
    """One connection, looked at once in a while.

    One timer a connection costs requests nothing. A request that has not arrived whole, or an
    answer that has not been read, between two looks ends the connection: it has had the time
    of `Door.client_timeout_s` once to twice. Work of ours and streams may take longer.
    """

    cycle: Any  # uvicorn's own, or a `HotCycle`
    door: Door | None = None
    resting_since_s: float | None = None
    """When the last answer left, None where something came since, or uvicorn looks itself.

    uvicorn sets a timer after each answer, and takes it back with the next request. One timer
    a connection, that finds out whether something came in the meantime, costs requests nothing.
    """
    _rest_ends: asyncio.TimerHandle | None = None
    _look: asyncio.TimerHandle | None = None
    _aside_bytes = 0
    """What came since the last head, besides the body of a request under way."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look."""
        super().connection_made(transport)
        if isinstance(self.app, Door):
            self.door = self.app
            self._look_later(self.app.client_timeout_s)
            self._end_rest_later(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        super().connection_lost(exc)
        for timer in (self._look, self._rest_ends):
            if timer is not None:
                timer.cancel()
        self._look = self._rest_ends = None

    def data_received(self, data: bytes) -> None:
        """Let the parser have it; end a head, or a refused body, that is too large."""
        self.resting_since_s = None
        before: Any = self.cycle
        is_body = before is not None and before.more_body
        if len(data) > MAX_HEAD_BYTES and not (is_body or _ends_a_head(data)):
            self._refuse_head()
            return
        while True:
            try:
                super().data_received(data)
                break
            except HttpParserUpgrade as wish:
                data = self.pass_over(data[wish.args[0] :])
        if self.cycle is not before or (is_body and not self.cycle.more_body):
            self._aside_bytes = 0  # a head or a body came to its end
            return
        is_refused = is_body and self.cycle.response_complete
        if is_body and not is_refused:
            return
        self._aside_bytes += len(data)
        if not is_refused and self._aside_bytes > MAX_HEAD_BYTES:
            self._refuse_head()
        elif self._aside_bytes > MAX_REFUSED_BYTES:
            self.transport.close()

    def _refuse_head(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
        self.transport.close()

    def _end_rest_later(self, pause_s: float) -> None:
        self._rest_ends = self.loop.call_later(pause_s, self._end_if_resting)

    def _end_if_resting(self) -> None:
        now_s = self.loop.time()
        since_s = now_s if self.resting_since_s is None else self.resting_since_s
        left_s = since_s + self.timeout_keep_alive - now_s
        if left_s > 0:
            self._end_rest_later(left_s)
        else:
            self.transport.close()

    def _look_later(self, pause_s: float) -> None:
        self._look = self.loop.call_later(pause_s, self._end_if_stuck, pause_s, self.cycle)

    def _end_if_stuck(self, pause_s: float, seen: object) -> None:
        if self.cycle is seen and self._waits_for_client():
            self.transport.abort()
        else:
            self._look_later(pause_s)

    def _waits_for_client(self) -> bool:
        cycle = self.cycle
        is_asked = cycle is not None and not (cycle.more_body or cycle.response_complete)
        return not is_asked or self.flow.write_paused


def _ends_a_head(data: bytes) -> bool:
    """Tell whether a head that begins with ``data`` is within its bound."""
    return data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) >= 0
