"""How many lines a second `edgeseg try` judges: all of them new conditions, or one again and again.

Times the command as it is run, without what it takes to start.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec

LINES: Final = 6_000
QUICK_LINES: Final = 1_000


class Trials(msgspec.Struct, frozen=True, kw_only=True):
    """Lines a second."""

    new_per_s: float
    repeated_per_s: float


def measure_trials(*, quick: bool) -> Trials:
    """Run the command on conditions of seven tests, and on visitors who have what they ask for."""
    lines = QUICK_LINES if quick else LINES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trials.jsonl")
        start_s = min(_time(path, [_line(0)]) for _ in range(3))
        new_s = _time(path, map(_line, range(lines)))
        repeated_s = _time(path, [_line(0)] * lines)
    return Trials(
        new_per_s=lines / (new_s - start_s), repeated_per_s=lines / (repeated_s - start_s)
    )


def _time(path: Path, lines: Iterable[str]) -> float:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    started = perf_counter()
    command = [sys.executable, "-m", "edgeseg", "try", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started


def _line(number: int) -> str:
    """Answer a trial unlike those of other numbers."""
    when = {
        "all": [
            {"field": "country", "in": ["CZ", "SK", f"X{number}"]},
            {"field": "points", "gte": number % 500},
            {"context": "path", "starts_with": f"/a{number}"},
            {
                "any": [
                    {"event": "order_completed", "within": "30d", "count": {"gte": 1 + number % 3}},
                    {"tag": f"tag-{number}"},
                ]
            },
            {"not": {"context": "device", "eq": "bot"}},
            {"field": "name", "contains": f"n{number}"},
        ]
    }
    trial = {
        "when": when,
        "fields": {"country": "CZ", "points": number % 700, "name": f"n{number}"},
        "context": {"path": f"/a{number}/b", "device": "mobile"},
        "events": [{"event": "order_completed", "ago": "3d"}],
        "now": "2026-11-21T00:00:00Z",
    }
    return json.dumps(trial)
