"""Latencies of a run: finer than whole milliseconds, in bounded memory.

Locust keeps whole milliseconds below 100 and rounds above; a service that answers
in less than one needs more.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

PRECISION = 1.01
"""Two latencies in one bucket differ by at most this factor."""
LEAST_MS = 0.01
SHOWN = (0.5, 0.95, 0.99, 0.999)


@dataclass
class Latencies:
    """A histogram with logarithmic buckets, about 700 a decade of seconds at most."""

    counts: Counter[int] = field(default_factory=Counter)
    longest_ms: float = 0.0

    def add(self, took_ms: float) -> None:
        """Count one answer."""
        self.counts[round(math.log(max(took_ms, LEAST_MS), PRECISION))] += 1
        self.longest_ms = max(self.longest_ms, took_ms)

    @property
    def total(self) -> int:
        """How many answers were counted."""
        return self.counts.total()

    def percentile_ms(self, share: float) -> float:
        """Answer the latency that this share of answers (0 to 1) did not exceed, 0 for none."""
        wanted = math.ceil(share * self.total)
        for bucket in sorted(self.counts):
            wanted -= self.counts[bucket]
            if wanted <= 0:
                return float(min(PRECISION**bucket, self.longest_ms))
        return 0.0

    def __add__(self, other: "Latencies") -> "Latencies":
        """Answer the two together."""
        return Latencies(self.counts + other.counts, max(self.longest_ms, other.longest_ms))


def table_of(named: Iterable[tuple[str, Latencies]]) -> list[list[str]]:
    """Answer the rows of a table, a header first: name, count, percentiles and the longest."""
    header = ["name", "requests", *(f"p{100 * share:g} ms" for share in SHOWN), "max ms"]
    rows = [
        [
            name,
            str(each.total),
            *(f"{each.percentile_ms(share):.2f}" for share in SHOWN),
            f"{each.longest_ms:.2f}",
        ]
        for name, each in named
    ]
    return [header, *rows]
