"""What is counted and timed, in Prometheus' form."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_BUCKETS_S = (
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
)  # fmt: skip


class Telemetry:
    """The metrics of one process; with several workers, of all (see `exposition`).

    Attributes:
        registry: holds all of them.
    """

    def __init__(self, *, shared: bool = False) -> None:
        """Create the metrics.

        Args:
            shared: whether several processes add up through the folder named by
                ``PROMETHEUS_MULTIPROC_DIR``.
        """
        self._shared = shared
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "edgeseg_requests", "Answered requests.", ["face", "status"], registry=registry
        )
        self.duration_s = Histogram(
            "edgeseg_request_duration_seconds",
            "Time from the whole request to the whole answer.",
            ["face"],
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self.degraded = Counter(
            "edgeseg_degraded", "Answers given while the store failed.", registry=registry
        )
        self.unsaved_events = Counter(
            "edgeseg_unsaved_events", "Events that the store did not acknowledge.",
            registry=registry,
        )  # fmt: skip
        self.near_reads = Counter(
            "edgeseg_near_reads", "Reads of profiles, by what answered.", ["source"],
            registry=registry,
        )  # fmt: skip
        self.quarantined = Counter(
            "edgeseg_quarantined_profiles", "Stored values found corrupt and moved aside.",
            registry=registry,
        )  # fmt: skip
        self.refused_cookies = Counter(
            "edgeseg_refused_cookies", "Visitor cookies with a wrong signature.", registry=registry
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
        self.unknown_names = Counter(
            "edgeseg_unknown_names", "What came in and is not declared, by what became of it.",
            ["kind", "outcome"], registry=registry,
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

    def exposition(self) -> bytes:
        """Answer all metrics in the text format of Prometheus."""
        if not self._shared:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
