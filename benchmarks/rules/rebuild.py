"""How long rules take to rebuild while an event loop runs, and how long the loop has to wait.

    python -m benchmarks.rules.rebuild SEGMENTS

A task of the loop wakes up every millisecond and notes how late it is. One file of many is
edited; the watch of the service finds it, builds, swaps and frees the old rules.
"""

import asyncio
import gc
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from edgeseg.rule_folder import RuleFolder
from edgeseg.rule_reload import LiveRules
from edgeseg.telemetry import Telemetry

TICK_S: Final = 0.001
_PER_FILE: Final = 500
_FIELDS: Final = 15
_SETTLED_S: Final = 0.3


class Rebuild(msgspec.Struct, frozen=True, kw_only=True):
    """One rebuild, in milliseconds; pauses are what the loop waited beyond its tick."""

    segments: int
    first_build_ms: float
    rebuild_ms: float
    idle_pause_ms: float
    longest_pause_ms: float
    p99_pause_ms: float


def measure_rebuild(segments: int) -> Rebuild:
    """Make the rules, load them, and rebuild them once."""
    with tempfile.TemporaryDirectory() as place:
        rules, templates = Path(place, "rules"), Path(place, "templates")
        rules.mkdir()
        templates.mkdir()
        write_rules(rules, segments)
        started = time.perf_counter()
        live = LiveRules(RuleFolder(rules, templates), Telemetry(), lambda: 0)
        first_s = time.perf_counter() - started
        gc.collect()
        gc.freeze()  # as the service does once it is up
        return asyncio.run(_rebuild(live, rules, segments, first_s))


async def _rebuild(live: LiveRules, rules: Path, segments: int, first_s: float) -> Rebuild:
    pauses: list[float] = []
    ticking = asyncio.create_task(_tick(pauses))
    watching = asyncio.create_task(live.watch(TICK_S))
    await asyncio.sleep(_SETTLED_S)
    idle = max(pauses)
    pauses.clear()
    version = live.current.version
    started = time.perf_counter()
    (rules / "more.yaml").write_text("segments: [{id: more, when: {tag: more}}]\n", "utf-8")
    while live.current.version == version:  # noqa: ASYNC110 - the swap tells nobody
        await asyncio.sleep(TICK_S)
    took_s = time.perf_counter() - started
    await asyncio.sleep(_SETTLED_S)  # meanwhile the old rules are freed
    for task in (ticking, watching):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    pauses.sort()
    return Rebuild(
        segments=segments,
        first_build_ms=first_s * 1_000,
        rebuild_ms=took_s * 1_000,
        idle_pause_ms=idle * 1_000,
        longest_pause_ms=pauses[-1] * 1_000,
        p99_pause_ms=pauses[int(len(pauses) * 0.99)] * 1_000,
    )


async def _tick(pauses: list[float]) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(TICK_S)
        now = time.perf_counter()
        pauses.append(now - last - TICK_S)
        last = now


def write_rules(folder: Path, segments: int) -> None:
    """Write segments of three to five conditions each, several hundred to a file."""
    fields = (f"  - {{id: field_{number}, type: number}}\n" for number in range(_FIELDS))
    (folder / "fields.yaml").write_text("fields:\n" + "".join(fields), "utf-8")
    for first in range(0, segments, _PER_FILE):
        numbers = range(first, min(segments, first + _PER_FILE))
        text = "segments:\n" + "".join(map(_segment, numbers))
        (folder / f"segments-{first}.yaml").write_text(text, "utf-8")


def _segment(number: int) -> str:
    chance = random.Random(number)
    conditions = "".join(f"        - {_condition(chance)}\n" for _ in range(chance.randint(3, 5)))
    return f"  - id: segment-{number}\n    when:\n      all:\n{conditions}"


def _condition(chance: random.Random) -> str:
    pick = chance.randrange
    return chance.choice(
        (
            f"{{context: path, starts_with: /section-{pick(3_000)}}}",
            f"{{context: country, in: [A{pick(200)}, B{pick(200)}]}}",
            f"{{field: field_{pick(_FIELDS)}, gte: {pick(1_000)}}}",
            f"{{event: event_{pick(40)}, within: {1 + pick(90)}d, count: {{gte: {1 + pick(3)}}}}}",
            f"{{not: {{tag: tag-{pick(300)}}}}}",
            f"{{event: page_viewed, where: {{path: /page-{pick(2_000)}}}, within: 30d}}",
        )
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure_rebuild(int(sys.argv[1]))))
