"""Medians and their spread."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import NamedTuple


class Spread(NamedTuple):
    """The middle of several measurements, and between which values their middle half lies."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """Show the median and half of the interquartile range."""
        return f"{shorten(self.median)} ± {shorten((self.high - self.low) / 2)}"


def spread_of(values: Sequence[float]) -> Spread:
    """Answer the spread of at least one measurement."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, _middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(median(values), low, high)


def shorten(value: float) -> str:
    """Show three significant digits, and large numbers whole."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
