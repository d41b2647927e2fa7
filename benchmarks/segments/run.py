"""Compare the contenders: each in a fresh process, their answers checked to be equal."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.segments.measure import Measured
from benchmarks.spread import shorten, spread_of

CONTENDERS: Final = ("edgeseg_index", "fused_function", "naive_loop")
LADDER: Final = ((10, 0.01), (100, 0.01), (1_000, 0.01), (10_000, 0.01), (1_000, 0.5))
"""Number of segments, and the share of them that a visitor is in."""
QUICK: Final = ((10, 0.01), (1_000, 0.01))


class Disagreement(Exception):
    """Two contenders found different segments for the same visitors."""


def run(console: Console, *, quick: bool) -> list[Measured]:
    """Measure every contender on every step of the ladder, printing a table.

    Raises:
        Disagreement: of the contenders.
    """
    found: list[Measured] = []
    table = _table()
    for segments, share in QUICK if quick else LADDER:
        with console.status(f"{segments:,} segments"):
            step = {
                name: _measure(name, segments, share, 0.2 if quick else 2.0) for name in CONTENDERS
            }
        check_agreement(step.values())
        _add(table, step)
        found += step.values()
    console.print(table)
    return found


def check_agreement(measured: Iterable[Measured]) -> None:
    """Return if all contenders answered the same.

    Raises:
        Disagreement: they did not.
    """
    digests = {each.contender: each.digest for each in measured}
    if len(set(digests.values())) > 1:
        raise Disagreement(f"the contenders found different segments: {digests}")


def _measure(contender: str, segments: int, share: float, seconds: float) -> Measured:
    command = [
        sys.executable, "-m", "benchmarks.segments.measure", contender,
        "--segments", str(segments), "--share", str(share), "--seconds", str(seconds),
    ]  # fmt: skip
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return msgspec.json.decode(output, type=Measured)


def _table() -> Table:
    table = Table(title="Segments of one visitor: 30 facts, trees of 3 to 5 conditions")
    for heading in ("segments", "matching", "contender", "µs / visitor", "ratio", "build ms", "MB"):
        justify = "left" if heading == "contender" else "right"
        table.add_column(heading, justify=justify)
    return table


def _add(table: Table, step: Mapping[str, Measured]) -> None:
    own_us = spread_of(step[CONTENDERS[0]].round_us).median
    for name, measured in step.items():
        spread = spread_of(measured.round_us)
        table.add_row(
            f"{measured.segments:,}",
            f"{measured.matching:.1%}",
            name.replace("_", " "),
            str(spread),
            shorten(spread.median / own_us),
            shorten(measured.build_ms),
            shorten(measured.memory_bytes / 1e6),
            end_section=name == CONTENDERS[-1],
        )
