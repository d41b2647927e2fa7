"""``edgeseg bench``: what page views take on this machine, with these rules and this store."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from edgeseg.assembly import rules_from, store_from
from edgeseg.cli.bench_visitors import MadeUp, make_up_visitors
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
from edgeseg.cli.stage_timing import Stages, Timing
from edgeseg.cli.stores import PATIENT_MS, open_store_server, reaching
from edgeseg.clock import system_clock
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.settings import Settings
from edgeseg.spelling import counted

VISITORS: Final = 200
MAX_SECONDS: Final = 60
_AWAY_MS: Final = 1
"""How long erased visitors are turned away: nobody else has their ids."""


class _Seconds(click.ParamType[float]):
    """A time that something can be measured in."""

    name = "N"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        with suppress(ValueError):
            if 0 < (seconds := float(str(value))) <= MAX_SECONDS:  # NaN is not
                return seconds
        return self.fail(
            f"a number of seconds above 0 and up to {MAX_SECONDS}, like 0.5", param, ctx
        )


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and with what."""

    segments: int
    campaigns: int
    slots: int
    metrics: int
    visitors: int
    timings: list[Timing]


@click.command()
@click.option(
    "--seconds",
    type=_Seconds(),
    default=0.5,
    show_default=True,
    help=f"How long each stage is run, at most {MAX_SECONDS}.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@rules_options
def bench(*, seconds: float, as_json: bool, rules: str | None, templates: str | None) -> None:
    """Measure the stages of a page view with your rules and your store.

    In this process and one page view at a time, so it tells what each stage costs, not how
    many page views a second a server takes. Its made-up visitors are written to the store
    under names of their own and erased at the end; real ones are never touched.

    Example: edgeseg bench --rules rules
    """
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        snapshot = rules_from(settings).build()
        with open_store_server(settings) as address:
            settings = msgspec.structs.replace(
                settings,
                redis_url=address,
                budget_ms=PATIENT_MS,
                key_prefix=f"{settings.key_prefix[:30]}bench-{secrets.token_hex(4)}:",
            )
            timings = asyncio.run(_measure(settings, snapshot, seconds, Console(stderr=True)))
    found = Bench(
        segments=len(snapshot.definitions.segments),
        campaigns=len(snapshot.by_key),
        slots=len(snapshot.slots),
        metrics=len(snapshot.plan.metrics),
        visitors=VISITORS,
        timings=timings,
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _show(found)


async def _measure(
    settings: Settings, rules: Snapshot, seconds: float, console: Console
) -> list[Timing]:
    now_ms = system_clock()
    visitors = list(make_up_visitors(rules, VISITORS, now_ms))
    stages = Stages(rules, visitors, now_ms=now_ms, time_zone=settings.zone, seconds=seconds)
    with console.status("measuring"):
        timings = list(stages.alone())
        for megabytes, copies in _kinds_of_copies(settings):
            kind = msgspec.structs.replace(settings, cache_mb=megabytes)
            timings += await _with_store(kind, stages, visitors, rules, copies)
    return timings


def _kinds_of_copies(settings: Settings) -> Iterator[tuple[int, str]]:
    yield 0, "visitor not seen lately"
    if settings.cache_mb:
        yield settings.cache_mb, "visitor seen lately"


async def _with_store(
    settings: Settings, stages: Stages, visitors: list[MadeUp], rules: Snapshot, copies: str
) -> list[Timing]:
    store = store_from(settings)
    with reaching(settings.redis_url):
        await store.open()
        await store.ping()
    try:
        for each in visitors:
            await store.record(each.id, each.history, plan=rules.plan, now_ms=system_clock())
        return await stages.with_store(store, copies)
    finally:
        for each in visitors:
            await store.erase(each.id, away_ms=_AWAY_MS)
        await store.close()


def _show(found: Bench) -> None:
    console = Console()
    title = (
        f"A page view, stage by stage: {counted(found.segments, 'segment')}, "
        f"{counted(found.campaigns, 'campaign')}, {counted(found.slots, 'slot')}, "
        f"{counted(found.metrics, 'metric')}"
    )
    table = Table(title=title)
    for heading in ("stage", "median µs", "99 of 100 µs", "times"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for each in found.timings:
        times = (f"{figure:,.3g}" for figure in (each.p50_us, each.p99_us))
        table.add_row(each.stage, *times, f"{each.times:,}")
    console.print(table)
    console.print("One at a time, in this process; the HTTP server and the network are not in it.")
