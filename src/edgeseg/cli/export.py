"""``edgeseg export``: exposures, conversions or events of all visitors, as a table."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import msgspec
import rich_click as click

from edgeseg.assembly import rules_from
from edgeseg.cli.bulk_progress import showing
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
from edgeseg.cli.row_file import FORMATS, STDOUT, Row, Write, open_rows
from edgeseg.cli.stores import open_store
from edgeseg.clock import midnight_ms
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import InputError, ProfileCorrupt, ProfileTooNew
from edgeseg.insights.event_rows import Stream, Wanted, event_rows
from edgeseg.profiles.store import ProfileStore
from edgeseg.settings import Settings
from edgeseg.spelling import counted

AT_ONCE: Final = 100
"""Visitors whose events are read at the same time."""


class _Done(msgspec.Struct):
    """How far an export has come."""

    visitors: int = 0
    rows: int = 0
    unreadable: int = 0

    def __str__(self) -> str:
        left = f", {self.unreadable:,} unreadable" if self.unreadable else ""
        return f"{counted(self.rows, 'row')} of {counted(self.visitors, 'visitor')}{left}"


@click.command()
@click.argument("what", type=click.Choice([str(stream) for stream in Stream]))
@rules_options
@click.option("--from", "from_", metavar="DAY", help="First day; by default all that is kept.")
@click.option("--until", metavar="DAY", help="Last day; by default today.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="jsonl")
@click.option("--out", metavar="FILE", default=STDOUT, help="Where to; by default to the screen.")
def export(
    what: str,
    rules: str | None,
    templates: str | None,
    from_: str | None,
    until: str | None,
    format_: str,
    out: str,
) -> None:
    """Export the retained exposures, conversions or events of all visitors.

    They come from the visitors' own journals: of each visitor the latest
    `EDGESEG_JOURNAL_EVENTS` and those since the last compaction, and nothing of those who
    were erased. Rows of one visitor follow each other, oldest first. Properties that the
    rules declare as PII are left out.

    Example: edgeseg export exposures --from 2026-11-01 --format csv --out exposures.csv
    """
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        snapshot = rules_from(settings).build()
        wanted = _wanted(settings, Stream(what), from_, until)
        with open_rows(out, format_, wanted.columns) as write:
            done = asyncio.run(_export(settings, snapshot, wanted, write))
    click.echo(str(done), err=True)


def _wanted(settings: Settings, stream: Stream, from_: str | None, until: str | None) -> Wanted:
    zone = settings.zone

    def bound_ms(text: str, option: str, days: int = 0) -> int:
        try:
            day = date.fromisoformat(text) + timedelta(days=days)
        except (ValueError, OverflowError) as error:
            raise InputError("a day such as 2026-11-22 is needed", field=option) from error
        return midnight_ms(day, zone)

    return Wanted(
        stream,
        bound_ms(from_, "--from") if from_ else 0,
        bound_ms(until or datetime.now(zone).date().isoformat(), "--until", days=1),
    )


async def _export(settings: Settings, rules: Snapshot, wanted: Wanted, write: Write) -> _Done:
    done, waiting = _Done(), []
    async with open_store(settings) as store:
        with showing(None) as tell:
            async for visitor_id in store.visitor_ids():
                waiting.append(visitor_id)
                if len(waiting) == AT_ONCE:
                    await _write(store, rules, wanted, waiting, write, done)
                    tell(done.visitors, str(done))
                    waiting = []
            await _write(store, rules, wanted, waiting, write, done)
    return done


async def _write(
    store: ProfileStore,
    rules: Snapshot,
    wanted: Wanted,
    visitor_ids: Sequence[str],
    write: Write,
    done: _Done,
) -> None:
    async def rows_of(visitor_id: str) -> list[Row]:
        try:
            history = await store.history(visitor_id)
        except (ProfileCorrupt, ProfileTooNew):
            done.unreadable += 1
            return []
        return list(event_rows(visitor_id, history, wanted, rules.definitions.events))

    found = await asyncio.gather(*map(rows_of, visitor_ids))
    done.visitors += len(visitor_ids)
    rows = [row for each in found for row in each]
    done.rows += len(rows)
    write(rows)
