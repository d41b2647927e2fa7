"""Compare the contenders: each in a fresh process, their answers checked to be equal."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.segments.bars import Bar, list_bars
from benchmarks.segments.measure import Measured
from benchmarks.spread import shorten, spread_of

CONTENDERS: Final = ("edgeseg_index", "fused_function", "naive_loop")
RIVALS: Final = {
    "common_expression_language": "common-expression-language",
    "zen_engine": "zen-engine",
    "growthbook_conditions": "growthbook",
    "json_logic_rules": "panzi-json-logic",
    "rule_engine_rules": "rule-engine",
}
"""Contenders that need a library of their own, by the name of its distribution."""
LADDER: Final = ((10, 0.01), (100, 0.01), (1_000, 0.01), (10_000, 0.01), (1_000, 0.5))
"""Number of segments, and the share of them that a visitor is in."""
QUICK: Final = ((10, 0.01), (1_000, 0.01))


class Disagreement(Exception):
    """Two contenders found different segments for the same visitors."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and the bars, which a quick run has none of."""

    measured: list[Measured]
    bars: list[Bar] = []


def run(console: Console, *, quick: bool) -> Results:
    """Measure every contender on every step of the ladder, printing tables.

    Raises:
        Disagreement: of the contenders.
    """
    found: list[Measured] = []
    table = _table()
    rivals = versions_of_rivals()
    _tell(console, rivals)
    contenders = (*CONTENDERS, *rivals)
    for segments, share in QUICK if quick else LADDER:
        with console.status(f"{segments:,} segments"):
            step = {
                name: _measure(name, segments, share, 0.2 if quick else 2.0) for name in contenders
            }
        check_agreement(step.values())
        _add(table, step)
        found += step.values()
    console.print(table)
    bars = [] if quick else list(list_bars(found))
    if bars:
        console.print(_table_of_bars(bars))
    return Results(measured=found, bars=bars)


def versions_of_rivals() -> dict[str, str]:
    """Answer contender → version of its library, of those that are installed."""
    versions: dict[str, str] = {}
    for contender, library in RIVALS.items():
        try:
            versions[contender] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return versions


def check_agreement(measured: Iterable[Measured]) -> None:
    """Return if all contenders answered the same.

    Raises:
        Disagreement: they did not.
    """
    digests = {each.contender: each.digest for each in measured}
    if len(set(digests.values())) > 1:
        raise Disagreement(f"the contenders found different segments: {digests}")


def _tell(console: Console, rivals: Mapping[str, str]) -> None:
    for contender, library in RIVALS.items():
        if contender not in rivals:
            console.print(f"skipped: {library} is not installed, see benchmarks/requirements.txt")
        else:
            console.print(f"{library} {rivals[contender]}")


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
        table.add_column(heading, justify="left" if heading == "contender" else "right")
    return table


def _table_of_bars(bars: Iterable[Bar]) -> Table:
    table = Table(title="What the index is to reach")
    for heading in ("figure", "measured", "at most", ""):
        table.add_column(heading)
    for bar in bars:
        figures = (f"{value:.3g} {bar.unit}" for value in (bar.figure, bar.at_most))
        table.add_row(bar.name, *figures, "reached" if bar.reached else "MISSED")
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
            end_section=name == list(step)[-1],
        )
