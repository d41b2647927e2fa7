"""When a load test has failed: the bars, and what crossed them."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run measured; ratios from 0 to 1, times in milliseconds."""

    requests: int
    failure_ratio: float
    degraded_ratio: float
    p95_ms: float
    p99_ms: float
    p999_ms: float


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The most that a run may show. Times are those of all requests together.

    The defaults allow for a machine of two cores that also runs the load generator.
    """

    failure_ratio: float = 0.0
    degraded_ratio: float = 0.001
    p95_ms: float = 50.0
    p99_ms: float = 100.0
    p999_ms: float = 250.0

    @classmethod
    def from_environment(cls) -> "Thresholds":
        """Read ``LOAD_MAX_P95_MS`` and its like; what is not set keeps its default.

        Raises:
            ValueError: a value is not a number, or there is no bar of that name.
        """
        names = cls.__dataclass_fields__
        bars = {f"LOAD_MAX_{name.upper()}" for name in names}
        if unknown := {each for each in os.environ if each.startswith("LOAD_MAX_")} - bars:
            raise ValueError(f"{sorted(unknown)}: no such bar, there are {sorted(bars)}")
        given = {name: os.environ.get(f"LOAD_MAX_{name.upper()}") for name in names}
        return cls(**{name: float(text) for name, text in given.items() if text is not None})

    def crossed_by(self, outcome: Outcome) -> list[str]:
        """Return a line for each bar that the outcome crossed; none means passed."""
        if outcome.requests == 0:
            return ["no request was made"]
        return [
            f"{name} {getattr(outcome, name):g} is over {getattr(self, name):g}"
            for name in self.__dataclass_fields__
            if getattr(outcome, name) > getattr(self, name)
        ]
