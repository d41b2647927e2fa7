"""The stages of a page view, each alone in this process: what `edgeseg bench` measures.

With the rules of the benchmark, and a store on the other core. The measure is the round trip of
redis-py to the same store: a plain GET of a value of the same size.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Final

from redis.asyncio import Redis
from rich.console import Console

from benchmarks.classify.visitors import PREFIX
from benchmarks.figures import Figure, Result, table_of
from benchmarks.service import ground
from edgeseg.cli.bench_visitors import make_up_visitors
from edgeseg.cli.stage_timing import Stages, Timing
from edgeseg.clock import system_clock
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.redis_connect import build_redis_store
from edgeseg.rule_folder import RuleFolder

VISITORS: Final = 200
_CACHE_BYTES: Final = 32_000_000
_TRIES: Final = 2_000
_MEASURE: Final = "GET by redis-py"
_PATIENT: Final = ConnectionLimits(timeout_s=10.0)


def run(console: Console, *, quick: bool) -> Result:
    """Measure every stage several times, printing a table.

    Raises:
        CannotRun: something is missing.
    """
    seconds, count = (0.1, 2) if quick else (0.5, 5)
    with console.status("stages: measuring"), ground() as below:
        settings = below.environment
        folder = RuleFolder(Path(settings["EDGESEG_RULES"]), Path(settings["EDGESEG_TEMPLATES"]))
        rules = folder.build()
        rounds = [
            asyncio.run(_round(below.store.url, rules, below.visitors.ids, seconds))
            for _ in range(count)
        ]
    figures = _figures(rounds)
    console.print(table_of(figures, "Stages of a page view, one at a time"))
    return Result(figures=figures, rounds=rounds)


async def _round(url: str, rules: Snapshot, ids: Sequence[str], seconds: float) -> list[Timing]:
    now_ms = system_clock()
    visitors = list(make_up_visitors(rules, VISITORS, now_ms))
    stages = Stages(rules, visitors, now_ms=now_ms, time_zone=UTC, seconds=seconds)
    timings = [await _plain_get(url, ids), *stages.alone()]
    for cache_bytes, copies in ((0, "without a copy"), (_CACHE_BYTES, "with a copy")):
        store = build_redis_store(url, prefix="stages:", limits=_PATIENT, cache_bytes=cache_bytes)
        await store.open()
        for each in visitors:
            await store.record(each.id, each.history, plan=rules.plan, now_ms=now_ms)
        timings += await stages.with_store(store, copies)
        await store.close()
    return timings


async def _plain_get(url: str, ids: Sequence[str]) -> Timing:
    took_us: list[float] = []
    async with Redis.from_url(url) as client:
        for number in range(_TRIES):
            began_ns = perf_counter_ns()
            await client.get(f"{PREFIX}p:{{{ids[number % len(ids)]}}}")
            took_us.append((perf_counter_ns() - began_ns) / 1_000)
    took_us.sort()
    return Timing(
        stage=_MEASURE,
        p50_us=median(took_us),
        p99_us=took_us[int(_TRIES * 0.99)],
        times=_TRIES,
    )


def _figures(rounds: Sequence[Sequence[Timing]]) -> list[Figure]:
    figures: list[Figure] = []
    for timings in zip(*rounds, strict=True):
        name = timings[0].stage
        figures.append(Figure(name=name, values=[each.p50_us for each in timings], unit="µs"))
        if name != _MEASURE:
            plain = [each[0].p50_us for each in rounds]
            values = [each.p50_us / one for each, one in zip(timings, plain, strict=True)]
            figures.append(Figure(name=f"{name}, of a {_MEASURE}", values=values))
    return figures
