"""Measure page views with and without slots, in turn, at one server pinned to one core."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.classify.generator import generate
from benchmarks.classify.serving import CannotRun, pin, processor_s, serving
from benchmarks.classify.visitors import Visitors
from benchmarks.figures import Figure, Result, ratios
from benchmarks.service import EDGESEG, settings_for
from benchmarks.slots.rules import CAMPAIGNS, SLOTS, write_campaigns
from benchmarks.spread import spread_of
from edgeseg.clock import system_clock
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.rule_folder import RuleFolder

FACES: Final = {"without slots": "view", f"with {SLOTS} slots": "slots"}
"""What is asked for → how the load generator calls it; the first is the measure."""
BAR: Final = 1.25
"""What the others may cost, in units of the first."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of page views for some seconds.

    Attributes:
        processor_us: processor time of the server process per page view.
    """

    asked: str
    rps: float
    processor_us: float


def run(console: Console, *, quick: bool) -> Result:
    """Measure both, printing a table.

    Raises:
        CannotRun: something is missing, or a request failed.
    """
    seconds, rounds = (2.0, 2) if quick else (4.0, 7)
    if (os.cpu_count() or 1) < 2:
        raise CannotRun("two cores are needed: one for the server, one for what loads it")
    with ExitStack() as stack:
        stack.enter_context(console.status("slots: starting the server"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgeseg-bench-")))
        rules, templates = write_campaigns(folder)
        visitors = Visitors(RuleFolder(rules, templates).build(), system_clock())
        visitors.write_cookies(folder / "cookies")
        store = stack.enter_context(EmbeddedServer(folder / "store"))
        pin(store.pid, 1)
        visitors.store(store.url)
        environment = settings_for(store.url, rules, templates)
        pid, port = stack.enter_context(serving(*EDGESEG, environment, 0))
        found = []
        for number in range(-1, rounds):
            for asked in FACES if number % 2 == 0 else reversed(FACES):
                measured = _round(pid, port, folder / "cookies", asked, seconds)
                found += [measured] if number >= 0 else []  # the first one warms up
    console.print(_table(found))
    plain, filled = (
        [each.processor_us for each in found if each.asked == asked] for asked in FACES
    )
    figure = Figure(
        name=f"processor time of a page view with {SLOTS} slots, of one without",
        values=ratios(filled, plain),
        reach=BAR,
    )
    return Result(figures=[figure], rounds=found)


def _round(pid: int, port: int, cookies: Path, asked: str, seconds: float) -> Round:
    used_s = processor_s(pid)
    load = generate(port, cookies, seconds, 1, FACES[asked])
    if load.bad or not load.requests:
        raise CannotRun(f"{load.bad} of {load.requests} requests failed")
    return Round(
        asked=asked,
        rps=load.requests / load.duration_us * 1e6,
        processor_us=(processor_s(pid) - used_s) / load.requests * 1e6,
    )


def _table(rounds: list[Round]) -> Table:
    title = f"Page views on one core: {SLOTS} slots, {CAMPAIGNS} campaigns, at most {BAR} wanted"
    table = Table(title=title)
    for heading in ("page view", "requests / s", "CPU µs", "ratio"):
        table.add_column(heading, justify="left" if heading == "page view" else "right")
    first = 0.0
    for asked in FACES:
        own = [each for each in rounds if each.asked == asked]
        processor_us = spread_of([each.processor_us for each in own])
        first = first or processor_us.median
        ratio = f"{processor_us.median / first:.2f}" if first else ""
        table.add_row(asked, str(spread_of([each.rps for each in own])), str(processor_us), ratio)
    return table
