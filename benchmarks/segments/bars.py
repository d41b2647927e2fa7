"""What the index is to reach, and whether it does in this run."""

from collections.abc import Iterator, Sequence
from statistics import median
from time import perf_counter
from typing import Final

import msgspec

from benchmarks.segments.measure import Measured
from benchmarks.segments.population import NOW_MS, make_definitions, make_visitors
from benchmarks.spread import spread_of
from edgeseg.segments.describe import describe_segment
from edgeseg.segments.explain import explain_segment
from edgeseg.segments.facts import Facts

FEW: Final = 10
MANY: Final = 10_000
_SHARE: Final = 0.01
_TOLD: Final = 300
"""Segments that are explained and described."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A figure and the most it may be."""

    name: str
    figure: float
    at_most: float
    unit: str

    @property
    def reached(self) -> bool:
        """Tell whether the figure is good enough."""
        return self.figure <= self.at_most


def list_bars(measured: Sequence[Measured]) -> Iterator[Bar]:
    """Iterate over the bars that these measurements can tell of.

    Args:
        measured: among them every contender of our own at `FEW` and `MANY` segments.
    """
    own = _find(measured, "edgeseg_index", MANY)
    for contender, part in (("naive_loop", 40), ("fused_function", 8)):
        share = _us(own) / _us(_find(measured, contender, MANY))
        name = f"time at {MANY:,} / {contender.replace('_', ' ')}"
        yield Bar(name=name, figure=share, at_most=1 / part, unit="")
    growth = _us(own) / _us(_find(measured, "edgeseg_index", FEW))
    yield Bar(name=f"time at {MANY:,} / at {FEW}", figure=growth, at_most=20, unit="")
    yield Bar(name="memory", figure=own.memory_bytes / 1e6, at_most=100, unit="MB")
    yield Bar(name="build", figure=own.build_ms / 1_000, at_most=3, unit="s")
    explain_ms, describe_ms = narrate()
    yield Bar(name="explain one segment", figure=explain_ms, at_most=5, unit="ms")
    yield Bar(name="describe one segment", figure=describe_ms, at_most=5, unit="ms")


def narrate(segments: int = MANY) -> tuple[float, float]:
    """Answer the median milliseconds to explain, and to describe, one of so many segments."""
    definitions = make_definitions(segments, _SHARE)
    visitors = make_visitors(_TOLD)
    told = list(definitions.segments.values())[:: max(1, segments // _TOLD)]
    explain_ms: list[float] = []
    describe_ms: list[float] = []
    for segment, values in zip(told, visitors, strict=False):
        facts = Facts(values, None, None)
        started = perf_counter()
        explain_segment(segment, definitions, facts, NOW_MS)
        between = perf_counter()
        describe_segment(segment, definitions)
        explain_ms.append((between - started) * 1_000)
        describe_ms.append((perf_counter() - between) * 1_000)
    return median(explain_ms), median(describe_ms)


def _find(measured: Sequence[Measured], contender: str, segments: int) -> Measured:
    asked = (contender, segments, _SHARE)
    return next(each for each in measured if (each.contender, each.segments, each.share) == asked)


def _us(measured: Measured) -> float:
    return spread_of(measured.round_us).median
