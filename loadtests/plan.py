"""What a run is asked to do, as `run.py` tells Locust's process through the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

from shapes import SHAPES, Span


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run.

    Attributes:
        shape: name of one of `shapes.SHAPES`, "" to leave the users to Locust's own options.
        load: users of a closed loop, arrivals a second of an open one.
        pause_s: the longest that a user of a closed loop rests between requests; a fifth of
            it is the shortest.
        write_key: of the tracking calls.
        log: access log to replay, and how many times faster than it happened.
        results: folder of the figures.
        freeze_s: how long the server under test stands still in the middle of the run.
        server: its process group, for that.
    """

    shape: str = ""
    duration_s: float = 30.0
    load: float = 60.0
    pause_s: float = 0.5
    write_key: str = ""
    log: str = ""
    speed: float = 1.0
    results: str = ""
    freeze_s: float = 0.0
    server: float = 0

    def load_at(self, at_s: float) -> float:
        """Answer the load at an instant of the run."""
        span = Span(duration_s=self.duration_s, load=self.load)
        return SHAPES[self.shape or "steady"](span, at_s)

    def to_environment(self) -> dict[str, str]:
        """Answer the variables that `from_environment` reads."""
        return {f"LOAD_{name.upper()}": str(getattr(self, name)) for name in PLANNED}

    @classmethod
    def from_environment(cls) -> "Plan":
        """Read ``LOAD_SHAPE`` and its like; what is not set keeps its default."""
        given = {name: os.environ.get(f"LOAD_{name.upper()}") for name in PLANNED}
        kept = {name: text for name, text in given.items() if text is not None}
        numbers = {name: float(kept[name]) for name in NUMBERS if name in kept}
        return cls(**{**kept, **numbers})  # type: ignore[arg-type]

    @property
    def folder(self) -> Path | None:
        """Where figures go, None for nowhere."""
        return Path(self.results) if self.results else None


PLANNED = tuple(Plan.__dataclass_fields__)
NUMBERS = ("duration_s", "load", "pause_s", "speed", "freeze_s", "server")
