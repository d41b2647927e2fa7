"""What a worker takes when it starts, and what a visitor takes in the store."""

import asyncio
from contextlib import ExitStack
from typing import Final

import msgspec
import redis
from rich.console import Console

from benchmarks.classify.run import CONTENDERS
from benchmarks.classify.serving import serving
from benchmarks.figures import Figure, Result, table_of
from benchmarks.footprint import Footprint, footprint_of
from benchmarks.service import SERVER_CORE, Ground, ground
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.redis_connect import build_redis_store
from edgeseg.profiles.retention import Retention
from tests.conformance.typical_visitor import attributes, course, metrics

TYPICAL: Final = 2_000
"""Visitors that are stored; their ids are as long as real ones."""
_PATIENT: Final = ConnectionLimits(timeout_s=10.0)
_PREFIX: Final = "edgeseg:"
_SERVERS: Final = ("hello", "classify", "plain stack")


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        processes: contender → what its process holds after the start.
        visitor_bytes: growth of the store's memory per visitor.
    """

    processes: dict[str, Footprint]
    visitor_bytes: float


def run(console: Console, *, quick: bool) -> Result:  # noqa: ARG001 - it is short as it is
    """Measure, printing a table.

    Raises:
        CannotRun: something is missing.
    """
    with console.status("memory: starting the servers"), ground() as below:
        found = Sizes(
            processes=_look(below),
            visitor_bytes=asyncio.run(_fill(below.store.url)),
        )
    worker = found.processes["classify"]
    figures = [
        Figure(
            name="resident memory of a worker, empty caches",
            values=[worker.resident_mb],
            unit="MB",
            reach=90,
            beyond=60,
        ),
        Figure(name="of which no other process has (USS)", values=[worker.private_mb], unit="MB"),
        *(
            Figure(
                name=f"resident memory of {name}",
                values=[found.processes[name].resident_mb],
                unit="MB",
            )
            for name in ("hello", "plain stack")
        ),
        Figure(
            name="memory of the store per typical visitor",
            values=[found.visitor_bytes / 1_024],
            unit="KB",
            reach=1.5,
            beyond=1.0,
        ),
    ]
    console.print(table_of(figures, "What a worker and a visitor take"))
    return Result(figures=figures, rounds=found)


def _look(below: Ground) -> dict[str, Footprint]:
    with ExitStack() as stack:
        return {
            name: footprint_of(
                stack.enter_context(
                    serving(*CONTENDERS[name].server, below.environment, SERVER_CORE)
                )[0]
            )
            for name in _SERVERS
        }


async def _fill(url: str) -> float:
    """Store typical visitors, compacted as upkeep leaves them; answer the bytes each takes."""
    happened = [attributes(), *course()]
    retention = Retention(tail_lines=len(happened))
    store = build_redis_store(url, prefix=_PREFIX, limits=_PATIENT, retention=retention)
    plan = metrics()
    with redis.Redis.from_url(url) as client:
        await store.open()
        before = int(client.info("memory")["used_memory"])
        for number in range(TYPICAL):
            visitor = f"{number:022d}"
            await store.record(visitor, happened, plan=plan, now_ms=happened[-1].at_ms)
        await store.upkeep.drain()
        after = int(client.info("memory")["used_memory"])
        await store.close()
    return (after - before) / TYPICAL
