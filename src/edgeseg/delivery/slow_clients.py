"""An end to connections that go nowhere: heads and bodies that trickle, answers nobody reads.

uvicorn with httptools bounds only the pause between two requests of one connection, neither
the time nor the size of a head, nor what comes of a body that is refused already.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edgeseg.delivery.door import Door

MAX_HEAD_BYTES: Final = 65_536
"""Size of a request's line and headers; over it the answer is 431."""
MAX_REFUSED_BYTES: Final = 10_000_000
"""What is still read of a body after it was refused, so that its client sees the answer."""
_HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n"
)


class ImpatientProtocol(HttpToolsProtocol):
    """One connection, looked at once in a while.

    One timer a connection costs requests nothing. A request that has not arrived whole, or an
    answer that has not been read, between two looks ends the connection: it has had the time
    of `Door.client_timeout_s` once to twice. Work of ours and streams may take longer.
    """

    cycle: Any  # uvicorn's own, or a `HotCycle`
    _look: asyncio.TimerHandle | None = None
    _aside_bytes = 0
    """What came since the last head, besides the body of a request under way."""
    _resting_since_s: float | None = None
    """When the last answer left, None where something came since, or somebody else looks."""
    _rest_ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look."""
        super().connection_made(transport)
        if isinstance(self.app, Door):
            self._look_later(self.app.client_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        super().connection_lost(exc)
        for timer in (self._look, self._rest_ends):
            if timer is not None:
                timer.cancel()
        self._look = self._rest_ends = None

    def data_received(self, data: bytes) -> None:
        """Let the parser have it; end a head, or a refused body, that is too large."""
        self._resting_since_s = None
        before: Any = self.cycle
        is_body = before is not None and before.more_body
        super().data_received(data)
        if self.cycle is not before or (is_body and not self.cycle.more_body):
            self._aside_bytes = 0  # a head or a body came to its end
            return
        is_refused = is_body and self.cycle.response_complete
        if is_body and not is_refused:
            return
        self._aside_bytes += len(data)
        if self._aside_bytes > (MAX_REFUSED_BYTES if is_refused else MAX_HEAD_BYTES):
            if not (is_refused or self.transport.is_closing()):
                self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def rest(self) -> None:
        """Begin to wait for the next request, for as long as uvicorn would.

        Its own timer is set and taken back with each request; this one finds out by itself
        that something came in the meantime.
        """
        self._resting_since_s = self.loop.time()
        if self._rest_ends is None:
            self._end_rest_later(self.timeout_keep_alive)

    def _end_rest_later(self, pause_s: float) -> None:
        self._rest_ends = self.loop.call_later(pause_s, self._end_if_resting)

    def _end_if_resting(self) -> None:
        since_s, now_s = self._resting_since_s, self.loop.time()
        left_s = self.timeout_keep_alive - (now_s - since_s if since_s is not None else 0)
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
