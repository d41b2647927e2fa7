"""``edgeseg recalculate``: let all stored profiles catch up with the rules."""

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import perf_counter
from typing import Final, NamedTuple

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from edgeseg.assembly import rules_from, sweep_from
from edgeseg.audiences.pace import Pace
from edgeseg.audiences.recalculation import Recalculation
from edgeseg.audiences.sweep_progress import Progress
from edgeseg.cli.bulk_progress import showing
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
from edgeseg.cli.stores import open_store_server, reaching
from edgeseg.clock import DAY_MS, system_clock
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import EdgesegError
from edgeseg.settings import Settings
from edgeseg.spelling import counted

MAX_WORKERS: Final = 64
_UNBOUNDED: Final = 1e9
_NICE: Final = 10
"""Priority of processes that give way: page views on the same machine come first."""


class _Order(NamedTuple):
    """What each process is to do; ``per_s`` is 0 to adapt."""

    settings: Settings
    per_s: float
    report: bool


class RecalculationReport(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one recalculation, of all processes together.

    Attributes:
        profiles: that were looked at.
        caught_up: of those, that did not follow the rules before.
        busy: that changed at that very moment; their next page view does it.
        unreadable: that are damaged, or of a newer version, and left as they are.
        seconds: since this process began.
        segments: segment → members, None without ``--report``.
    """

    rules: str
    profiles: int
    caught_up: int
    busy: int
    unreadable: int
    processes: int
    seconds: float
    segments: dict[str, int] | None = None


class _Rate(click.ParamType[float]):
    """Profiles a second, or one of two words."""

    name = "N|auto|max"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        if value in {"auto", "max"}:
            return 0.0 if value == "auto" else _UNBOUNDED
        with suppress(ValueError):
            if 1 <= (rate := float(str(value))) <= _UNBOUNDED:
                return rate
        return self.fail("a number of profiles a second from 1 on, `auto` or `max`", param, ctx)


@click.command()
@rules_options
@click.option(
    "--workers", metavar="N", type=click.IntRange(1, MAX_WORKERS), default=1, show_default=True,
    help="Processes that share the work.",
)  # fmt: skip
@click.option(
    "--rate", type=_Rate(), default="auto", show_default=True,
    help="Profiles a second, of all workers together; auto gives way to live traffic.",
)  # fmt: skip
@click.option("--report", is_flag=True, help="Count the members of each segment.")
@click.option("--restart", is_flag=True, help="Begin anew where one was interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def recalculate(
    rules: str | None,
    templates: str | None,
    workers: int,
    rate: float,
    *,
    report: bool,
    restart: bool,
    as_json: bool,
) -> None:
    """Let all stored profiles catch up with the rules, as far back as their journals reach.

    Nobody has to wait for it: a profile also catches up on its visitor's next page
    view. Run it after a change of rules to see sizes of new segments at once, and so
    that no journal entry that a new metric needs is dropped in between.

    It may be interrupted at any time; the same command goes on where it was. Several,
    on as many machines as you like, share the work.

    Exit codes: 0 done, 1 the store failed, 2 wrong use, settings or rules.

    Example: edgeseg recalculate --workers 2 --report
    """
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        snapshot = rules_from(settings).build()
        started_s = perf_counter()
        with open_store_server(settings) as address:
            located = msgspec.structs.replace(settings, redis_url=address)
            order = _Order(located, rate / workers, report)
            with _fellows(order, workers - 1):
                progress = _show_work(order, snapshot, restart=restart)
        known = list(snapshot.definitions.segments) if report else None
        found = _report_of(progress, perf_counter() - started_s, known)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _show(found, Console(highlight=False))


@contextmanager
def _fellows(order: _Order, count: int) -> Iterator[None]:
    """Let ``count`` more processes take part, until all is done or the first one ends early."""
    context = multiprocessing.get_context("spawn")
    fellows = [context.Process(target=_take_part, args=(order,)) for _ in range(count)]
    for each in fellows:
        each.start()
    try:
        yield
    except BaseException:
        for each in fellows:
            each.terminate()
        raise
    finally:
        for each in fellows:
            each.join()


def _take_part(order: _Order) -> None:
    with suppress(EdgesegError, KeyboardInterrupt):  # the first process tells what is wrong
        rules = rules_from(order.settings).build()
        asyncio.run(_work(order, rules, lambda _progress: None, restart=False))


def _show_work(order: _Order, rules: Snapshot, *, restart: bool) -> Progress:
    with showing(100) as tell:

        def show(progress: Progress) -> None:
            counts = progress.counts
            share = min(1.0, counts.looked / progress.total) if progress.total else 1.0
            line = f"{counted(counts.looked, 'profile')}, {counts.caught_up:,} caught up"
            tell(100 * share, line)

        return asyncio.run(_work(order, rules, show, restart=restart))


async def _work(
    order: _Order, rules: Snapshot, tell: Callable[[Progress], None], *, restart: bool
) -> Progress:
    settings = order.settings
    if not order.per_s:
        os.nice(_NICE)
    sweep = sweep_from(settings)
    try:
        with reaching(settings.redis_url):
            await sweep.open()
            await sweep.probe()
        part = Recalculation(
            sweep,
            rules,
            time_zone=settings.zone,
            consent_ms=settings.consent_days * DAY_MS,
            clock=system_clock,
            pace=Pace(order.per_s),
            report=order.report,
        )
        return await part.run(tell, restart=restart)
    finally:
        await sweep.close()


def _report_of(
    progress: Progress, seconds: float, segments: list[str] | None
) -> RecalculationReport:
    counts = progress.counts
    return RecalculationReport(
        rules=progress.rules,
        profiles=counts.looked,
        caught_up=counts.caught_up,
        busy=counts.busy,
        unreadable=counts.unreadable,
        processes=progress.processes,
        seconds=round(seconds, 3),
        segments=None
        if segments is None
        else {segment: counts.segments.get(segment, 0) for segment in segments},
    )


def _show(found: RecalculationReport, console: Console) -> None:
    follow = "follows" if found.profiles == 1 else "follow"
    profiles = f"{counted(found.profiles, 'profile')} {follow} rules {found.rules}"
    told = [f"{profiles}: {found.caught_up:,} caught up"]
    if found.busy:
        told.append(f"{found.busy:,} changed meanwhile and do so on their next page view")
    if found.unreadable:
        told.append(f"{found.unreadable:,} could not be read and were left as they are")
    console.print(", ".join(told), soft_wrap=True)
    if found.segments is not None:
        table = Table("segment")
        table.add_column("visitors", justify="right")
        for segment, members in found.segments.items():
            table.add_row(segment, f"{members:,}")
        console.print(table)
