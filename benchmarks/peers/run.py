"""Flags of edgeseg beside those of Unleash's proxy, in turn, each pinned to the same core.

Both answer which of 1,000 things hold for a visitor. What differs is said in `unleash_flags`; in
short, edgeseg knows more and asks more, the proxy is told by each request.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.classify.generator import generate
from benchmarks.classify.round import Round, by_contender
from benchmarks.classify.rules import SEGMENTS
from benchmarks.classify.serving import CannotRun, free_port, processor_s, running, serving
from benchmarks.figures import Better, Figure, Result, ratios
from benchmarks.peers.unleash_flags import make_flags, make_queries, upstream
from benchmarks.service import EDGESEG, HELLO, OTHER_CORE, SERVER_CORE, ground
from benchmarks.spread import shorten, spread_of

FACES: Final = {
    "hello": "classify",
    "page view: segments that hold": "classify",
    "Unleash proxy: flags that are on": "unleash",
    "every flag": "flags",
    "Unleash proxy: every flag": "unleash-all",
}
"""Contender → how the load generator calls it; from the second on, pairs that answer the same."""
CONNECTIONS: Final = 8
"""Few, since the proxy takes milliseconds for a thousand flags."""
_FOLDER: Final = Path(__file__).parent
_INSTALLED: Final = _FOLDER / "node_modules" / "@unleash" / "proxy"
_VISITORS: Final = 1_000


def run(console: Console, *, quick: bool) -> Result:
    """Measure all, printing a table; nothing where the peer is not installed.

    Raises:
        CannotRun: something is missing, or a request failed.
    """
    node = shutil.which("node")
    if node is None or not _INSTALLED.is_dir():
        console.print(
            "peers: left out; they need Node and `scripts/test-clients.sh benchmarks/peers`"
        )
        return Result(figures=[], rounds=[])
    seconds, count = (4.0, 1) if quick else (5.0, 5)
    with console.status("peers: starting the servers"), ExitStack() as stack:
        below = stack.enter_context(ground())
        flags = stack.enter_context(upstream(make_flags(SEGMENTS)))
        port = free_port()
        command = [node, str(_FOLDER / "unleash_proxy.mjs"), str(port), flags]
        quiet = {"NODE_ENV": "production"}
        hello = stack.enter_context(serving(*HELLO, {}, SERVER_CORE))
        own = stack.enter_context(serving(*EDGESEG, below.environment, SERVER_CORE))
        peer = (stack.enter_context(running(command, quiet, port, SERVER_CORE)), port)
        queries = below.cookies.with_name("queries")
        asked = make_queries(_VISITORS)
        queries.write_text("\n".join(asked) + "\n", "utf-8")
        _check_that_flags_are_on(port, asked)
        servers = dict(
            zip(
                FACES,
                (
                    (*hello, None),
                    (*own, below.returning),
                    (*peer, queries),
                    (*own, below.returning),
                    (*peer, queries),
                ),
                strict=True,
            )
        )
        rounds = [
            _round(name, *servers[name], seconds)
            for number in range(-1, count)
            for name in (FACES if number % 2 == 0 else reversed(FACES))
        ][len(FACES) :]  # the first of each warms up
    console.print(_table(rounds, _version()))
    return Result(figures=_figures(rounds), rounds=rounds)


def _check_that_flags_are_on(port: int, queries: list[str]) -> None:
    """Make sure that the peer evaluates what it is given: about one flag in a hundred is on."""
    on = 0
    for query in queries[:100]:
        address = Request(f"http://127.0.0.1:{port}/proxy?{query}")
        address.add_header("authorization", "benchmark")
        with urlopen(address, timeout=10) as answer:  # noqa: S310 - on this machine
            on += len(msgspec.json.decode(answer.read())["toggles"])
    if not 0.002 < on / 100 / SEGMENTS < 0.05:
        raise CannotRun(f"of {SEGMENTS} flags the proxy has {on / 100} on")


def _round(name: str, pid: int, port: int, lines: Path | None, seconds: float) -> Round:
    used_s = processor_s(pid)
    load = generate(port, lines, seconds, OTHER_CORE, FACES[name], CONNECTIONS)
    if load.bad or not load.requests:
        raise CannotRun(f"{name}: {load.bad} of {load.requests} requests failed")
    return Round(
        contender=name,
        rps=load.requests / load.duration_us * 1e6,
        processor_us=(processor_s(pid) - used_s) / load.requests * 1e6,
        p50_us=load.p50_us,
        p99_us=load.p99_us,
        bad=load.bad,
    )


def _figures(rounds: list[Round]) -> list[Figure]:
    found = by_contender(rounds)
    _hello, view, peers_view, every, peers_every = FACES
    return [
        figure
        for own, other in ((view, peers_view), (every, peers_every), (every, "hello"))
        for figure in _compare(f"{own}, in units of {other}", found[own], found[other])
    ]


def _compare(name: str, own: list[Round], other: list[Round]) -> Iterator[Figure]:
    yield Figure(
        name=f"{name}: requests / s",
        values=ratios([each.rps for each in own], [each.rps for each in other]),
        better=Better.HIGHER,
    )
    yield Figure(
        name=f"{name}: processor time",
        values=ratios([each.processor_us for each in own], [each.processor_us for each in other]),
    )


def _version() -> str:
    package = msgspec.json.decode((_INSTALLED / "package.json").read_bytes())
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return f"@unleash/proxy {package['version']}, Node {node.stdout.strip()}"


def _table(rounds: list[Round], version: str) -> Table:
    table = Table(title=f"{SEGMENTS:,} flags of one visitor on one core; {version}")
    for heading in ("contender", "requests / s", "CPU µs", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="left" if heading == "contender" else "right")
    for name, own in by_contender(rounds).items():
        table.add_row(
            name,
            str(spread_of([each.rps for each in own])),
            str(spread_of([each.processor_us for each in own])),
            shorten(spread_of([each.p50_us for each in own]).median / 1_000),
            shorten(spread_of([each.p99_us for each in own]).median / 1_000),
        )
    return table
