"""The breaker: what becomes of requests now, and of how many connections."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.errors import StoreTimeout
from edgeseg.profiles.address import Address, parse_location
from edgeseg.profiles.breaker import Breaker, worst
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.multiplexer import Multiplexer


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.005)


async def test_the_breaker_tells_what_becomes_of_requests(tmp_path: Path) -> None:
    """Open without a connection or while that is overdue, trying while one is being made."""
    found = asyncio.Event()
    with EmbeddedServer(tmp_path / "store") as server:

        async def look_up() -> Address:
            await found.wait()
            return parse_location(server.url).address

        multiplexer = Multiplexer(look_up, ConnectionLimits(timeout_s=0.1, stall_s=20))
        assert multiplexer.breaker is Breaker.OPEN
        opening = asyncio.create_task(multiplexer.open())
        await _until(lambda: multiplexer.breaker is Breaker.TRYING)
        found.set()
        await opening
        assert multiplexer.breaker is Breaker.CLOSED
        os.kill(server.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreTimeout):
                await multiplexer.execute(("PING",))
            assert multiplexer.breaker is Breaker.OPEN
        finally:
            os.kill(server.pid, signal.SIGCONT)
        await _until(lambda: multiplexer.breaker is Breaker.CLOSED)
        found.clear()
        multiplexer.renew("told to")
        assert multiplexer.breaker is Breaker.OPEN
        await _until(lambda: multiplexer.breaker is Breaker.TRYING)
        await multiplexer.close()
        assert multiplexer.breaker is Breaker.OPEN


def test_the_worst_of_many_is_that_of_all() -> None:
    """A cluster is closed only where every master can be reached."""
    closed, trying, opened = Breaker.CLOSED, Breaker.TRYING, Breaker.OPEN
    assert worst([closed, closed]) is closed
    assert worst([closed, trying]) is trying
    assert worst([trying, opened, closed]) is opened
