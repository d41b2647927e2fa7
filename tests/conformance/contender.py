"""Record events of one visitor after the other, each at the same time as other processes.

Arguments: address, key prefix, own number, number of processes, rounds, events a round.
"""

import asyncio
import sys

from redis.asyncio import Redis

from edgeseg.profiles.connection import ConnectionLimits
from tests.conformance.plans import NOW_MS, VIEW_PLAN, view
from tests.conformance.stores import open_redis_store

_FORGET_S = 600


async def contend(
    url: str, prefix: str, own: int, processes: int, rounds: int, events: int
) -> None:
    """In each round wait for all processes, then record at once."""
    limits = ConnectionLimits(timeout_s=20, stall_s=30)
    store = await open_redis_store(
        url, prefix=prefix, limits=limits, aside_timeout_s=20, cache_bytes=1_000_000
    )
    meeting = Redis.from_url(url, protocol=2, socket_timeout=None)
    for turn in range(rounds):
        await _meet(meeting, f"{prefix}barrier:{turn}", processes)
        numbers = range(own * events, (own + 1) * events)
        await asyncio.gather(
            *(
                store.record(f"v{turn}", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
                for number in numbers
            )
        )
    await meeting.aclose()
    await store.close()
    assert store.upkeep.failed == 0, "upkeep failed"


async def _meet(meeting: Redis, barrier: str, processes: int) -> None:
    """Wait until all are here; the last one opens the gate for each."""
    gate = f"{barrier}:gate"
    if await meeting.incr(barrier) == processes:
        await meeting.lpush(gate, *range(processes))
        await meeting.expire(barrier, _FORGET_S)
    await meeting.blpop([gate])


if __name__ == "__main__":
    asyncio.run(contend(*sys.argv[1:3], *map(int, sys.argv[3:])))
