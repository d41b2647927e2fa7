"""Compare the stacks: interleaved rounds, the server pinned to one core.

The load generator and the store share the other one.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec
import redis
from rich.console import Console
from rich.table import Table

from benchmarks.classify.generator import Load, generate
from benchmarks.classify.rules import SEGMENTS, write_rules
from benchmarks.classify.serving import CannotRun, pin, processor_s, serving
from benchmarks.classify.visitors import PREFIX, SECRET, Visitors
from benchmarks.spread import shorten, spread_of
from edgeseg.clock import system_clock
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.rule_reload import RuleFolder

__all__ = ["CONTENDERS", "CannotRun", "Round", "run"]

_PLAIN: Final = "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol"
CONTENDERS: Final = {
    "hello": ("benchmarks.classify.hello:build", _PLAIN),
    "edgeseg": (
        "edgeseg.app:serve_from_environment",
        "edgeseg.delivery.hot_protocol:HotProtocol",
    ),
    "edgeseg_fragment": (
        "edgeseg.app:serve_from_environment",
        "edgeseg.delivery.hot_protocol:HotProtocol",
    ),
    "edgeseg_flag": (
        "edgeseg.app:serve_from_environment",
        "edgeseg.delivery.hot_protocol:HotProtocol",
    ),
    "edgeseg_plain_http": ("edgeseg.app:serve_from_environment", _PLAIN),
    "plain_stack": ("benchmarks.classify.plain_stack:build", _PLAIN),
}
"""Name → application factory and HTTP protocol; the first is the measure of the others."""
_FACES: Final = {"edgeseg_fragment": "fragment", "edgeseg_flag": "flag"}
"""What is asked of a contender, where it is no page view."""
SERVER_CORE: Final = 0
OTHER_CORE: Final = 1


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One contender under load for some seconds.

    Attributes:
        processor_us: processor time of the server process per request.
        store_us: of the store process per request.
        written_bytes: growth of the store's append-only file per request.
    """

    contender: str
    rps: float
    processor_us: float
    store_us: float
    written_bytes: float
    p50_us: int
    p99_us: int
    bad: int


class _Bench:
    """The running servers of one benchmark."""

    def __init__(self, store: EmbeddedServer, cookies: Path, seconds: float) -> None:
        self._store = store
        self._cookies = cookies
        self._seconds = seconds
        self.servers: dict[str, tuple[int, int]] = {}

    def warm_up(self) -> None:
        for name in self.servers:
            self._load(name, 1)

    def round(self, name: str) -> Round:
        pid, _port = self.servers[name]
        used_s, stored_s = processor_s(pid), processor_s(self._store.pid)
        written = self._aof_bytes()
        load = self._load(name, self._seconds)
        requests = max(1, load.requests)
        return Round(
            contender=name,
            rps=load.requests / load.duration_us * 1e6,
            processor_us=(processor_s(pid) - used_s) / requests * 1e6,
            store_us=(processor_s(self._store.pid) - stored_s) / requests * 1e6,
            written_bytes=max(0, self._aof_bytes() - written) / requests,
            p50_us=load.p50_us,
            p99_us=load.p99_us,
            bad=load.bad,
        )

    def _load(self, name: str, seconds: float) -> Load:
        cookies = None if name == "hello" else self._cookies
        face = _FACES.get(name, "classify")
        return generate(self.servers[name][1], cookies, seconds, OTHER_CORE, face)

    def _aof_bytes(self) -> int:
        with redis.Redis.from_url(self._store.url) as client:
            return int(client.info("persistence").get("aof_current_size", 0))


def run(console: Console, *, quick: bool) -> list[Round]:
    """Measure every contender, printing a table.

    Raises:
        CannotRun: something is missing.
    """
    if (os.cpu_count() or 1) < 2:
        raise CannotRun("two cores are needed: one for the server, one for what loads it")
    names = [name for name in CONTENDERS if not (quick and name == "plain_stack")]
    rounds: list[Round] = []
    with (
        console.status("classify: starting the servers"),
        _bench(names, 2 if quick else 4) as bench,
    ):
        bench.warm_up()
        for number in range(2 if quick else 5):
            order = names if number % 2 == 0 else names[::-1]
            rounds += [bench.round(name) for name in order]
    console.print(_table(names, rounds))
    if bad := sum(each.bad for each in rounds):
        raise CannotRun(f"{bad} requests failed")
    return rounds


@contextmanager
def _bench(names: list[str], seconds: float) -> Iterator[_Bench]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgeseg-bench-")))
        rules, templates = write_rules(folder)
        visitors = Visitors(RuleFolder(rules, templates).build(), system_clock())
        visitors.write_cookies(folder / "cookies")
        store = stack.enter_context(EmbeddedServer(folder / "store"))
        pin(store.pid, OTHER_CORE)
        visitors.store(store.url)
        environment = {
            "EDGESEG_REDIS_URL": store.url,
            "EDGESEG_RULES": str(rules),
            "EDGESEG_TEMPLATES": str(templates),
            "EDGESEG_SECRET": SECRET,
            "EDGESEG_KEY_PREFIX": PREFIX,
            "EDGESEG_VISITOR_RATE": "1000000",  # few visitors, who view pages all the time
        }
        bench = _Bench(store, folder / "cookies", seconds)
        for name in names:
            server = serving(*CONTENDERS[name], environment, SERVER_CORE)
            bench.servers[name] = stack.enter_context(server)
        yield bench


def _table(names: list[str], rounds: list[Round]) -> Table:
    table = Table(title=f"POST /v1/classify on one core: {SEGMENTS:,} segments, 1 KB profiles")
    table.add_column("contender")
    headings = (
        "requests / s",
        "ratio",
        "CPU µs",
        "ratio",
        "store CPU µs",
        "AOF bytes",
        "p50 ms",
        "p99 ms",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    by_name: Mapping[str, list[Round]] = {
        name: [each for each in rounds if each.contender == name] for name in names
    }
    hello = spread_of([each.rps for each in by_name[names[0]]]).median
    hello_us = spread_of([each.processor_us for each in by_name[names[0]]]).median
    for name, own in by_name.items():
        rps = spread_of([each.rps for each in own])
        processor_us = spread_of([each.processor_us for each in own])
        columns = (
            str(rps),
            f"{rps.median / hello:.3f}",
            str(processor_us),
            f"{hello_us / processor_us.median:.3f}" if processor_us.median else "",
            shorten(spread_of([each.store_us for each in own]).median),
            shorten(spread_of([each.written_bytes for each in own]).median),
            shorten(spread_of([each.p50_us for each in own]).median / 1_000),
            shorten(spread_of([each.p99_us for each in own]).median / 1_000),
        )
        table.add_row(name.replace("_", " "), *columns)
    return table
