"""An end to connections that go nowhere: heads and bodies that trickle, answers nobody reads.

uvicorn bounds only the pause between two requests of one connection.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edgeseg.delivery.door import Door


class ImpatientProtocol(HttpToolsProtocol):
    """One connection, looked at once in a while.

    One timer a connection costs requests nothing. A request that has not arrived whole, or an
    answer that has not been read, between two looks ends the connection: it has had the time
    of `Door.client_timeout_s` once to twice. Work of ours and streams may take longer.
    """

    cycle: Any  # uvicorn's own, or a `HotCycle`
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look."""
        super().connection_made(transport)
        if isinstance(self.app, Door):
            self._look_later(self.app.client_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        super().connection_lost(exc)
        if self._look is not None:
            self._look.cancel()
            self._look = None

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
