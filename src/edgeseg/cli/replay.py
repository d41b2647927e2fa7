"""``edgeseg replay``: an access log, or JSON lines of events, becomes traffic."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from time import perf_counter
from typing import Final

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from edgeseg.assembly import id_key_from, intake_from, rules_from
from edgeseg.cli.failures import FAILED, plain_errors, rules_options, settings_with
from edgeseg.cli.log_source import LogSource, open_log
from edgeseg.cli.replay_report import report_of, show_report
from edgeseg.cli.replay_run import Replay, Terms
from edgeseg.cli.stores import open_store
from edgeseg.clock import system_clock
from edgeseg.delivery.consent import resolve_consent
from edgeseg.errors import InputError
from edgeseg.events.enrich import page_context
from edgeseg.events.log_traffic import Pseudonyms
from edgeseg.settings import Settings
from edgeseg.telemetry import Telemetry

_TICK_LINES: Final = 500
_PLAIN_TICK_LINES: Final = 100_000
_MAX_PURPOSE: Final = 100


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--consent", "purposes", metavar="PURPOSE", multiple=True, required=True,
    help="Purpose that the visitors of the log have consented to; may be repeated.",
)  # fmt: skip
@rules_options
@click.option(
    "--site", metavar="URL", default="https://localhost", show_default=True,
    help="Where the paths of the log belong; referrers from there are not external.",
)  # fmt: skip
@click.option(
    "--limit", metavar="N", type=click.IntRange(1, sys.maxsize), help="Read N lines only."
)
@click.option("--all-requests", is_flag=True, help="Count scripts, images and feeds as pages, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def replay(  # noqa: PLR0913 - one parameter an option
    file: str,
    purposes: tuple[str, ...],
    rules: str | None,
    templates: str | None,
    site: str,
    limit: int | None,
    *,
    all_requests: bool,
    as_json: bool,
) -> None:
    """Turn an access log into traffic: who would have been in which segment?

    FILE is in the combined log format of Apache and nginx, or has one JSON object
    a line ({"visitor", "timestamp", "url", "referrer", "user_agent", "events"});
    packed by gzip or not; - is the standard input. Every page that was asked for
    goes the way of a live page view, at the time of its line, and is stored as one.

    You must name what the visitors have consented to: nothing is stored without.
    Address and agent tell visitors apart; only a keyed hash of them is stored.

    Told to end while it waits for the standard input, it replays what it has read.

    Exit codes: 0 done, 1 nothing could be replayed, or not all of it, 2 wrong use,
    settings or rules.

    Example: edgeseg replay access.log.gz --consent marketing --site https://www.example
    """
    site = _check_site(site)
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        terms = Terms(
            consents=check_consents(purposes, settings),
            site=site,
            time_zone=settings.zone,
            now_ms=system_clock(),
            max_events=settings.max_events,
            intake=intake_from(settings, Telemetry()),
            all_requests=all_requests,
        )
        snapshot = rules_from(settings).build()
        pseudonyms = Pseudonyms(id_key_from(settings))

        async def perform(lines: Iterable[bytes]) -> tuple[Replay, float]:
            async with open_store(settings) as store:
                run, started_s = Replay(snapshot, store, pseudonyms, terms), perf_counter()
                await run.run(lines)
                return run, perf_counter() - started_s

        with open_log(file) as source, _progress(source) as lines:
            run, seconds = asyncio.run(perform(islice(lines, limit)))
    report = report_of(run, snapshot, seconds)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        show_report(report, Console(highlight=False))
    if run.is_cut:
        click.echo("edgeseg: told to end before the log did", err=True)
        raise SystemExit(FAILED)
    if not report.page_views:
        click.echo("edgeseg: nothing could be replayed", err=True)
        raise SystemExit(FAILED)


def _check_site(site: str) -> str:
    try:
        page_context(site)
    except InputError as error:
        raise click.BadParameter(str(error), param_hint="--site") from error
    return site.rstrip("/")


def check_consents(purposes: tuple[str, ...], settings: Settings) -> dict[str, bool]:
    """Answer purpose → granted, if that allows storing anything.

    Raises:
        click.BadParameter: it does not, or a purpose is none.
    """
    if not all(0 < len(purpose) <= _MAX_PURPOSE for purpose in purposes):
        message = f"a purpose has 1 to {_MAX_PURPOSE} characters"
        raise click.BadParameter(message, param_hint="--consent")
    given = dict.fromkeys(purposes, True)
    needed = settings.storage_purpose
    if not resolve_consent({}, given, storage_purpose=needed, opted_out=False).may_store:
        message = f"nothing may be stored without `{needed}` (EDGESEG_STORAGE_PURPOSE)"
        raise click.BadParameter(message, param_hint="--consent")
    return given


@contextmanager
def _progress(source: LogSource) -> Iterator[Iterable[bytes]]:
    """Answer the lines of ``source``; as they are read, a bar grows on a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _announce(source.lines)
        return
    columns = (TextColumn("{task.fields[lines]:,} lines"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        yield _advance(source, progress)


def _announce(lines: Iterable[bytes]) -> Iterator[bytes]:
    for number, line in enumerate(lines, 1):
        yield line
        if number % _PLAIN_TICK_LINES == 0:
            click.echo(f"{number:,} lines read", err=True)


def _advance(source: LogSource, progress: Progress) -> Iterator[bytes]:
    task = progress.add_task("", total=source.size_bytes, lines=0)
    for number, line in enumerate(source.lines, 1):
        yield line
        if number % _TICK_LINES == 0:
            progress.update(task, completed=source.position_bytes(), lines=number)
