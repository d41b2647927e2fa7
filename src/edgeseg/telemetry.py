"""What is counted and timed, in Prometheus' form."""

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from edgeseg.rare_log import RareLog
from edgeseg.shared_counts import SharedCounts

SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Variable that names the folder in which several workers add up; prometheus_client reads it."""


class Telemetry:
    """The metrics of one process; with several workers, of all (see `exposition`).

    Attributes:
        registry: holds all of them.
        hot: those that every request counts.
        rarely: logs what is counted, where a number does not say enough.
    """

    def __init__(
        self, environment: Mapping[str, str] = {}, *, clock: Callable[[], float] = monotonic
    ) -> None:
        """Create the metrics.

        Args:
            environment: its `SHARED` names the folder of several workers, if there are.
            clock: by which the log tells a minute, seconds.
        """
        self.rarely = RareLog(clock)
        folder = environment.get(SHARED)
        self._folder = Path(folder) if folder else None
        registry = self.registry = CollectorRegistry()
        self.hot = SharedCounts(self._folder)
        registry.register(self.hot)
        degraded = Counter(
            "edgeseg_degraded", "Answers that say that they are degraded, by why.", ["cause"],
            registry=registry,
        )  # fmt: skip
        self.degraded = degraded.labels("store")
        self.shed = degraded.labels("overload")
        self.failed_writes = Counter(
            "edgeseg_failed_writes", "Work beside an answer that the store did not do.", ["what"],
            registry=registry,
        )  # fmt: skip
        self.unsaved_events = Counter(
            "edgeseg_unsaved_events", "Events that the store did not acknowledge.",
            registry=registry,
        )  # fmt: skip
        self.quarantined = Counter(
            "edgeseg_quarantined_profiles", "Stored values found corrupt and moved aside.",
            registry=registry,
        )  # fmt: skip
        self.refused_cookies = Counter(
            "edgeseg_refused_cookies", "Requests with a forged visitor cookie.", registry=registry
        )
        self.refused_keys = Counter(
            "edgeseg_refused_segment_keys",
            "Segment keys that are forged or over.",
            registry=registry,
        )
        self.tracked_events = Counter(
            "edgeseg_tracked_events", "What SDKs sent, by what became of it.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.outcomes = Counter(
            "edgeseg_outcomes", "What campaigns brought, by what became of it.", ["result"],
            registry=registry,
        )  # fmt: skip
        self.flag_streams = Gauge(
            "edgeseg_flag_streams", "Flag clients that are told of changes.", registry=registry,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.render_errors = Counter(
            "edgeseg_render_errors", "Templates that failed.", ["template"], registry=registry
        )
        self.reloads = Counter(
            "edgeseg_rule_reloads", "Reloads of the rules, by outcome.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.reloaded = Gauge(
            "edgeseg_rules_last_reload_successful",
            "Whether the rule files were taken over as they are: 1, or 0 in a worker at least.",
            registry=registry, multiprocess_mode="livemin",
        )  # fmt: skip
        self.unknown_names = Counter(
            "edgeseg_unknown_names", "What came in and is not declared, by what became of it.",
            ["kind", "outcome"], registry=registry,
        )  # fmt: skip
        self.rules = Gauge(
            "edgeseg_rules", "Definitions in the current rules.", registry=registry,
            multiprocess_mode="mostrecent",
        )  # fmt: skip
        self.segments = Gauge(
            "edgeseg_segments", "Segments in the current rules.", registry=registry,
            multiprocess_mode="mostrecent",
        )  # fmt: skip

        self.products = Gauge(
            "edgeseg_products", "Products in the catalogue.", registry=registry,
            multiprocess_mode="mostrecent",
        )  # fmt: skip
        self.product_counts = Counter(
            "edgeseg_product_counts", "Counts of products, by what became of them.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.list_members = Gauge(
            "edgeseg_list_members", "Members of lists.", ["list"], registry=registry,
            multiprocess_mode="mostrecent",
        )  # fmt: skip
        self.list_failures = Counter(
            "edgeseg_list_failures", "Times that the source of a list could not be read.", ["list"],
            registry=registry,
        )  # fmt: skip
        for counter, values in (
            (self.failed_writes, ("erasure", "consent", "address", "outcome")),
            (self.outcomes, ("counted", "repeated", "late", "dropped")),
            (self.reloads, ("loaded", "refused")),
            (self.product_counts, ("written", "dropped")),
        ):
            for value in values:
                counter.labels(value)  # begins with 0: Prometheus takes a first 1 for no increase

    @property
    def is_shared(self) -> bool:
        """Tell whether several workers add up."""
        return self._folder is not None

    def exposition(self) -> bytes:
        """Answer all metrics in the text format of Prometheus."""
        if self._folder is None:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        registry.register(self.hot)
        return generate_latest(registry)
