"""Figures: what a benchmark found, each beside the bar it is to reach."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import msgspec
from rich.table import Table

from benchmarks.spread import Spread, shorten, spread_of

SLACK: Final = 0.05
"""What a figure may differ by, at least, without a word: a fresh process has fresh luck."""


class Better(StrEnum):
    """Which way a figure is better."""

    HIGHER = "higher"
    LOWER = "lower"


class Verdict(StrEnum):
    """What a figure is beside its bar."""

    BEYOND = "beyond"
    REACHED = "reached"
    MISSED = "MISSED"
    NONE = ""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure, measured once or in several rounds of one run.

    Attributes:
        name: the same in every run, so that runs can be compared.
        values: one a round; a ratio is taken within its round, so that what disturbs the
            machine disturbs both sides.
        unit: "" for a ratio.
        better: which way.
        reach: the bar, None for a figure without one.
        beyond: a second bar, behind the first.
        slack: the share that it may differ by, at least, from one run to the next.
    """

    name: str
    values: list[float]
    unit: str = ""
    better: Better = Better.LOWER
    reach: float | None = None
    beyond: float | None = None
    slack: float = SLACK

    @property
    def spread(self) -> Spread:
        """The median of the rounds, with their middle half."""
        return spread_of(self.values)

    @property
    def verdict(self) -> Verdict:
        """What the median is beside the bars."""
        if self.reach is None:
            return Verdict.NONE
        if self.beyond is not None and self._is_within(self.beyond):
            return Verdict.BEYOND
        return Verdict.REACHED if self._is_within(self.reach) else Verdict.MISSED

    @property
    def bar(self) -> str:
        """The bars, in words."""
        sign = "≤" if self.better is Better.LOWER else "≥"
        bars = [each for each in (self.reach, self.beyond) if each is not None]
        return ", beyond ".join(f"{sign} {_number(each)}" for each in bars)

    def _is_within(self, bar: float) -> bool:
        middle = self.spread.median
        return middle <= bar if self.better is Better.LOWER else middle >= bar


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one benchmark found: its figures, and every round they were taken from."""

    figures: list[Figure]
    rounds: object


HEADINGS: Final = ("figure", "measured", "bar", "")


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Divide round by round; rounds in which nothing was measured are left out."""
    return [one / other for one, other in zip(over, under, strict=True) if other]


def figure_rows(figures: Iterable[Figure]) -> list[tuple[str, str, str, str]]:
    """Answer what a table says of each figure, under `HEADINGS`."""
    return [
        (each.name, f"{each.spread} {each.unit}".strip(), each.bar, each.verdict)
        for each in figures
        if each.values
    ]


def table_of(figures: Iterable[Figure], title: str) -> Table:
    """Show figures; those that miss their bar stand out."""
    table = Table(title=title)
    for heading in HEADINGS:
        table.add_column(heading)
    for row in figure_rows(figures):
        table.add_row(*row, style="bold red" if row[3] == Verdict.MISSED else None)
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else shorten(value).rstrip("0").rstrip(".")
