"""Count what requests make the interpreter do, each kind in a fresh process.

Time is noisy where others use the machine; this is not: two runs differ by less than a per cent,
whatever else goes on. So it tells whether a change makes a request heavier, and where. The
requests go through the real protocol, to the real store, but for sockets to the clients.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.bytecodes.counter import Work
from benchmarks.classify.serving import CannotRun
from benchmarks.figures import Figure, Result
from benchmarks.service import Ground, ground
from benchmarks.spread import shorten

SLACK: Final = 0.01
"""What a figure may differ by from one run to the next."""
_SHOWN: Final = 10
"""Functions that are shown of each kind of request."""
_SETTINGS: Final = {
    "EDGESEG_BUDGET_MS": "10000",  # counting is slow, and no answer may be one without a profile
    "PYTHONHASHSEED": "0",  # sets of strings in the same order each time
}


class Contender(NamedTuple):
    """A kind of request; ``returning`` is whether the visitor is in the worker's memory."""

    face: str
    returning: bool = True


CONTENDERS: Final[Mapping[str, Contender]] = {
    "hello": Contender("hello"),
    "classify": Contender("classify", returning=False),
    "classify returning": Contender("classify"),
    "fragment returning": Contender("fragment"),
    "flag returning": Contender("flag"),
}
"""By name, as of `benchmarks.classify`; the first is the measure of the others."""


def run(console: Console, *, quick: bool) -> Result:  # noqa: ARG001 - it is the same each time
    """Count, printing tables.

    Raises:
        CannotRun: something is missing, or a request failed.
    """
    with console.status("bytecodes: making up visitors") as status, ground() as below:
        found = {}
        for name, contender in CONTENDERS.items():
            status.update(f"bytecodes: {name}")
            found[name] = _count(below, contender)
    console.print(_table(found))
    for name, work in found.items():
        console.print(_table_of_functions(name, work))
    return Result(figures=list_figures(found), rounds=found)


def list_figures(found: Mapping[str, Work]) -> list[Figure]:
    """Answer two figures of each contender."""
    return [
        Figure(name=f"{name}: {what} a request", values=[value], slack=SLACK)
        for name, work in found.items()
        for what, value in (("bytecodes", work.bytecodes), ("frames", work.frames))
    ]


def _count(below: Ground, contender: Contender) -> Work:
    kind = "returning" if contender.returning else "new"
    module = "benchmarks.bytecodes.measure"
    done = subprocess.run(
        [sys.executable, "-m", module, contender.face, kind, str(below.cookies)],
        env=os.environ | below.environment | _SETTINGS,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise CannotRun(done.stderr.decode("utf-8", "replace")[-2_000:])
    return msgspec.json.decode(done.stdout, type=Work)


def _table(found: Mapping[str, Work]) -> Table:
    table = Table(title="What a request makes the interpreter do")
    for heading in ("request", "bytecodes", "of hello's", "frames"):
        table.add_column(heading, justify="left" if heading == "request" else "right")
    measure = next(iter(found.values())).bytecodes
    for name, work in found.items():
        of_measure = shorten(work.bytecodes / measure)
        table.add_row(name, f"{work.bytecodes:,.0f}", of_measure, f"{work.frames:,.0f}")
    return table


def _table_of_functions(name: str, work: Work) -> Table:
    table = Table(title=f"{name}: functions with the most bytecodes", title_justify="left")
    table.add_column("function", overflow="fold")
    table.add_column("bytecodes", justify="right")
    table.add_column("frames", justify="right")
    for each in work.functions[:_SHOWN]:
        table.add_row(each.function, shorten(each.bytecodes), shorten(each.frames))
    return table
