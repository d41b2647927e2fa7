"""Measure the tracking protocol: the server pinned to one core, clients and store on the other."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.classify.hello import BODY as HELLO_BODY
from benchmarks.classify.rules import SEGMENTS, write_rules
from benchmarks.classify.serving import CannotRun, pin, processor_s, serving
from benchmarks.figures import Figure, Result, ratios
from benchmarks.service import EDGESEG, HELLO, OTHER_CORE, SERVER_CORE, settings_for
from benchmarks.spread import spread_of
from benchmarks.tracking.batches import WRITE_KEY, make_batches
from edgeseg.profiles.embedded import EmbeddedServer

SHAPES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "100 events of 100 visitors": (100, 100),
        "100 events of 5 visitors": (100, 5),
        "1 event": (1, 1),
    }
)
"""What a call carries: name → messages and visitors."""
CLIENTS: Final = 8
_READY: Final = 200
"""Bodies made before the clock runs, for each client; they are sent in turn."""
BASELINE: Final = "hello"
"""A bare application that reads nothing, asked by the same clients."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One shape of calls for some seconds.

    Attributes:
        processor_us: processor time of the server process per event.
    """

    shape: str
    events_per_s: float
    calls_per_s: float
    processor_us: float


def run(console: Console, *, quick: bool) -> Result:
    """Measure every shape, and the bare hello with the same clients, printing a table.

    Raises:
        CannotRun: something is missing, or a call failed.
    """
    seconds, rounds = (2.0, 2) if quick else (4.0, 5)
    if (os.cpu_count() or 1) < 2:
        raise CannotRun("two cores are needed: one for the server, one for what loads it")
    with ExitStack() as stack:
        stack.enter_context(console.status("tracking: starting the server"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgeseg-bench-")))
        written, templates = write_rules(folder)
        store = stack.enter_context(EmbeddedServer(folder / "store"))
        pin(store.pid, 1)
        environment = settings_for(store.url, written, templates) | {
            "EDGESEG_WRITE_KEYS": WRITE_KEY,
            "EDGESEG_BUDGET_MS": "5000",
        }
        service = stack.enter_context(serving(*EDGESEG, environment, SERVER_CORE))
        hello = stack.enter_context(serving(*HELLO, {}, SERVER_CORE))
        pin(0, OTHER_CORE)
        names = (BASELINE, *SHAPES)
        found = [
            _round(name, *(hello if name == BASELINE else service), seconds)
            for number in range(rounds + 1)
            for name in (names if number % 2 == 0 else reversed(names))
        ][len(names) :]  # the first of each fills the store
    console.print(_table(found))
    return Result(figures=_figures(found), rounds=found)


def _figures(rounds: list[Round]) -> list[Figure]:
    by_shape = {
        shape: [each.processor_us for each in rounds if each.shape == shape]
        for shape in (BASELINE, *SHAPES)
    }
    return [
        Figure(
            name=f"processor time of an event, {shape} a call, in units of hello's",
            values=ratios(by_shape[shape], by_shape[BASELINE]),
        )
        for shape in SHAPES
    ]


def _round(shape: str, pid: int, port: int, seconds: float) -> Round:
    messages, visitors = SHAPES.get(shape, (1, 1))
    bodies = [list(islice(make_batches(messages, visitors, n), _READY)) for n in range(CLIENTS)]
    calls = [0] * CLIENTS
    failures: list[str] = []
    until_s = time.monotonic() + seconds
    used_s, started_s = processor_s(pid), time.monotonic()

    def send(client: int) -> None:
        try:
            for _ in _calls(port, bodies[client], until_s):
                calls[client] += 1
        except (OSError, CannotRun) as error:
            failures.append(str(error))

    threads = [threading.Thread(target=send, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise CannotRun(failures[0])
    took_s, events = time.monotonic() - started_s, sum(calls) * messages
    return Round(
        shape=shape,
        events_per_s=events / took_s,
        calls_per_s=sum(calls) / took_s,
        processor_us=(processor_s(pid) - used_s) / events * 1e6,
    )


def _calls(port: int, bodies: list[bytes], until_s: float) -> Iterator[None]:
    """Send bodies until the time is over; yield after each answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    while True:
        for body in bodies:
            if time.monotonic() >= until_s:
                connection.close()
                return
            connection.request("POST", "/v1/batch", body)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200 or (b'"refused":0' not in content and content != HELLO_BODY):
                raise CannotRun(f"{answer.status}: {content[:300]!r}")
            yield


def _table(rounds: list[Round]) -> Table:
    table = Table(title=f"POST /v1/batch on one core: {SEGMENTS:,} segments")
    for heading in ("a call carries", "events / s", "calls / s", "CPU µs / event"):
        table.add_column(heading, justify="left" if heading.startswith("a") else "right")
    for shape in (BASELINE, *SHAPES):
        own = [each for each in rounds if each.shape == shape]
        table.add_row(
            shape,
            str(spread_of([each.events_per_s for each in own])),
            str(spread_of([each.calls_per_s for each in own])),
            str(spread_of([each.processor_us for each in own])),
        )
    return table
