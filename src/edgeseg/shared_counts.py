"""The counts of all workers, for Prometheus.

Each worker hands its numbers over every `HAND_OVER_S`, in a file of its own in the folder that
they share, and whoever is asked adds all of them up. A worker that ends hands over what it has;
one that is killed takes along what it counted since the last time.
"""

import asyncio
import logging
import os
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from threading import Lock
from time import process_time
from typing import Final

import msgspec
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from edgeseg.hot_counts import BUCKETS_S, Count, Counts, Route

HAND_OVER_S: Final = 1.0
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

    def __init__(self, folder: Path | None) -> None:
        """Go on where a former process with our number stopped, if it did in ``folder``."""
        self._folder = folder
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

    async def share(self) -> None:
        """Hand over every `HAND_OVER_S` until cancelled, and then once more."""
        try:
            while True:
                await asyncio.sleep(HAND_OVER_S)
                await asyncio.to_thread(self._hand_over)
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        # A thread may still be at it when the last turn comes.
        with self._lock:
            self._own.cpu_s = self._former_cpu_s + process_time()
            news = self._path.with_suffix(".new")
            try:
                news.write_bytes(msgspec.msgpack.encode(self._own))
                news.replace(self._path)
            except OSError as error:
                _log.warning("counts are not handed over: %s", error)

    def _total(self) -> Counts:
        self._own.cpu_s = self._former_cpu_s + process_time()
        total = Counts()
        total.merge(self._own)
        if self._folder is not None:
            for path in self._folder.glob(_FILES):
                if path != self._path:
                    total.merge(_read(path))
        return total


def _read(path: Path) -> Counts:
    return msgspec.msgpack.decode(path.read_bytes(), type=Counts)
