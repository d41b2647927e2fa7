"""What every request counts: plain numbers, to which counting is an addition.

A counter of prometheus_client takes a lock and several calls each time, which was a tenth of a
fragment's work. `shared_counts` tells Prometheus of these.
"""

from bisect import bisect_left
from time import perf_counter
from typing import Final

import msgspec

BUCKETS_S: Final = (
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
)  # fmt: skip
"""Finer and lower than OpenTelemetry's advice: most answers take less than a millisecond."""


class Count(msgspec.Struct):
    """How often something happened."""

    times: int = 0


class Durations(msgspec.Struct):
    """How long something took.

    Attributes:
        times: how often it fell into each of `BUCKETS_S`, and last, how often it took longer.
        sum_s: all of them together.
    """

    times: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0

    def merge(self, other: "Durations") -> None:
        """Add what another process counted."""
        self.times = [one + more for one, more in zip(self.times, other.times, strict=True)]
        self.sum_s += other.sum_s


class Counts(msgspec.Struct):
    """The numbers of one process, or of several.

    Attributes:
        requests: by method, route and status.
        near_reads: by what answered.
        cpu_s: processor time.
        resident_bytes: memory that it took when it was last measured.
        open_fds: file descriptors, likewise.
        measured_s: when that was, on the clock that all processes of the machine share.
    """

    requests: dict[tuple[str, str, int], Durations] = {}
    near_reads: dict[str, Count] = {}
    cpu_s: float = 0.0
    resident_bytes: int = 0
    open_fds: int = 0
    measured_s: float = 0.0

    def merge(self, other: "Counts") -> None:
        """Add what another process counted, or another thread of this one is counting."""
        for kind, durations in other.requests.copy().items():
            self.requests.setdefault(kind, Durations()).merge(durations)
        for source, count in other.near_reads.copy().items():
            self.near_reads.setdefault(source, Count()).times += count.times
        self.cpu_s += other.cpu_s
        self.resident_bytes += other.resident_bytes
        self.open_fds += other.open_fds


class Route:
    """Counts the answers of one route."""

    def __init__(self, counts: Counts, method: str, route: str) -> None:
        """Count in ``counts``; a ``route`` has placeholders for what differs."""
        self._counts = counts
        self._kind = (method, route)
        self._by_status: dict[int, Durations] = {}

    def answered(self, status: int, began_s: float) -> float:
        """Count an answer to a request that was whole at ``began_s`` of `perf_counter`.

        Answer how long it took, seconds.
        """
        took_s = perf_counter() - began_s
        durations = self._by_status.get(status) or self._begin(status)
        durations.times[bisect_left(BUCKETS_S, took_s)] += 1
        durations.sum_s += took_s
        return took_s

    def _begin(self, status: int) -> Durations:
        durations = self._counts.requests.setdefault((*self._kind, status), Durations())
        self._by_status[status] = durations
        return durations
