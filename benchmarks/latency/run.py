"""Latency at 45 % load: classify against the bare hello, both at the same rate, on one core.

The rate is 45 % of what wrk gets out of classify in this very run. Besides: whether an update was
lost or an answer went astray, and how long the event loop of the service was held up. The latter
of a server of its own, since what looks every millisecond keeps the requests waiting, too.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from benchmarks.classify.generator import generate
from benchmarks.classify.serving import CannotRun, serving
from benchmarks.classify.visitors import PREFIX, STORED_VIEWS
from benchmarks.figures import Figure, Result, ratios, table_of
from benchmarks.latency.generator import OPEN_LOOP, send
from benchmarks.latency.open_loop import Waits
from benchmarks.latency.pauses import Pauses
from benchmarks.service import EDGESEG, HELLO, OTHER_CORE, SERVER_CORE, Ground, ground
from edgeseg.events.event import PAGE_VIEWED
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.redis_connect import build_redis_store
from edgeseg.rule_folder import RuleFolder

LOAD: Final = 0.45
_PATIENT: Final = ConnectionLimits(timeout_s=10.0)
_CONTENDERS: Final = {"hello": HELLO, "classify": EDGESEG}


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One contender at the rate for some seconds; waits in microseconds."""

    contender: str
    rate: float
    p50_us: float
    p99_us: float
    p999_us: float
    bad: int
    foreign: int
    degraded: int


class Rounds(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run, what the service told of its pauses, and page views that are missing."""

    measured: list[Round]
    pauses: Pauses
    lost: int


def run(console: Console, *, quick: bool) -> Result:
    """Measure, printing a table.

    Raises:
        CannotRun: something is missing, or a request failed.
    """
    with (
        console.status("latency: starting the servers"),
        ground() as below,
        tempfile.TemporaryDirectory() as folder,
    ):
        report = Path(folder, "pauses")
        rounds, views = _measure(below, report, 3.0 if quick else 8.0, 2 if quick else 5)
        pauses = msgspec.json.decode(report.read_bytes(), type=Pauses)
        lost = asyncio.run(_count_lost(below, views))
    found = Rounds(measured=rounds, pauses=pauses, lost=lost)
    figures = _figures(found)
    console.print(table_of(figures, f"Open loop, {rounds[0].rate:,.0f} page views a second"))
    if bad := sum(each.bad for each in rounds):
        raise CannotRun(f"{bad} requests failed")
    return Result(figures=figures, rounds=found)


def _measure(
    below: Ground, report: Path, seconds: float, rounds: int
) -> tuple[list[Round], Mapping[str, int]]:
    found: list[Round] = []
    views: Counter[str] = Counter()
    with ExitStack() as stack:
        # Which page views were answered is known only where no other tool sends any.
        trial = serving(*EDGESEG, below.environment, SERVER_CORE)
        with trial as (_pid, port):
            generate(port, below.returning, 1, OTHER_CORE, "classify")
            capacity = generate(port, below.returning, seconds / 2, OTHER_CORE, "classify")
        rate = capacity.requests / capacity.duration_us * 1e6 * LOAD
        below.visitors.store(below.store.url)
        ports = {
            name: stack.enter_context(serving(*server, below.environment, SERVER_CORE))[1]
            for name, server in _CONTENDERS.items()
        }
        for number in range(-1, rounds):
            for name, port in ports.items() if number % 2 else reversed(ports.items()):
                cookies = [below.returning] if name != "hello" else []
                waits = send(OPEN_LOOP, port, f"{rate:.1f}", seconds, *cookies)
                views.update(waits.views)
                if number >= 0:  # the first one warms up
                    found.append(_round(name, rate, waits))
    with serving(*EDGESEG, below.environment, SERVER_CORE, str(report)) as (_pid, port):
        watched = send(OPEN_LOOP, port, f"{rate:.1f}", 2 * seconds, below.returning)
        views.update(watched.views)
    return found, views


def _round(name: str, rate: float, waits: Waits) -> Round:
    return Round(
        contender=name,
        rate=rate,
        p50_us=waits.percentile_us(0.5),
        p99_us=waits.percentile_us(0.99),
        p999_us=waits.percentile_us(0.999),
        bad=waits.bad,
        foreign=waits.foreign,
        degraded=waits.degraded,
    )


async def _count_lost(below: Ground, views: Mapping[str, int]) -> int:
    """Count the answered page views that the profiles do not have."""
    environment = below.environment
    rules = RuleFolder(Path(environment["EDGESEG_RULES"]), Path(environment["EDGESEG_TEMPLATES"]))
    plan = rules.build().plan
    store = build_redis_store(below.store.url, prefix=PREFIX, limits=_PATIENT)
    await store.open()
    lost = 0
    for visitor, answered in views.items():
        if visitor:
            profile = await store.read(visitor, plan=plan)
            kept = profile.totals[PAGE_VIEWED].count if profile else 0
            lost += max(0, STORED_VIEWS + answered - kept)
    await store.close()
    return lost


def _figures(found: Rounds) -> list[Figure]:
    own = [each for each in found.measured if each.contender == "classify"]
    hello = [each for each in found.measured if each.contender == "hello"]
    return [
        Figure(
            name=f"p99 at {LOAD:.0%} load, of hello's at the same rate",
            values=ratios([each.p99_us for each in own], [each.p99_us for each in hello]),
            reach=5.0,
            beyond=3.0,
        ),
        *(
            Figure(
                name=f"{name} at {LOAD:.0%} load",
                values=[getattr(each, name + "_us") / 1_000 for each in own],
                unit="ms",
            )
            for name in ("p50", "p99", "p999")
        ),
        Figure(
            name="degraded answers, for a store that was too late",
            values=[float(sum(each.degraded for each in own))],
        ),
        Figure(
            name="longest turn of the garbage collector under load, processor time",
            values=[found.pauses.collector_ms],
            unit="ms",
        ),
        Figure(
            name="longest gap of the event loop under load",
            values=[found.pauses.gap_ms],
            unit="ms",
        ),
        Figure(name="page views lost", values=[float(found.lost)], reach=0.0),
        Figure(
            name="answers to other visitors",
            values=[float(sum(each.foreign for each in found.measured))],
            reach=0.0,
        ),
    ]
