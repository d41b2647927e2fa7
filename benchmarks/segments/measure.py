"""Measure one contender in this process, which was started for it alone; print JSON."""

import argparse
import gc
import sys
import tracemalloc
from hashlib import blake2b
from importlib import import_module
from itertools import cycle, islice
from statistics import mean
from time import perf_counter, perf_counter_ns
from typing import Final

import msgspec

from benchmarks.segments.population import (
    NOW_MS,
    Evaluate,
    Facts,
    make_definitions,
    make_visitors,
)

CHECKED: Final = 100
"""Visitors whose segments are compared between contenders."""
_ROUND_S: Final = 0.02
_ROUNDS_AT_LEAST: Final = 5


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one contender took.

    Attributes:
        contender: name of its module.
        round_us: mean time per visitor in each round, microseconds.
        build_ms: from the definitions to a function that evaluates.
        memory_bytes: what the built contender keeps allocated, as far as Python knows of it.
        matching: share of the segments that hold, on average.
        digest: over the segments of the first `CHECKED` visitors.
    """

    contender: str
    segments: int
    share: float
    round_us: list[float]
    build_ms: float
    memory_bytes: int
    matching: float
    digest: str


def measure(contender: str, segments: int, share: float, seconds: float) -> Measured:
    """Measure ``contender`` for about ``seconds``."""
    module = import_module(f"benchmarks.segments.{contender}")
    build = module.build
    definitions = make_definitions(segments, share)
    # What a contender does to the facts beforehand is not part of what is timed.
    visitors = [getattr(module, "prepare", dict)(facts) for facts in make_visitors()]
    gc.collect()
    started = perf_counter()
    evaluate = build(definitions)
    build_ms = (perf_counter() - started) * 1_000
    answers = [evaluate(facts, NOW_MS) for facts in visitors[:CHECKED]]
    gc.collect()
    return Measured(
        contender=contender,
        segments=segments,
        share=share,
        round_us=_rounds(evaluate, visitors, seconds),
        build_ms=build_ms,
        matching=mean(map(len, answers)) / segments,
        digest=blake2b(repr(answers).encode(), digest_size=8).hexdigest(),
        memory_bytes=_memory_of(lambda: build(definitions)),
    )


def _rounds(evaluate: Evaluate, visitors: list[Facts], seconds: float) -> list[float]:
    """Time rounds of different visitors, each long enough for the clock."""
    started = perf_counter()
    evaluate(visitors[0], NOW_MS)
    size = min(len(visitors), max(4, round(_ROUND_S / (perf_counter() - started))))
    endless = cycle(visitors)
    for facts in islice(endless, size):
        evaluate(facts, NOW_MS)
    rounds: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or len(rounds) < _ROUNDS_AT_LEAST:
        # A fresh copy each, as each request gathers its own.
        batch = [dict(facts) for facts in islice(endless, size)]
        begin = perf_counter_ns()
        for facts in batch:
            evaluate(facts, NOW_MS)
        rounds.append((perf_counter_ns() - begin) / 1_000 / size)
    return rounds


def _memory_of(build: object) -> int:
    gc.collect()
    tracemalloc.start()
    kept = build()  # type: ignore[operator]
    gc.collect()
    size, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size


def main() -> None:
    """Run as ``python -m benchmarks.segments.measure CONTENDER``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender")
    parser.add_argument("--segments", type=int, default=1_000)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    measured = measure(options.contender, options.segments, options.share, options.seconds)
    sys.stdout.buffer.write(msgspec.json.encode(measured) + b"\n")


if __name__ == "__main__":
    main()
