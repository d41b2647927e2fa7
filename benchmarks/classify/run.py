"""Compare the stacks: interleaved rounds, the server pinned to one core.

The load generator and the store share the other one.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

import msgspec
import redis
from rich.console import Console
from rich.table import Table

from benchmarks.classify.bars import list_figures
from benchmarks.classify.generator import Load, generate
from benchmarks.classify.round import Round, by_contender
from benchmarks.classify.round_trips import count_round_trips
from benchmarks.classify.rules import SEGMENTS
from benchmarks.classify.serving import CannotRun, processor_s, read_metric, serving
from benchmarks.figures import Figure, Result
from benchmarks.service import EDGESEG, HELLO, OTHER_CORE, PLAIN_HTTP, SERVER_CORE, Ground, ground
from benchmarks.spread import shorten, spread_of


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured.

    Attributes:
        server: application factory and HTTP protocol; contenders with the same share one.
        face: what is asked, see `generate`.
        returning: whether only so many visitors ask as a worker keeps copies of.
    """

    server: tuple[str, str] = EDGESEG
    face: str = "classify"
    returning: bool = False


CONTENDERS: Final[Mapping[str, Contender]] = {
    "hello": Contender(server=HELLO),
    "classify": Contender(),
    "classify returning": Contender(returning=True),
    "classify plain http": Contender(server=(EDGESEG[0], PLAIN_HTTP)),
    "fragment": Contender(face="fragment"),
    "fragment returning": Contender(face="fragment", returning=True),
    "flag": Contender(face="flag"),
    "flag returning": Contender(face="flag", returning=True),
    "plain stack": Contender(server=("benchmarks.classify.plain_stack:build", PLAIN_HTTP)),
}
"""By name; the first is the measure of the others."""


class _Bench:
    """The running servers of one benchmark."""

    def __init__(self, ground: Ground, seconds: float) -> None:
        self._ground = ground
        self._seconds = seconds
        self.servers: dict[tuple[str, str], tuple[int, int]] = {}

    def round_trips(self) -> list[float]:
        """Count those of page views, before anything else is under way."""
        port = self.servers[EDGESEG][1]
        below = self._ground
        return count_round_trips(port, below.store.url, below.visitors.cookies)

    def warm_up(self) -> None:
        for contender in CONTENDERS.values():
            self._load(contender, 1)

    def round(self, name: str) -> Round:
        contender = CONTENDERS[name]
        pid, _port = self.servers[contender.server]
        if contender.returning:
            self._load(contender, 1)  # the others' turn may have driven the copies out
        store = self._ground.store.pid
        used_s, stored_s = processor_s(pid), processor_s(store)
        written = self._aof_bytes()
        load = self._load(contender, self._seconds)
        requests = max(1, load.requests)
        return Round(
            contender=name,
            rps=load.requests / load.duration_us * 1e6,
            processor_us=(processor_s(pid) - used_s) / requests * 1e6,
            store_us=(processor_s(store) - stored_s) / requests * 1e6,
            written_bytes=max(0, self._aof_bytes() - written) / requests,
            p50_us=load.p50_us,
            p99_us=load.p99_us,
            bad=load.bad,
        )

    def _load(self, contender: Contender, seconds: float) -> Load:
        cookies = self._ground.returning if contender.returning else self._ground.cookies
        return generate(
            self.servers[contender.server][1],
            None if contender.server == HELLO else cookies,
            seconds,
            OTHER_CORE,
            contender.face,
        )

    def degraded(self) -> float:
        """Count the answers that told of a store that was too late."""
        ports = [port for server, (_pid, port) in self.servers.items() if server[0] == EDGESEG[0]]
        return sum(read_metric(port, "edgeseg_degraded_total") for port in ports)

    def _aof_bytes(self) -> int:
        with redis.Redis.from_url(self._ground.store.url) as client:
            return int(client.info("persistence").get("aof_current_size", 0))


def run(console: Console, *, quick: bool) -> Result:
    """Measure every contender, printing a table.

    Raises:
        CannotRun: something is missing.
    """
    rounds: list[Round] = []
    names = list(CONTENDERS)
    with (
        console.status("classify: starting the servers"),
        _bench(2 if quick else 4) as bench,
    ):
        trips = bench.round_trips()
        bench.warm_up()
        for number in range(2 if quick else 5):
            order = names if number % 2 == 0 else names[::-1]
            rounds += [bench.round(name) for name in order]
        degraded = bench.degraded()
    console.print(_table(rounds))
    if degraded:
        console.print(f"{degraded:,.0f} answers were degraded: the store was too late for them")
    if bad := sum(each.bad for each in rounds):
        raise CannotRun(f"{bad} requests failed")
    once = Figure(name="classify: round trips to the store, per page view", values=trips, reach=1)
    return Result(figures=[*list_figures(rounds), once], rounds=rounds)


@contextmanager
def _bench(seconds: float) -> Iterator[_Bench]:
    with ExitStack() as stack:
        below = stack.enter_context(ground())
        bench = _Bench(below, seconds)
        for server in dict.fromkeys(each.server for each in CONTENDERS.values()):
            running = serving(*server, below.environment, SERVER_CORE)
            bench.servers[server] = stack.enter_context(running)
        yield bench


def _table(rounds: list[Round]) -> Table:
    table = Table(title=f"One core: {SEGMENTS:,} segments, 1 KB profiles")
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
    contenders = by_contender(rounds)
    hello = spread_of([each.rps for each in contenders["hello"]]).median
    hello_us = spread_of([each.processor_us for each in contenders["hello"]]).median
    for name, own in contenders.items():
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
        table.add_row(name, *columns)
    return table
