"""``python -m tests.chaos --seconds 600``: a long run, for `make chaos`."""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tests.chaos.run import run_chaos


def main() -> int:
    """Run, report, and answer 1 if anything is unaccounted for."""
    parser = argparse.ArgumentParser(description="Mixed load with a fault every few seconds.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="repeats the faults")
    given = parser.parse_args()
    print(f"chaos for {given.seconds:g} s, seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="edgeseg-chaos-") as folder:
        report = asyncio.run(run_chaos(Path(folder), given.seconds, given.seed))
    print("\n".join(report.lines()))
    return 1 if report.lost or report.invented or report.account.wrongs else 0


if __name__ == "__main__":
    raise SystemExit(main())
