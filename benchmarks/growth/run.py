"""Page views of services in turn: with 100 segments, with 10,000.

A visitor is in about twenty of them either way: whoever writes more segments writes narrower
ones. Beside it stands what it costs if each holds for one visitor in a hundred, as in the other
benchmarks: then a visitor is in a hundred of 10,000, and the answer lists them all.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from http.client import HTTPConnection
from statistics import mean
from typing import Final, NamedTuple

import msgspec
from rich.console import Console

from benchmarks.classify.generator import generate
from benchmarks.classify.round import Round, by_contender
from benchmarks.classify.rules import SHARE
from benchmarks.classify.serving import CannotRun, processor_s, serving
from benchmarks.figures import Figure, Result, ratios, table_of
from benchmarks.service import EDGESEG, OTHER_CORE, SERVER_CORE, Ground, ground

FEW: Final = 100
MANY: Final = 10_000
_ASKED: Final = 200
"""Visitors of whom it is counted in how many segments they are."""
_BODY: Final = b'{"page": {"url": "http://shop.example/section-1/page-1"}}'


class Case(NamedTuple):
    """So many segments, of which ``share`` is to match a visitor.

    Narrow ones match more visitors than that: a fact has only so many values.
    """

    segments: int
    share: float

    @property
    def name(self) -> str:
        """Name of the contender."""
        return f"{self.segments:,} segments of {self.share:.1%}"


ALIKE: Final = (Case(FEW, 0.2), Case(MANY, 0.001))
"""Visitors are in about twenty segments."""
EVEN: Final = (Case(FEW, SHARE), Case(MANY, SHARE))
"""Visitors are in a hundred times as many where there are a hundred times as many."""


class Rounds(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run; ``held`` is case → segments that a visitor is in, on average."""

    held: dict[str, float]
    measured: list[Round]


class _Service(NamedTuple):
    """A running service."""

    below: Ground
    pid: int
    port: int


def run(console: Console, *, quick: bool) -> Result:
    """Measure all cases, printing a table.

    Raises:
        CannotRun: something is missing, or a request failed.
    """
    seconds, count = (2.0, 2) if quick else (4.0, 5)
    with console.status("growth: starting the servers"), ExitStack() as stack:
        services = {}
        for case in (*ALIKE, *EVEN):
            below = stack.enter_context(ground(case.segments, case.share))
            started = stack.enter_context(serving(*EDGESEG, below.environment, SERVER_CORE))
            services[case.name] = _Service(below, *started)
        held = {name: _count_held(service) for name, service in services.items()}
        rounds = [
            _round(name, services[name], seconds)
            for number in range(-1, count)
            for name in (services if number % 2 == 0 else reversed(services))
        ][len(services) :]  # the first of each warms up
    figures = _figures(held, rounds)
    console.print(table_of(figures, "What more segments cost"))
    return Result(figures=figures, rounds=Rounds(held=held, measured=rounds))


def _figures(held: dict[str, float], rounds: Sequence[Round]) -> list[Figure]:
    used_us = {
        name: [each.processor_us for each in own] for name, own in by_contender(rounds).items()
    }
    few, many = ALIKE
    even_few, even_many = EVEN
    compared = f"processor time of a page view at {MANY:,} segments, of that at {FEW}"
    return [
        Figure(
            name=f"{compared}, visitors in about 20 of them",
            values=ratios(used_us[many.name], used_us[few.name]),
            reach=1.6,
            beyond=1.3,
        ),
        Figure(
            name=f"{compared}, visitors in {SHARE:.0%} of them",
            values=ratios(used_us[even_many.name], used_us[even_few.name]),
        ),
        *(
            Figure(name=f"processor time of a page view, {name}", values=own, unit="µs")
            for name, own in used_us.items()
        ),
        *(
            Figure(name=f"segments that a visitor is in, {name}", values=[number])
            for name, number in held.items()
        ),
    ]


def _count_held(service: _Service) -> float:
    """Answer in how many segments visitors are, on average."""
    held = []
    connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
    for cookie in service.below.visitors.cookies[:_ASKED]:
        headers = {"Content-Type": "application/json", "Cookie": f"edgeseg={cookie}"}
        connection.request("POST", "/v1/classify", _BODY, headers)
        held.append(len(msgspec.json.decode(connection.getresponse().read())["segments"]))
    connection.close()
    return mean(held)


def _round(name: str, service: _Service, seconds: float) -> Round:
    used_s = processor_s(service.pid)
    load = generate(service.port, service.below.returning, seconds, OTHER_CORE, "classify")
    if load.bad or not load.requests:
        raise CannotRun(f"{load.bad} of {load.requests} requests failed")
    return Round(
        contender=name,
        rps=load.requests / load.duration_us * 1e6,
        processor_us=(processor_s(service.pid) - used_s) / load.requests * 1e6,
        p50_us=load.p50_us,
        p99_us=load.p99_us,
        bad=load.bad,
    )
