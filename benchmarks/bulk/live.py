"""What live traffic feels of a recalculation: the same traffic with and without it, in turns.

The recalculation is stopped and let go on (SIGSTOP, SIGCONT) every half second, so that
whatever else the machine does disturbs both sides alike.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from benchmarks.classify.serving import CannotRun
from edgeseg.clock import system_clock
from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.redis_store import RedisStore

PER_S: Final = 500
_SLICE: Final = 250
"""Records of one turn."""
_RUNS: Final = 2


class Felt(msgspec.Struct, frozen=True):
    """Milliseconds of each record, counted from when it was to begin."""

    alone_ms: list[float]
    beside_ms: list[float]


async def feel(
    store: RedisStore, environments: Sequence[Mapping[str, str]], note: str, runs: int = _RUNS
) -> Felt:
    """Record events at a steady rate; every other turn a recalculation goes on beside them.

    Args:
        store: where they are recorded.
        environments: of the command, with other rules each, so that there is much to do.
        note: key of the note that tells how far the recalculation is.
        runs: how many recalculations there are.

    Raises:
        CannotRun: a recalculation failed.
    """
    felt = Felt([], [])
    for number in range(runs):
        environment = environments[number % len(environments)]
        before = await _read(store, note)
        beside = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edgeseg", "recalculate",
            env=dict(environment), stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        while await _read(store, note) == before:
            if beside.returncode is not None:
                raise CannotRun("a recalculation beside live traffic failed")
            await asyncio.sleep(0.05)
        await _take_turns(store, beside, felt)
        await beside.wait()
    return felt


async def _take_turns(store: RedisStore, beside: "asyncio.subprocess.Process", felt: Felt) -> None:
    with suppress(ProcessLookupError):  # it has ended in between
        while beside.returncode is None:
            took_ms = await _record(store)
            beside.send_signal(signal.SIGSTOP)
            try:
                felt.beside_ms.extend(took_ms)
                felt.alone_ms.extend(await _record(store))
            finally:
                beside.send_signal(signal.SIGCONT)


async def _record(store: RedisStore) -> list[float]:
    begun_s = time.perf_counter()
    took_ms: list[float] = []

    async def one(number: int) -> None:
        due_s = begun_s + number / PER_S
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        event = Event("page_viewed", system_clock(), {"path": "/x"})
        await store.record(f"live{number % 100}", [event], plan=EMPTY_PLAN, now_ms=system_clock())
        took_ms.append((time.perf_counter() - due_s) * 1_000)

    await asyncio.gather(*(one(number) for number in range(_SLICE)))
    return took_ms


async def _read(store: RedisStore, note: str) -> object:
    return await store._router.execute(note, ("GET", note))  # noqa: SLF001 - no face shows it


def p99(values: Sequence[float]) -> float:
    """Answer the 99th percentile."""
    return sorted(values)[int(len(values) * 0.99)]
