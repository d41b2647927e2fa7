"""`edgeseg serve` with one worker and with two, in turn, beside the generator and the store.

Nothing is pinned: this is about what a machine gets out of its cores.
"""

import sys
from contextlib import ExitStack
from typing import Final

import msgspec
from rich.console import Console

from benchmarks.classify.generator import generate
from benchmarks.classify.serving import CannotRun, free_port, running
from benchmarks.figures import Better, Figure, Result, ratios, table_of
from benchmarks.service import ground

WORKERS: Final = (1, 2)


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """So many workers for some seconds."""

    workers: int
    rps: float
    p99_us: int


def run(console: Console, *, quick: bool) -> Result:
    """Measure both, printing a table.

    Raises:
        CannotRun: something is missing, or a request failed.
    """
    seconds, count = (2.0, 2) if quick else (4.0, 5)
    rounds: list[Round] = []
    with console.status("workers: starting the servers"), ExitStack() as stack:
        below = stack.enter_context(ground())
        ports = {}
        for workers in WORKERS:
            ports[workers] = port = free_port()
            command = [
                *(sys.executable, "-m", "edgeseg", "serve"),
                *("--port", str(port), "--workers", str(workers)),
            ]
            stack.enter_context(running(command, below.environment, port, None))
        for number in range(-1, count):
            for workers in WORKERS if number % 2 == 0 else WORKERS[::-1]:
                load = generate(ports[workers], below.cookies, seconds, None, "classify")
                if load.bad or not load.requests:
                    raise CannotRun(f"{load.bad} of {load.requests} requests failed")
                if number >= 0:  # the first one warms up
                    rps = load.requests / load.duration_us * 1e6
                    rounds.append(Round(workers=workers, rps=rps, p99_us=load.p99_us))
    one, two = ([each.rps for each in rounds if each.workers == n] for n in WORKERS)
    figures = [
        Figure(
            name="page views a second of two workers, of one's, generator and store included",
            values=ratios(two, one),
            better=Better.HIGHER,
            reach=1.35,
        )
    ]
    console.print(table_of(figures, "What a second worker brings"))
    return Result(figures=figures, rounds=rounds)
