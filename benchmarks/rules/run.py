"""Measure trials and rebuilds, and hold them to their bars."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.rules.rebuild import Rebuild
from benchmarks.rules.trials import Trials, measure_trials
from benchmarks.spread import shorten

LADDER: Final = (100, 1_000, 10_000)
QUICK: Final = (1_000,)
LINES_PER_S: Final = 2_000
REBUILD_MS: Final = 3_000
PAUSE_MS: Final = 20
_ROUNDS: Final = 3


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured; of each number of segments the middle one of several rebuilds."""

    trials: Trials
    rebuilds: list[Rebuild]


def run(console: Console, *, quick: bool) -> Results:
    """Measure, printing a table."""
    with console.status("trials"):
        trials = measure_trials(quick=quick)
    rebuilds = []
    for segments in QUICK if quick else LADDER:
        with console.status(f"rebuild of {segments:,} segments"):
            rounds = sorted(
                (_rebuild(segments) for _ in range(1 if quick else _ROUNDS)),
                key=lambda each: each.longest_pause_ms,
            )
        rebuilds.append(rounds[len(rounds) // 2])
    results = Results(trials=trials, rebuilds=rebuilds)
    table = Table(title="Rules: trials and rebuilds")
    for heading in ("figure", "measured", "bar", ""):
        table.add_column(heading)
    for row in _rows(results):
        table.add_row(*row)
    console.print(table)
    return results


def _rebuild(segments: int) -> Rebuild:
    command = [sys.executable, "-m", "benchmarks.rules.rebuild", str(segments)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return msgspec.json.decode(output, type=Rebuild)


def _rows(results: Results) -> Iterator[tuple[str, str, str, str]]:
    trials = results.trials
    reached = _word(reached=trials.new_per_s >= LINES_PER_S)
    yield ("trials, all new", f"{trials.new_per_s:,.0f} lines/s", f"≥ {LINES_PER_S:,}", reached)
    yield ("trials, one again and again", f"{trials.repeated_per_s:,.0f} lines/s", "", "")
    for each in results.rebuilds:
        name = f"rebuild of {each.segments:,}"
        reached = _word(reached=each.rebuild_ms <= REBUILD_MS)
        yield (name, f"{shorten(each.rebuild_ms)} ms", f"≤ {REBUILD_MS:,} ms", reached)
        reached = _word(reached=each.longest_pause_ms <= PAUSE_MS)
        pause = f"{shorten(each.longest_pause_ms)} ms, idle {shorten(each.idle_pause_ms)} ms"
        yield ("  longest pause of the loop", pause, f"≤ {PAUSE_MS} ms", reached)
        yield ("  99 % of the pauses", f"{shorten(each.p99_pause_ms)} ms", "", "")


def _word(*, reached: bool) -> str:
    return "reached" if reached else "MISSED"
