"""Page views of two services in turn: one with 100 segments, one with 10,000."""

from contextlib import ExitStack
from typing import Final

from rich.console import Console

from benchmarks.classify.generator import generate
from benchmarks.classify.round import Round, by_contender
from benchmarks.classify.serving import CannotRun, processor_s, serving
from benchmarks.figures import Figure, Result, ratios, table_of
from benchmarks.service import EDGESEG, OTHER_CORE, SERVER_CORE, Ground, ground

FEW: Final = 100
MANY: Final = 10_000


def run(console: Console, *, quick: bool) -> Result:
    """Measure both, printing a table.

    Raises:
        CannotRun: something is missing, or a request failed.
    """
    seconds, count = (2.0, 2) if quick else (4.0, 5)
    with console.status("growth: starting the servers"), ExitStack() as stack:
        servers = {}
        for segments in (FEW, MANY):
            below = stack.enter_context(ground(segments))
            started = stack.enter_context(serving(*EDGESEG, below.environment, SERVER_CORE))
            servers[segments] = (below, *started)
        rounds = [
            _round(segments, *servers[segments], seconds)
            for number in range(-1, count)
            for segments in (servers if number % 2 == 0 else reversed(servers))
        ][len(servers) :]  # the first of each warms up
    found = by_contender(rounds)
    few, many = found[str(FEW)], found[str(MANY)]
    figures = [
        Figure(
            name=f"processor time of a page view at {MANY:,} segments, of that at {FEW}",
            values=ratios(
                [each.processor_us for each in many], [each.processor_us for each in few]
            ),
            reach=1.6,
            beyond=1.3,
        ),
        *(
            Figure(
                name=f"processor time of a page view at {int(name):,} segments",
                values=[each.processor_us for each in own],
                unit="µs",
            )
            for name, own in found.items()
        ),
    ]
    console.print(table_of(figures, "What more segments cost"))
    return Result(figures=figures, rounds=rounds)


def _round(segments: int, below: Ground, pid: int, port: int, seconds: float) -> Round:
    used_s = processor_s(pid)
    load = generate(port, below.returning, seconds, OTHER_CORE, "classify")
    if load.bad or not load.requests:
        raise CannotRun(f"{load.bad} of {load.requests} requests failed")
    return Round(
        contender=str(segments),
        rps=load.requests / load.duration_us * 1e6,
        processor_us=(processor_s(pid) - used_s) / load.requests * 1e6,
        p50_us=load.p50_us,
        p99_us=load.p99_us,
        bad=load.bad,
    )
