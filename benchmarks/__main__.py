"""Run the benchmarks: ``python -m benchmarks [--quick] [--only NAME] [--json FILE]``."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from benchmarks.classify import run as classify
from benchmarks.environment import environment
from benchmarks.rules import run as rules
from benchmarks.segments import run as segments
from benchmarks.slots import run as slots
from benchmarks.tracking import run as tracking

RESULTS: Final = Path(__file__).parent / "results"
BENCHMARKS: Final[dict[str, Callable[..., object]]] = {
    "segments": segments.run,
    "rules": rules.run,
    "classify": classify.run,
    "slots": slots.run,
    "tracking": tracking.run,
}


def main() -> int:
    """Run what is asked for; answer 1 where a benchmark could not be run to its end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--only", choices=BENCHMARKS, help="run one benchmark")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go")
    options = parser.parse_args()
    # A file or a pipe has no width of its own.
    console = Console(width=None if sys.stdout.isatty() else 120)
    surroundings = environment()
    console.print(" · ".join(f"{name} {version}" for name, version in surroundings.items()))
    results: dict[str, object] = {}
    failures = 0
    for name in [options.only] if options.only else BENCHMARKS:
        try:
            results[name] = BENCHMARKS[name](console, quick=options.quick)
        except (segments.Disagreement, classify.CannotRun) as error:
            console.print(f"{name}: {error}", style="bold red")
            failures += 1
    path = options.json or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"environment": surroundings, "quick": options.quick, "results": results}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    console.print(f"Results: {path}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
