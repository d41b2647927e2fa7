"""Readiness: whether new requests may be sent here. SIGTERM ends it before anything else."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Readiness:
    """Of one worker.

    Attributes:
        draining: whether it was told to end. Requests are still answered, so that those
            who balance load have time to see it and to send none any more.
    """

    def __init__(self) -> None:
        """Begin ready."""
        self.draining = False

    @contextmanager
    def ended_by_sigterm(self, drain_s: float) -> Iterator[None]:
        """Let SIGTERM end the readiness, and only ``drain_s`` later what it ended before.

        The server's own handler is in place when the application's life begins; outside of
        a main thread, as in tests, there are no signals to wait for.
        """
        server = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(server):
            yield
            return
        loop = asyncio.get_running_loop()

        def drain(number: int, frame: FrameType | None) -> None:
            if self.draining or not drain_s:  # a second signal does not wait
                self.draining = True
                server(number, frame)
                return
            self.draining = True
            loop.call_soon_threadsafe(loop.call_later, drain_s, server, number, frame)

        signal.signal(signal.SIGTERM, drain)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, server)
