"""What a run measured: counted while Locust runs, shown and judged at its end."""

import csv
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latencies import Latencies, table_of
from thresholds import Outcome


@dataclass
class Figures:
    """Latencies by name, failures, and how many classifications came back degraded."""

    latencies: dict[str, Latencies] = field(default_factory=dict)
    failures: int = 0
    classified: int = 0
    degraded: int = 0

    def add(self, name: str, took_ms: float, failure: BaseException | None) -> None:
        """Count one request."""
        self.latencies.setdefault(name, Latencies()).add(took_ms)
        self.failures += failure is not None

    def hand_over(self) -> dict[str, Any]:
        """Answer what was counted since the last time, as a worker of Locust sends it."""
        handed = {
            "latencies": {
                name: (dict(each.counts), each.longest_ms) for name, each in self.latencies.items()
            },
            "failures": self.failures,
            "classified": self.classified,
            "degraded": self.degraded,
        }
        self.latencies.clear()
        self.failures = self.classified = self.degraded = 0
        return handed

    def take_over(self, handed: dict[str, Any]) -> None:
        """Add what a worker has handed over."""
        for name, (counts, longest_ms) in handed["latencies"].items():
            more = Latencies(Counter(counts), longest_ms)
            self.latencies[name] = self.latencies.get(name, Latencies()) + more
        self.failures += handed["failures"]
        self.classified += handed["classified"]
        self.degraded += handed["degraded"]

    def outcome(self) -> Outcome:
        """Answer the figures that thresholds are about, of all requests together."""
        total = sum(self.latencies.values(), Latencies())
        return Outcome(
            requests=total.total,
            failure_ratio=self.failures / total.total if total.total else 0.0,
            degraded_ratio=self.degraded / self.classified if self.classified else 0.0,
            p95_ms=total.percentile_ms(0.95),
            p99_ms=total.percentile_ms(0.99),
            p999_ms=total.percentile_ms(0.999),
        )

    def table(self) -> list[list[str]]:
        """Answer one row a name, and one of all together."""
        total = sum(self.latencies.values(), Latencies())
        return table_of([*sorted(self.latencies.items()), ("all", total)])

    def write(self, folder: Path) -> None:
        """Write ``latencies.csv`` and ``outcome.json``."""
        with (folder / "latencies.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(self.table())
        (folder / "outcome.json").write_text(json.dumps(vars(self.outcome()), indent=1), "utf-8")
