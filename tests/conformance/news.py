"""Waiting for what other connections changed: the server tells at once, not sooner."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

SEEN_WITHIN_S: Final = 10.0
"""Usually 0.1 ms; a busy machine must not fail the test."""


async def soon(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until ``holds``."""
    async with asyncio.timeout(SEEN_WITHIN_S):
        while not await holds():  # noqa: ASYNC110 - it asks the server
            await asyncio.sleep(0)
