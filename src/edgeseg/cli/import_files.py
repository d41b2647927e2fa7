"""``edgeseg import``: profiles and events from files."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final, TextIO

import msgspec
import rich_click as click

from edgeseg.assembly import identities_from, intake_from, rules_from, store_from
from edgeseg.cli.bulk_progress import showing
from edgeseg.cli.failures import FAILED, plain_errors, rules_options, settings_with
from edgeseg.cli.import_refused import open_refused
from edgeseg.cli.import_rows import OWN_TARGETS, RowReader, read_map
from edgeseg.cli.import_run import Import, Terms
from edgeseg.cli.import_source import Source, Start, fingerprint_of, format_of, open_rows
from edgeseg.cli.import_state import (
    Counts,
    ImportState,
    read_state,
    state_path_of,
    write_state,
)
from edgeseg.cli.printable import printable
from edgeseg.cli.replay import check_consents
from edgeseg.cli.row_file import FORMATS
from edgeseg.cli.stores import PATIENT_MS, open_store_server, reaching
from edgeseg.clock import system_clock
from edgeseg.errors import EdgesegError, InputError
from edgeseg.settings import Settings
from edgeseg.spelling import counted
from edgeseg.telemetry import Telemetry

_KINDS: Final = click.Choice(tuple(OWN_TARGETS))


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one import, the parts before ``--resume`` included.

    Attributes:
        seconds: of this run.
        rows_per_second: of this run.
    """

    kind: str
    dry_run: bool
    counts: Counts
    seconds: float
    rows_per_second: float


@click.command("import")
@click.argument("kind", type=_KINDS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--consent", "purposes", metavar="PURPOSE", multiple=True, required=True,
    help="Purpose that the people in the file have consented to; may be repeated.",
)  # fmt: skip
@click.option(
    "--map", "mapped", metavar="COLUMN=TARGET[:TYPE]", multiple=True,
    help="What a column is, where its name does not say so; - leaves it out. May be repeated.",
)  # fmt: skip
@click.option("--format", "format_", type=click.Choice(FORMATS), help="By default the name tells.")
@click.option("--dry-run", is_flag=True, help="Check every row, store nothing.")
@click.option(
    "--errors", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Write refused rows there, with what is wrong, as JSON lines.",
)  # fmt: skip
@click.option(
    "--max-errors", metavar="N", type=click.IntRange(min=1), default=10_000, show_default=True,
    help="End after so many refused rows.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an import that was interrupted.")
@click.option("--again", is_flag=True, help="Import from the start what was imported before.")
@click.option(
    "--state", "state_path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to keep how far it has come; by default beside FILE.",
)  # fmt: skip
@rules_options
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def import_files(  # noqa: PLR0913, PLR0917 - one parameter an option
    kind: str,
    file: Path,
    purposes: tuple[str, ...],
    mapped: tuple[str, ...],
    format_: str | None,
    errors: Path | None,
    max_errors: int,
    state_path: Path | None,
    rules: str | None,
    templates: str | None,
    *,
    dry_run: bool,
    resume: bool,
    again: bool,
    as_json: bool,
) -> None:
    """Bring in what other systems know: KIND is profiles or events, FILE has one a row.

    FILE is CSV with a header, JSON lines or Parquet (needs edgeseg[parquet]), the
    first two also packed by gzip. Columns are found by their names: visitor (or user,
    your own id of a known person); of events also event, timestamp and message_id;
    of profiles also timestamp, tags and lists. All others are properties, or
    attributes. Values are held to the schema of the rules, as over HTTP; a row that
    does not keep to it is refused whole.

    You must name what the people in the file have consented to: nothing is stored
    without. It never outweighs what somebody has refused themselves.

    Exit codes: 0 every row was imported, 1 some were refused or the store failed,
    2 wrong use, settings or rules.

    Example: edgeseg import events orders.csv.gz --consent marketing --map amount=revenue:number
    """
    started_s = perf_counter()
    state_path = state_path or state_path_of(file)
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        consents = check_consents(purposes, settings)
        format_ = format_ or format_of(file)
        before = ImportState(fingerprint=fingerprint_of(file), kind=kind)
        if not dry_run and not again:
            before = _earlier(before, read_state(state_path), state_path, resume=resume)
        if before.done:
            click.echo(f"{file} was imported before; --again imports it once more", err=True)
            rows = before.counts.rows
            _show(before, rows, started_s, dry_run=dry_run, as_json=as_json, problems=[])
            return
        with ExitStack() as stack:
            start = Start(before.place, before.counts.rows)
            source = stack.enter_context(open_rows(file, format_, start))
            after_row = before.counts.rows if resume else None
            written = stack.enter_context(open_refused(errors, after_row=after_row))
            address = "" if dry_run else stack.enter_context(open_store_server(settings))
            located = msgspec.structs.replace(
                settings, redis_url=address, budget_ms=PATIENT_MS, cache_mb=0
            )
            work = _Work(located, consents, mapped, written, max_errors)
            with _told_how_far(work):
                after, problems = asyncio.run(work.perform(source, before, state_path))
    _show(after, before.counts.rows, started_s, dry_run=dry_run, as_json=as_json, problems=problems)
    if after.counts.refused:
        raise SystemExit(FAILED)


class _Work:
    """One run, put together.

    Attributes:
        rows: that are stored for good, those before ``--resume`` included.
    """

    def __init__(
        self,
        settings: Settings,
        consents: Mapping[str, bool],
        mapped: tuple[str, ...],
        errors: TextIO | None,
        max_errors: int,
    ) -> None:
        self._settings = settings
        self._consents = consents
        self._targets = read_map(mapped)
        self._errors = errors
        self._max_errors = max_errors
        self.rows = 0

    async def perform(
        self, source: Source, before: ImportState, state_path: Path
    ) -> tuple[ImportState, list[str]]:
        """Import, into the store if there is one; answer the state and the first problems."""
        settings = self._settings
        rules = rules_from(settings).build()
        identities = identities_from(settings)
        now_ms = system_clock()
        reader = RowReader(
            before.kind,
            self._targets,
            rules.definitions,
            intake_from(settings, Telemetry()),
            identities,
            now_ms=now_ms,
            time_zone=settings.zone,
        )
        store = store_from(settings) if settings.redis_url else None
        run = Import(
            reader,
            store,
            rules.plan,
            identities,
            Terms(self._consents, now_ms, settings.identity_property, self._max_errors),
            self._errors,
        )
        try:
            if store is not None:
                with reaching(settings.redis_url):
                    await store.open()
                    await store.ping()
            with showing(source.size) as tell:

                def save(state: ImportState) -> None:
                    if store is not None:
                        write_state(state_path, state)
                        self.rows = state.counts.rows
                    tell(source.position(), counted(state.counts.rows, "row"))

                after = await run.run(source, before, save)
            for column in reader.unmet:
                click.echo(f"no row has the column `{column}` that --map names", err=True)
            return after, run.problems
        finally:
            if store is not None:
                await store.close()


@contextmanager
def _told_how_far(work: _Work) -> Iterator[None]:
    """Tell what is done when the work ends early."""
    try:
        yield
    except (EdgesegError, KeyboardInterrupt):
        if work.rows:
            click.echo(f"the first {work.rows:,} rows are done; --resume goes on there", err=True)
        raise


def _earlier(
    fresh: ImportState, known: ImportState | None, path: Path, *, resume: bool
) -> ImportState:
    """Answer where to begin.

    Raises:
        InputError: that is not clear.
    """
    if known is None or (known.fingerprint, known.kind) != (fresh.fingerprint, fresh.kind):
        if resume:
            what = "is of another file or kind" if known else "is not there"
            message = f"there is nothing to go on with: {path} {what}; leave out --resume"
            raise InputError(message, field="--resume")
        return fresh
    if known.done or resume:
        return known
    message = (
        f"an import of this file ended after row {known.counts.rows:,}: --resume goes on there, "
        "--again begins anew"
    )
    raise InputError(message)


def _show(
    state: ImportState,
    rows_before: int,
    started_s: float,
    *,
    dry_run: bool,
    as_json: bool,
    problems: list[str],
) -> None:
    counts = state.counts
    seconds = perf_counter() - started_s
    rate = (counts.rows - rows_before) / seconds
    if as_json:
        report = ImportReport(
            kind=state.kind,
            dry_run=dry_run,
            counts=counts,
            seconds=round(seconds, 3),
            rows_per_second=round(rate),
        )
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
        return
    for problem in problems:
        click.echo(printable(str(problem)), err=True)
    if counts.refused > len(problems):
        click.echo("... --errors FILE keeps every refused row", err=True)
    done = "would be imported" if dry_run else "imported"
    told = [f"{counts.imported:,} of {counted(counts.rows, 'row')} {done}"]
    if counts.refused:
        told.append(f"{counts.refused:,} refused")
    if counts.dropped:
        told.append(f"{counts.dropped:,} dropped, of events that nobody declared")
    if counts.erased:
        told.append(f"{counted(counts.erased, 'visitor')} left out, erased a moment ago")
    click.echo(f"{', '.join(told)}; {counted(round(rate), 'row')} a second")
