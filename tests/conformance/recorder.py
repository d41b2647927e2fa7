"""Record events of one visitor, as one of several worker processes.

Arguments: address, key prefix, visitor, first number, count.
"""

import asyncio
import sys

from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.redis_store import open_redis_store
from tests.conformance.plans import NOW_MS, VIEW_PLAN, view


async def record_all(url: str, prefix: str, visitor: str, first: int, count: int) -> None:
    """Record ``count`` page views, 25 at once, and compact along the way."""
    limits = ConnectionLimits(timeout_s=20, stall_s=30)
    store = await open_redis_store(url, prefix=prefix, limits=limits, aside_timeout_s=20)
    for start in range(first, first + count, 25):
        numbers = range(start, min(start + 25, first + count))
        await asyncio.gather(
            *(store.record(visitor, [view(n)], plan=VIEW_PLAN, now_ms=NOW_MS) for n in numbers)
        )
    await store.close()
    assert store.upkeep.failed == 0, "upkeep failed"


if __name__ == "__main__":
    asyncio.run(record_all(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])))
