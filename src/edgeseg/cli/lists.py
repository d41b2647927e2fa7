"""``edgeseg lists``: lists of visitors that are kept elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgeseg.assembly import identities_from
from edgeseg.cli.failures import FAILED, plain_errors, settings_with
from edgeseg.cli.printable import printable
from edgeseg.cli.stores import open_store
from edgeseg.clock import instant, system_clock
from edgeseg.delivery.list_folder import read_chunks
from edgeseg.delivery.list_rows import ListRows
from edgeseg.delivery.lists import check_list_name
from edgeseg.profiles.list_store import Applied, ListStatus, ListStore
from edgeseg.settings import Settings
from edgeseg.spelling import counted

Done = TypeVar("Done")


@click.group()
def lists() -> None:
    """Put visitors on lists that rules ask about by `list: NAME` or `from: {list: NAME}`."""


@lists.command("put")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def put_list(name: str, file: Path, *, as_json: bool) -> None:
    """Replace the members of the list NAME by those in FILE, and let their profiles say so.

    FILE has one visitor a line, or in the first column of CSV; under the header user,
    your own ids of known people. It may be packed by gzip. Only differences are
    written, so run it as often as the file changes. Visitors without a profile are
    made none: they are on the list soon after they have one.

    Exit codes: 0 done, 1 some lines were refused or the store failed, 2 wrong use or
    settings.

    Example: edgeseg lists put newsletter subscribers.csv
    """
    with plain_errors():
        check_list_name(name)
        settings = settings_with()
        rows = ListRows(identities_from(settings))

        async def work(store: ListStore) -> tuple[int, Applied]:
            members = await store.put(name, rows.read(read_chunks(file)), now_ms=system_clock())
            return members, await store.apply(name, now_ms=system_clock())

        members, applied = _perform(settings, work)
    if as_json:
        figures = {"list": name, "members": members, "refused": rows.refused}
        figures |= msgspec.structs.asdict(applied)
        click.echo(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        for each in rows.problems:
            click.echo(f"row {each.row:,}: {printable(each.problem)}", err=True)
        told = (
            f"{applied.added:,} came, {applied.removed:,} left, {applied.waiting:,} without profile"
        )
        click.echo(f"{name}: {counted(members, 'member')}; {told}; {rows.refused:,} refused")
    if rows.refused:
        raise SystemExit(FAILED)


@lists.command("show")
@click.option("--json", "as_json", is_flag=True, help="Print the lists as JSON.")
def show_lists(*, as_json: bool) -> None:
    """Show the lists, with how many of their members have a profile that says so."""
    with plain_errors():
        known = _perform(settings_with(), _all)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(known)).decode())
        return
    table = Table("list")
    for heading in ("members", "with a profile", "put", "applied"):
        table.add_column(heading, justify="right", overflow="fold")
    for each in known:
        when = (instant(at_ms) if at_ms else "never" for at_ms in (each.put_ms, each.applied_ms))
        table.add_row(each.name, f"{each.members:,}", f"{each.applied:,}", *when)
    console = Console()
    console.print(table)
    for each in known:
        if each.error:
            told = f"{each.name} is not in step with {each.source or 'its source'}: {each.error}"
            console.print(escape(printable(told)), soft_wrap=True)


@lists.command("remove")
@click.argument("name")
def remove_list(name: str) -> None:
    """Take everybody off the list NAME, and forget it."""
    with plain_errors():
        check_list_name(name)

        def work(store: ListStore) -> Awaitable[bool]:
            return store.remove(name, now_ms=system_clock())

        there_was = _perform(settings_with(), work)
    if not there_was:
        click.echo(f"edgeseg: there is no list `{name}`", err=True)
        raise SystemExit(FAILED)


def _all(store: ListStore) -> Awaitable[list[ListStatus]]:
    return store.all()


def _perform(settings: Settings, work: Callable[[ListStore], Awaitable[Done]]) -> Done:
    async def perform() -> Done:
        async with open_store(settings) as store:
            return await work(store.lists)

    return asyncio.run(perform())
