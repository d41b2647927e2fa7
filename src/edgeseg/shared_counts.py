"""The counts of all workers, for Prometheus.

Each worker hands its numbers over every `HAND_OVER_S`, in a file of its own in the folder that
they share, and whoever is asked hands over its own and adds all of them up. A worker that ends
hands over what it has; one that is killed takes along what it counted since the last time. Memory
and open files are those of processes that have handed over a moment ago; of others the counts
remain.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from threading import Lock
from time import monotonic, process_time
from typing import Final

import msgspec
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from edgeseg.hot_counts import BUCKETS_S, Count, Counts, Route
from edgeseg.process_use import Use, own_use

HAND_OVER_S: Final = 1.0
GONE_S: Final = 10.0
"""A process that has handed over nothing for so long takes nothing of the machine."""
_FILES: Final = "hot_*.msgpack"
_SCOPE: Final = "edgeseg"
"""Tells our requests from those of other services, which have the same name by convention."""
_LABELS: Final = (
    "otel_scope_name", "http_request_method", "http_route", "http_response_status_code",
)  # fmt: skip

_log = logging.getLogger(__name__)


class SharedCounts(Collector):
    """The counts of this process, and for Prometheus those of all that share its folder.

    Count on one thread only; what is counted may be told on any.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        clock: Callable[[], float] = monotonic,
        use: Callable[[], Use] = own_use,
    ) -> None:
        """Go on where a former process with our number stopped, if it did in ``folder``.

        Args:
            folder: of all processes, None for one alone.
            clock: seconds, the same in all processes of the machine.
            use: what this process takes of the machine now.
        """
        self._folder = folder
        self._clock = clock
        self._use = use
        self._own = Counts()
        self._lock = Lock()
        if folder is not None:
            self._path = folder / _FILES.replace("*", str(os.getpid()))
            if self._path.exists():
                self._own = _read(self._path)
        self._former_cpu_s = self._own.cpu_s

    def route(self, method: str, route: str) -> Route:
        """Answer what counts the answers of ``route``."""
        return Route(self._own, method, route)

    def near_reads(self, source: str) -> Count:
        """Answer the count of reads that ``source`` answered."""
        return self._own.near_reads.setdefault(source, Count())

    def collect(self) -> Iterator[Metric]:
        """Answer samples of what all processes counted."""
        total = self._total()
        bounds = [*map(str, BUCKETS_S), "+Inf"]
        requests = HistogramMetricFamily(
            "http_server_request_duration_seconds",
            "Time from the whole request to the whole answer.",
            labels=_LABELS,
        )
        for (method, route, status), durations in total.requests.items():
            buckets = list(zip(bounds, accumulate(durations.times), strict=True))
            labels = [_SCOPE, method, route, str(status)]
            requests.add_metric(labels, buckets, durations.sum_s)
        yield requests
        reads = CounterMetricFamily(
            "edgeseg_near_reads", "Reads of profiles, by what answered.", labels=["source"]
        )
        for source, count in total.near_reads.items():
            reads.add_metric([source], count.times)
        yield reads
        yield CounterMetricFamily(
            "process_cpu_seconds", "Processor time of the workers.", value=total.cpu_s
        )
        if total.resident_bytes:
            yield GaugeMetricFamily(
                "process_resident_memory_bytes",
                "Resident memory of the workers.",
                value=total.resident_bytes,
            )
            yield GaugeMetricFamily(
                "process_open_fds", "Open file descriptors of the workers.", value=total.open_fds
            )

    async def share(self) -> None:
        """Hand over every `HAND_OVER_S` until cancelled, and then once more."""
        try:
            while True:
                await asyncio.sleep(HAND_OVER_S)
                await asyncio.to_thread(self._hand_over)
        finally:
            self._use = Use  # it ends
            self._hand_over()

    def _measure(self) -> None:
        self._own.cpu_s = self._former_cpu_s + process_time()
        self._own.resident_bytes, self._own.open_fds = self._use()
        self._own.measured_s = self._clock()

    def _hand_over(self) -> bytes:
        # A thread may still be at it when the last turn comes.
        with self._lock:
            self._measure()
            handed = msgspec.msgpack.encode(self._own)
            news = self._path.with_suffix(".new")
            try:
                news.write_bytes(handed)
                news.replace(self._path)
            except OSError as error:
                _log.warning("counts are not handed over: %s", error)
            return handed

    def _total(self) -> Counts:
        total = Counts()
        if self._folder is None:
            self._measure()
            total.merge(self._own)
            return total
        # Told is what others could tell as well, were this process killed now: a counter that
        # went back would be taken for one that began anew, and all of it for news.
        total.merge(_decode(self._hand_over()))
        for path in self._folder.glob(_FILES):
            if path != self._path:
                other = _read(path)
                if self._clock() - other.measured_s > GONE_S:
                    other.resident_bytes = other.open_fds = 0
                total.merge(other)
        return total


def _read(path: Path) -> Counts:
    return _decode(path.read_bytes())


def _decode(handed: bytes) -> Counts:
    return msgspec.msgpack.decode(handed, type=Counts)
