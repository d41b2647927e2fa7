"""Import and recalculation by one process on one core; page views beside a recalculation.

Speeds are per second of the process's own processor time, without its start: the store has
a core of its own, and what else the machine does is not counted. The measure is a script over
redis-py, see `plain`.
"""

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import msgspec
from rich.console import Console

from benchmarks.bulk.live import feel, p99
from benchmarks.classify.rules import write_rules
from benchmarks.classify.serving import CannotRun, pin
from benchmarks.figures import Better, Figure, Result, ratios, table_of
from edgeseg.clock import system_clock
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.redis_connect import build_redis_store
from edgeseg.profiles.redis_store import RedisStore
from tests.conformance.typical_visitor import attributes, course, metrics

_EVENTS = ("page_viewed", "product_viewed", "cart_viewed")
_PREFIX = "typical:"
_PATIENT = ConnectionLimits(timeout_s=20, stall_s=30)


class Speeds(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: things a second of processor time, and milliseconds."""

    imported: list[float]
    plainly_imported: list[float]
    rewritten: list[float]
    caught_up: list[float]
    looked_at: list[float]
    p99_alone_ms: list[float]
    p99_beside_ms: list[float]
    live_ratio: list[float]


def run(console: Console, *, quick: bool) -> Result:
    """Measure, printing a table.

    Raises:
        CannotRun: something is missing, or a command failed.
    """
    if (os.cpu_count() or 1) < 2:
        raise CannotRun("two cores are needed: one for the command, one for the store")
    rounds, size = (1, 60_000) if quick else (3, 100_000)
    found = Speeds(**{name: [] for name in Speeds.__struct_fields__})
    with console.status("bulk: importing and recalculating"):
        for number in range(rounds):
            _round(found, size, number)
    figures = [
        Figure(
            name="events imported a processor second",
            values=found.imported, better=Better.HIGHER, reach=20_000,
        ),
        Figure(
            name="processor time of an event imported, of redis-py's",
            values=ratios(found.plainly_imported, found.imported),
        ),
        Figure(
            name="profiles looked over a processor second",
            values=found.looked_at, better=Better.HIGHER, reach=10_000,
        ),
        Figure(
            name="profiles told again by new rules, a processor second",
            values=found.caught_up, better=Better.HIGHER, reach=10_000,
        ),
        Figure(
            name="processor time of a profile looked over, of redis-py's to write it again",
            values=ratios(found.rewritten, found.looked_at),
        ),
        Figure(
            name="processor time of a profile told again, of redis-py's to write it again",
            values=ratios(found.rewritten, found.caught_up),
        ),
        Figure(name="p99 of records alone", values=found.p99_alone_ms, unit="ms"),
        Figure(name="p99 of records beside a recalculation", values=found.p99_beside_ms, unit="ms"),
        Figure(name="p99 beside a recalculation / alone", values=found.live_ratio, reach=1.5),
    ]  # fmt: skip
    console.print(table_of(figures, "Work in bulk on one core"))
    return Result(figures=figures, rounds=found)


def _round(found: Speeds, size: int, number: int) -> None:
    with tempfile.TemporaryDirectory(prefix="edgeseg-bench-") as name:
        folder = Path(name)
        written, templates = write_rules(folder)
        with EmbeddedServer(folder / "store") as store:
            pin(store.pid, 1)
            environment = {
                **os.environ,
                "EDGESEG_REDIS_URL": store.url,
                "EDGESEG_RULES": str(written),
                "EDGESEG_TEMPLATES": str(templates),
                "EDGESEG_SECRET": "a secret of the benchmark only",
                "EDGESEG_DATA_DIR": str(folder),
            }
            started_s = min(_edgeseg(environment, "recalculate") for _ in range(3))  # of nothing
            file = folder / "events.csv"
            _write(file, size, number)
            words = ("import", "events", str(file), "--consent", "marketing")
            found.imported.append(size / (_edgeseg(environment, *words) - started_s))
            idle_s = _plain("rewrite", store.url, "nothing:")
            took_s = _plain("import", store.url, str(file)) - idle_s
            found.plainly_imported.append(size / took_s)
            environment["EDGESEG_KEY_PREFIX"] = _PREFIX
            visitors = size // 3  # so many that the start of the command is little beside them
            asyncio.run(_fill(store.url, visitors))
            for values in (found.caught_up, found.looked_at):
                took_s = _edgeseg(environment, "recalculate", "--rate", "max")
                values.append(visitors / (took_s - started_s))
            took_s = _plain("rewrite", store.url, _PREFIX) - idle_s
            found.rewritten.append(visitors / took_s)
            other = {**environment, "EDGESEG_RULES": str(_with_one_more(written, folder))}
            asyncio.run(_live(store.url, (other, environment), found))


def _write(file: Path, size: int, seed: int) -> None:
    random = Random(seed)
    now_ms = system_clock()
    with file.open("w", encoding="utf-8") as text:
        text.write("visitor,event,timestamp,message_id,path,category,price\n")
        for number in range(size):
            who, what = random.randrange(size // 10), random.choice(_EVENTS)
            path = f"/section/{number % 50}"
            text.write(f"v{who},{what},{now_ms - size + number},m{number},{path},shoes,99.5\n")


def _edgeseg(environment: Mapping[str, str], *words: str) -> float:
    return _run(environment, "edgeseg", *words, "--json")


def _plain(*words: str) -> float:
    return _run(os.environ, "benchmarks.bulk.plain", *words)


def _run(environment: Mapping[str, str], module: str, *words: str) -> float:
    """Run a command on the first core; answer the processor time it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["taskset", "-c", "0", sys.executable, "-m", module, *words],
        env=dict(environment),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise CannotRun(done.stderr.decode()[-500:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def _fill(url: str, visitors: int) -> None:
    """Store typical visitors by other rules than those of the commands."""
    plan, events, now_ms = metrics(), [attributes(), *course()], system_clock()
    async with _store(url) as store:
        for start in range(0, visitors, 100):
            await asyncio.gather(
                *(
                    store.record(f"v{number}", events, plan=plan, now_ms=now_ms)
                    for number in range(start, start + 100)
                )
            )
            await store.upkeep.drain()


async def _live(url: str, environments: Sequence[Mapping[str, str]], found: Speeds) -> None:
    async with _store(url) as store:
        felt = await feel(store, environments, f"{_PREFIX}note:{{recalculation}}")
    found.p99_alone_ms.append(p99(felt.alone_ms))
    found.p99_beside_ms.append(p99(felt.beside_ms))
    found.live_ratio.append(p99(felt.beside_ms) / p99(felt.alone_ms))


def _with_one_more(rules: Path, folder: Path) -> Path:
    """Answer the rules with one more segment, which asks about the past."""
    more = folder / "more"
    shutil.copytree(rules, more)
    test = {"event": "page_viewed", "where": {"path": {"glob": "/accounts/**"}}, "within": "30d"}
    text = json.dumps({"segments": [{"id": "one-more", "name": "One more", "when": test}]})
    (more / "one-more.yaml").write_text(text, "utf-8")
    return more


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[RedisStore]:
    store = build_redis_store(url, prefix=_PREFIX, limits=_PATIENT, aside_timeout_s=20)
    await store.open()
    yield store
    await store.close()
