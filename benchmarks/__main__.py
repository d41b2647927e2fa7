"""Run the benchmarks: ``python -m benchmarks [--quick] [--only NAME] [--json FILE]``.

All of them but the soak, which takes ten minutes and is run by ``--only soak``.

``python -m benchmarks --publish`` measures nothing: it writes the kept figures into the docs.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from benchmarks.bulk import run as bulk
from benchmarks.bytecodes import run as bytecodes
from benchmarks.classify import run as classify
from benchmarks.classify.serving import CannotRun
from benchmarks.environment import environment
from benchmarks.figures import Figure, Result, table_of
from benchmarks.growth import run as growth
from benchmarks.history import find_last, list_regressions, read_results
from benchmarks.latency import run as latency
from benchmarks.memory import run as memory
from benchmarks.peers import run as peers
from benchmarks.publish import NothingKept, publish
from benchmarks.rules import run as rules
from benchmarks.segments import run as segments
from benchmarks.slots import run as slots
from benchmarks.soak import run as soak
from benchmarks.stages import run as stages
from benchmarks.tracking import run as tracking
from benchmarks.workers import run as workers
from edgeseg.errors import EdgesegError

RESULTS: Final = Path(__file__).parent / "results"
BENCHMARKS: Final[dict[str, Callable[..., object]]] = {
    "segments": segments.run,
    "rules": rules.run,
    "stages": stages.run,
    "bytecodes": bytecodes.run,
    "classify": classify.run,
    "latency": latency.run,
    "growth": growth.run,
    "workers": workers.run,
    "memory": memory.run,
    "slots": slots.run,
    "tracking": tracking.run,
    "bulk": bulk.run,
    "peers": peers.run,
}
ON_DEMAND: Final = ("soak",)
"""Run only if named."""


def main() -> int:
    """Run what is asked for; answer 1 where a benchmark could not be run to its end."""
    options = _parse()
    # A file or a pipe has no width of its own.
    console = Console(width=None if sys.stdout.isatty() else 120)
    if options.publish:
        try:
            console.print(f"Written: {publish(RESULTS)}")
        except NothingKept as error:
            console.print(f"Nothing written: {error}", style="bold red")
            return 1
        return 0
    benchmarks = BENCHMARKS | {"soak": partial(soak.run, seconds=options.seconds)}
    # A soak that was cut short is kept as a quick run, and not published.
    quick = options.quick or (options.seconds or soak.SECONDS) < soak.SECONDS
    surroundings = environment()
    console.print(" · ".join(f"{name} {version}" for name, version in surroundings.items()))
    results: dict[str, object] = {}
    failures = 0
    for name in options.only or BENCHMARKS:
        try:
            results[name] = benchmarks[name](console, quick=quick)
        except (segments.Disagreement, CannotRun, EdgesegError) as error:
            console.print(f"{name}: {error}", style="bold red")
            failures += 1
    surroundings["load average after"] = f"{os.getloadavg()[0]:.2f}"
    figures = {name: each.figures for name, each in results.items() if isinstance(each, Result)}
    worse = _compare(console, figures, surroundings, quick=quick)
    path = options.json or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    _keep(path, surroundings, figures, results, quick=quick)
    console.print(f"Results: {path}")
    return 1 if failures or (worse and options.strict) else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--only",
        choices=[*BENCHMARKS, *ON_DEMAND],
        action="append",
        help="run one benchmark; may be repeated",
    )
    parser.add_argument("--seconds", type=float, help="how long the soak takes, by default 600")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a figure got worse")
    parser.add_argument("--publish", action="store_true", help="write the kept figures to the docs")
    return parser.parse_args()


def _compare(
    console: Console,
    figures: Mapping[str, list[Figure]],
    surroundings: Mapping[str, str],
    *,
    quick: bool,
) -> int:
    """Show all figures with bars, and what got worse; answer how many did."""
    with_bars = [each for own in figures.values() for each in own if each.reach is not None]
    if with_bars:
        console.print(table_of(with_bars, "What is to be reached"))
    kept = list(read_results(RESULTS))
    worse = 0
    for name, own in figures.items():
        last = find_last(kept, surroundings, name, quick=quick)
        changes = list_regressions(last.figures[name], own) if last else []
        for each in changes:
            said = f"WORSE than in {last.path if last else ''}: {name}: {each.name}: "
            console.print(f"{said}{each.now}, was {each.before}", style="bold red")
        if last and not changes:
            console.print(f"{name}: nothing worse than in {last.path}")
        worse += len(changes)
    return worse


def _keep(
    path: Path,
    surroundings: Mapping[str, str],
    figures: Mapping[str, list[Figure]],
    results: Mapping[str, object],
    *,
    quick: bool,
) -> None:
    rounds = {
        name: each.rounds if isinstance(each, Result) else each for name, each in results.items()
    }
    document = {
        "environment": surroundings, "quick": quick, "figures": figures, "results": rounds,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
