"""Counts one contender: ``python -m benchmarks.bytecodes.measure FACE new|returning COOKIES``.

Prints what a request takes, as JSON. The settings of the service are those of the environment.
"""

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from benchmarks.bytecodes.counter import BytecodeCounter, Work
from benchmarks.bytecodes.lanes import Lanes
from benchmarks.bytecodes.requests import REQUESTS
from benchmarks.classify import hello
from benchmarks.service import EDGESEG, PLAIN_HTTP
from edgeseg.app import create_door
from edgeseg.assembly import store_from
from edgeseg.clock import HOUR_MS, SECOND_MS
from edgeseg.profiles.redis_store import RedisStore
from edgeseg.settings_reader import read_settings

LANES: Final = 16
"""Requests under way at the same time."""
VISITORS: Final = 96
TIMES: Final = 16
"""How often each visitor comes: a stored profile is compacted once meanwhile."""
_WARM: Final = 2


async def measure(face: str, cookies: Sequence[str], *, returning: bool) -> Work:
    """Count requests of ``face``, after others that were not counted.

    Args:
        face: of `REQUESTS`.
        cookies: of enough visitors.
        returning: whether the counted visitors are in the worker's memory, and come `TIMES` times;
            otherwise there are so many more of them.
    """
    made = (REQUESTS[face](number, cookie) for number, cookie in enumerate(cookies))
    warm = list(islice(made, VISITORS))
    counted = warm * TIMES if returning else list(islice(made, VISITORS * TIMES))
    counter = BytecodeCounter()
    async with _hello() if face == "hello" else _service() as lanes:
        with BytecodeCounter().counting():  # for Python 3.12 and later, see there
            for _ in range(_WARM):
                await lanes.send_all(warm)
        with counter.counting():
            await lanes.send_all(counted)
    return counter.work(len(counted))


@asynccontextmanager
async def _hello() -> AsyncIterator[Lanes]:
    yield Lanes(hello.app, PLAIN_HTTP, LANES)


@asynccontextmanager
async def _service() -> AsyncIterator[Lanes]:
    """Yield the service without what it does by the clock, however many requests there are."""
    settings = read_settings(os.environ)
    store = store_from(settings)
    assert isinstance(store, RedisStore)
    store.fresh_s = HOUR_MS / SECOND_MS  # copies stay fresh, however slow the machine is
    door = create_door(settings, store=store)
    await store.open()
    try:
        yield Lanes(door, EDGESEG[1], LANES)
    finally:
        await store.close()


def main() -> None:
    """Do what the arguments say."""
    face, kind, cookies = sys.argv[1:]
    known = Path(cookies).read_text("utf-8").split()
    work = uvloop.run(measure(face, known, returning=kind == "returning"))
    sys.stdout.buffer.write(msgspec.json.encode(work))


if __name__ == "__main__":
    main()
