"""Measure recommendations on an access log: ``python -m benchmarks.recommend LOG``."""

import argparse
import asyncio
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.recommend.evaluate import FIRST, difference, evaluate
from benchmarks.recommend.sessions import read_sessions


def main() -> None:
    """Print how often each strategy foretells the next page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recommend", description=__doc__)
    parser.add_argument("log", type=Path, help="access log, packed by gzip or not")
    parser.add_argument("--learn", type=float, default=0.7, help="share of sessions learnt from")
    options = parser.parse_args()
    sessions = read_sessions(options.log)
    cut = round(len(sessions) * options.learn)
    later = sessions[cut:]
    begun_ms = later[0][0].at_ms if later else 0
    earlier = [session for session in sessions[:cut] if session[-1].at_ms < begun_ms]
    console = Console(width=110)
    if not earlier or not later:
        console.print(f"only {len(sessions)} sessions of two pages or more: nothing to measure")
        raise SystemExit(1)
    scores = asyncio.run(evaluate(earlier, later))
    tries = sum(scores[0].tries)
    console.print(
        f"{len(earlier)} sessions learnt from, {tries} pages of {len(later)} sessions foretold"
    )
    table = Table("strategy", f"hit rate at {FIRST}", "95 % (Wilson)", "more than the first, 95 %")
    for score in scores:
        low, high = score.wilson
        more, least, most = difference(score, scores[0])
        against = "" if score is scores[0] else f"{more:+.3f} ({least:+.3f} to {most:+.3f})"
        table.add_row(score.name, f"{score.rate:.3f}", f"{low:.3f} to {high:.3f}", against)
    console.print(table)


if __name__ == "__main__":
    main()
