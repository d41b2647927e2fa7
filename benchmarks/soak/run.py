"""A soak: `edgeseg serve` with two workers at 70 % load for minutes, and what becomes of it.

Both workers share one core, as the bare hello beside them does; the generator and the store have
the other. A turn is some seconds of page views, then the hello at the same rate, then a look at
the workers at rest. What a turn finds is compared with what others found: memory once caches are
full, open files, and the p99 in terms of the hello's.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
from rich.console import Console

from benchmarks.classify.serving import CannotRun, free_port, processor_s, running, serving
from benchmarks.figures import Figure, Result, ratios, table_of
from benchmarks.footprint import Footprint, footprint_of, workers_of
from benchmarks.latency.generator import OPEN_LOOP, send
from benchmarks.latency.open_loop import Waits
from benchmarks.service import HELLO, SERVER_CORE, Ground, ground
from benchmarks.soak.trend import slope_of

SECONDS: Final = 600.0
QUICK_S: Final = 60.0
LOAD: Final = 0.7
WORKERS: Final = 2
TURN_S: Final = 8.0
"""Page views of a turn, at most, seconds."""
TURNS_AT_LEAST: Final = 9
HELLO_SHARE: Final = 0.25
"""Time of the hello, of that of page views."""
FULL_AFTER: Final = 0.5
"""Share of the turns after which caches are taken to be full."""
LEAK_BYTES: Final = 4.0
"""Growth for each page view that is no leak: the smallest object takes 16 bytes."""
WORSE: Final = 1.1
CACHE_MB: Final = 8
"""For copies of profiles, of each worker: a quarter of the default, to be full sooner."""
_TRIAL_RATE: Final = 300.0


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one turn found; waits in microseconds.

    Attributes:
        views: page views answered since the first turn, this one's included.
        load: processor time of the workers, of the time under load.
        workers: process id → what it held when the turn was over.
    """

    views: int
    load: float
    p50_us: float
    p99_us: float
    hello_p99_us: float
    bad: int
    foreign: int
    degraded: int
    workers: dict[int, Footprint]


class Soak(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run; ``rate`` is page views a second."""

    rate: float
    turns: list[Turn]


def run(console: Console, *, quick: bool, seconds: float | None = None) -> Result:
    """Measure, printing a table.

    Args:
        console: for the table.
        quick: a tenth of the time.
        seconds: of page views, those of the hello and what is between not counted.

    Raises:
        CannotRun: something is missing, or a worker ended.
    """
    lasts_s = seconds or (QUICK_S if quick else SECONDS)
    with console.status(f"soak: {lasts_s:,.0f} s of page views"), _bench() as bench:
        rate = bench.find_rate()
        count = max(TURNS_AT_LEAST, round(lasts_s / TURN_S))
        soak = Soak(rate=rate, turns=bench.soak(rate, lasts_s / count, count))
    figures = list_figures(soak.turns)
    minutes = lasts_s / 60
    title = f"{minutes:,.1f} minutes at {LOAD:.0%} load, {rate:,.0f} page views a second"
    console.print(table_of(figures, title))
    return Result(figures=figures, rounds=soak)


class _Bench(msgspec.Struct, frozen=True, kw_only=True):
    """The service, by its supervisor, the hello and what they stand on."""

    below: Ground
    supervisor: int
    port: int
    hello_port: int

    def find_rate(self) -> float:
        """Answer the page views a second that take `LOAD` of the core, by their processor time."""
        rate = _TRIAL_RATE
        for number in (-2, -1):
            waits, used_s = self._views(rate, TURN_S / 2, number)
            rate = LOAD * len(waits.waits_us) / max(used_s, 1e-3)
        return rate

    def soak(self, rate: float, turn_s: float, count: int) -> list[Turn]:
        """Take so many turns."""
        turns: list[Turn] = []
        answered = 0
        for number in range(count):
            waits, used_s = self._views(rate, turn_s, number)
            hello_s = turn_s * HELLO_SHARE
            hello = send(OPEN_LOOP, self.hello_port, rate, hello_s)
            answered += len(waits.waits_us)
            turns.append(
                Turn(
                    views=answered,
                    load=used_s / turn_s,
                    p50_us=waits.percentile_us(0.5),
                    p99_us=waits.percentile_us(0.99),
                    hello_p99_us=hello.percentile_us(0.99),
                    bad=waits.bad + hello.bad,
                    foreign=waits.foreign,
                    degraded=waits.degraded,
                    workers={pid: footprint_of(pid) for pid in workers_of(self.supervisor)},
                )
            )
        return turns

    def _views(self, rate: float, seconds: float, number: int) -> tuple[Waits, float]:
        """Send page views; answer the waits, and the processor time of the workers."""
        workers = workers_of(self.supervisor)
        used_s = sum(map(processor_s, workers))
        traffic = "benchmarks.soak.traffic"
        waits = send(traffic, self.port, rate, seconds, self.below.cookies, number)
        if not waits.waits_us:
            raise CannotRun("no page view was answered")
        return waits, sum(map(processor_s, workers)) - used_s


@contextmanager
def _bench() -> Iterator[_Bench]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "edgeseg", "serve"),
        *("--port", str(port), "--workers", str(WORKERS)),
    ]
    with (
        ground() as below,
        running(
            command,
            {**below.environment, "EDGESEG_CACHE_MB": str(CACHE_MB)},
            port,
            SERVER_CORE,
        ) as supervisor,
        serving(*HELLO, below.environment, SERVER_CORE) as (_pid, hello_port),
    ):
        yield _Bench(below=below, supervisor=supervisor, port=port, hello_port=hello_port)


def list_figures(turns: Sequence[Turn]) -> list[Figure]:
    """Compare the turns of a run."""
    relative = ratios([each.p99_us for each in turns], [each.hello_p99_us for each in turns])
    third = len(turns) // 3
    first, last = relative[:third], relative[-third:]
    held = [list(each.workers.values()) for each in turns]
    last_held = held[-1]
    return [
        Figure(
            name="growth of the workers' anonymous memory for each page view, once caches are full",
            values=[growth_bytes(turns)],
            unit="bytes",
            reach=LEAK_BYTES,
        ),
        Figure(
            name="open files of a worker in the last third, more than in the first",
            values=[float(_most_files(held[-third:]) - _most_files(held[:third]))],
            reach=0.0,
        ),
        Figure(
            name="p99 in hello's, in the last third of the first third's",
            values=ratios(sorted(last), sorted(first)),  # quick turns with quick ones
            reach=WORSE,
        ),
        Figure(name="processor time of the workers, of the time", values=[t.load for t in turns]),
        Figure(name="p99 of page views", values=[t.p99_us / 1_000 for t in turns], unit="ms"),
        Figure(name="p99 of page views, in hello's", values=relative),
        Figure(
            name="resident memory of a worker at the end",
            values=[each.resident_mb for each in last_held],
            unit="MB",
        ),
        Figure(
            name="anonymous memory of a worker at the end",
            values=[each.anonymous_mb for each in last_held],
            unit="MB",
        ),
        Figure(
            name="workers that ended",
            values=[float(len({pid for t in turns for pid in t.workers}) - len(last_held))],
            reach=0.0,
        ),
        *(
            Figure(name=name, values=[float(sum(counts))], reach=reach)
            for name, counts, reach in (
                ("page views that failed", [t.bad for t in turns], 0.0),
                ("answers to other visitors", [t.foreign for t in turns], 0.0),
                ("degraded answers", [t.degraded for t in turns], None),
            )
        ),
    ]


def growth_bytes(turns: Sequence[Turn]) -> float:
    """Answer the bytes by which the workers' anonymous memory grows for each page view answered.

    Of the turns after caches are full.
    """
    later = turns[int(len(turns) * FULL_AFTER) :]
    return slope_of(
        [
            (each.views, sum(worker.anonymous_mb for worker in each.workers.values()) * 2**20)
            for each in later
        ]
    )


def _most_files(held: Sequence[Sequence[Footprint]]) -> int:
    return max((each.files for workers in held for each in workers), default=0)
