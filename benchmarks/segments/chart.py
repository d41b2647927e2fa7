"""Draw the times of all contenders over the number of segments, both in powers of ten, as SVG.

``python -m benchmarks.segments.chart RESULTS.json docs/images/segments.svg``
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from benchmarks.segments.measure import Measured
from benchmarks.spread import shorten, spread_of

_WIDTH: Final = 850
_HEIGHT: Final = 440
_LEFT, _TOP, _RIGHT, _BOTTOM = 80, 48, 540, 390
_LABEL_GAP: Final = 17
"""Least distance of two labels beside the lines, so that none covers another."""
_COLOURS: Final = (
    "#d6336c", "#1c7ed6", "#495057", "#2b8a3e", "#e8590c", "#7048e8", "#0c8599", "#a16207",
)  # fmt: skip
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#343a40}.title{font-weight:600;font-size:15px}"
    ".grid{stroke:#dee2e6}.line{fill:none;stroke-width:2}.own{stroke-width:4}"
    "@media(prefers-color-scheme:dark){text{fill:#e9ecef}.grid{stroke:#495057}}"
)

Point: TypeAlias = tuple[int, float]
"""Number of segments, microseconds per visitor."""
Lines: TypeAlias = Mapping[str, Sequence[Point]]


def draw(measured: Iterable[Measured], share: float = 0.01) -> str:
    """Answer the chart of what was measured with so large a share of matching segments."""
    lines: dict[str, list[Point]] = {}
    for each in measured:
        if each.share == share:
            points = lines.setdefault(each.contender.replace("_", " "), [])
            points.append((each.segments, spread_of(each.round_us).median))
    every = [point for points in lines.values() for point in points]
    # Both axes span whole powers of ten.
    x = _scale([point[0] for point in every], _LEFT, _RIGHT)
    y = _scale([point[1] for point in every], _BOTTOM, _TOP)
    parts = [*_axes(x, y), *_drawn(lines, x, y)]
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    title = "Time per visitor by number of segments, less is better"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">\n'
        f"<style>{_STYLE}</style>\n"
        f'<text class="title" x="{_LEFT}" y="24">{title}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


class _Scale(msgspec.Struct, frozen=True):
    """From a value to a place along an axis, by powers of ten."""

    low: int
    high: int
    begin: float
    end: float

    def place(self, value: float) -> float:
        part = (log10(value) - self.low) / (self.high - self.low)
        return round(self.begin + part * (self.end - self.begin), 1)

    def powers(self) -> Iterator[int]:
        return (10**power for power in range(self.low, self.high + 1))


def _scale(values: Sequence[float], begin: float, end: float) -> _Scale:
    low = floor(log10(min(values)))
    return _Scale(low, max(low + 1, ceil(log10(max(values)))), begin, end)


def _axes(x: _Scale, y: _Scale) -> Iterator[str]:
    for value in y.powers():
        at = y.place(value)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{at}" y2="{at}"/>'
        yield f'<text x="{_LEFT - 8}" y="{at + 4}" text-anchor="end">{_time(value)}</text>'
    for value in x.powers():
        at = x.place(value)
        yield f'<line class="grid" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_BOTTOM}"/>'
        yield f'<text x="{at}" y="{_BOTTOM + 20}" text-anchor="middle">{value:,}</text>'
    middle = (_LEFT + _RIGHT) / 2
    yield f'<text x="{middle}" y="{_BOTTOM + 40}" text-anchor="middle">segments</text>'


def _drawn(lines: Lines, x: _Scale, y: _Scale) -> Iterator[str]:
    free = float(_HEIGHT)
    lowest_first = sorted(lines, key=lambda name: lines[name][-1][1])
    for name in lowest_first:
        points = lines[name]
        number = list(lines).index(name)
        colour = _COLOURS[number % len(_COLOURS)]
        along = " ".join(f"{x.place(size)},{y.place(us)}" for size, us in points)
        kind = "line" if number else "line own"
        yield f'<polyline class="{kind}" stroke="{colour}" points="{along}"/>'
        last_us = points[-1][1]
        free = min(y.place(last_us) + 4, free - _LABEL_GAP)
        label = f"{name}, {_time(last_us)}"
        yield f'<text x="{_RIGHT + 10}" y="{free}" style="fill:{colour}">{label}</text>'


def _time(us: float) -> str:
    if us < 1_000:
        return f"{shorten(us) if us % 1 else round(us)} µs"
    return f"{shorten(us / 1_000) if us % 1_000 else round(us / 1_000)} ms"


def main() -> None:
    """Read results, write the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("chart", type=Path)
    options = parser.parse_args()
    found = msgspec.json.decode(options.results.read_bytes())["results"]["segments"]
    measured = msgspec.convert(found["measured"], list[Measured])
    options.chart.write_text(draw(measured), "utf-8")


if __name__ == "__main__":
    main()
