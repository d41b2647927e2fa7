"""End background tasks that ask redis-py."""

import asyncio
from typing import Final

_AGAIN_S: Final = 0.1


async def end(task: asyncio.Task[None]) -> None:
    """Cancel ``task`` until it is over; nothing is raised.

    Once is not enough: redis-py sends by `asyncio.wait_for`, which before Python 3.12 loses
    a cancellation that comes in the very turn in which the sending is done (bpo-37658).
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN_S)
