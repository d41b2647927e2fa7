"""What runs as long as the service does, beside its requests."""

import asyncio
import gc
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

from litestar import Litestar

from edgeseg.audiences.list_upkeep import ListUpkeep
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.management import listening
from edgeseg.settings import Settings

_GARBAGE: Final = 10_000
"""Objects made and not freed before the collector looks at them, for milliseconds. Those of
requests under way are many times Python's 700, which makes it look at all of them all the time."""
_WARM_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36"


@asynccontextmanager
async def running(
    edge: Edge, settings: Settings, management: Litestar | None, upkeep: ListUpkeep
) -> AsyncIterator[None]:
    """Run the work behind the requests, until the service has answered its last one.

    Args:
        edge: the service's parts.
        settings: as read once.
        management: what the management port answers, None where there is no such port.
        upkeep: keeps lists in step with their sources.
    """
    async with AsyncExitStack() as stack:
        if edge.telemetry.is_shared:
            await stack.enter_async_context(_in_background(edge.telemetry.hot.share()))
        stack.enter_context(edge.readiness.ended_by_sigterm(settings.drain_s))
        if management:
            port = settings.management_port
            await stack.enter_async_context(listening(management, settings.host, port))
        await stack.enter_async_context(_working(edge, settings.products_s))
        if settings.reload_s:
            await stack.enter_async_context(_in_background(edge.rules.watch(settings.reload_s)))
        await stack.enter_async_context(_in_background(upkeep.run()))
        yield


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _working(edge: Edge, products_s: float) -> AsyncIterator[None]:
    await edge.store.open()
    await edge.products.start(products_s)
    edge.devices.detect(_WARM_AGENT)  # compiles the patterns before the first visitor waits
    counting = asyncio.create_task(edge.outcomes.run())
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at again
    gc.set_threshold(_GARBAGE)
    try:
        yield
    finally:
        await edge.outcomes.close(counting)
        await edge.products.stop()
        await edge.store.close()
