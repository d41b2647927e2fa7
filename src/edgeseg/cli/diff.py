"""``edgeseg diff``: what would change, and for how many visitors?"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import Progress

from edgeseg.audiences.rule_diff import Moves, RuleDiff, SegmentChange, compare_rules, held_segments
from edgeseg.cli.failures import plain_errors, settings_with
from edgeseg.cli.stores import open_store
from edgeseg.clock import DAY_MS, system_clock
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import ProfileCorrupt, ProfileTooNew
from edgeseg.profiles.store import ProfileStore
from edgeseg.rule_folder import RuleFolder
from edgeseg.settings import Settings
from edgeseg.spelling import counted

_AT_ONCE: Final = 50
_SIGNS: Final = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


@click.command()
@click.argument("old", type=click.Path(exists=True, file_okay=False))
@click.argument("new", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--sample", metavar="N", type=click.IntRange(min=0), default=1_000, show_default=True,
    help="Stored visitors to judge by both; 0 for none.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def diff(old: str, new: str, sample: int, *, as_json: bool) -> None:
    """Compare the rules in the folder OLD with those in NEW: which segments would change?

    Segments are compared by what they mean, not by how they are written. On a sample
    of stored visitors it is counted how many would enter and leave each that differs.
    What only a request tells (its page, say) is missing then.

    Example: edgeseg diff ../before/rules rules
    """
    with plain_errors():
        settings = settings_with()
        before, after = (_read_rules(Path(each), settings) for each in (old, new))
        found = compare_rules(before, after)
        if sample and found.segments:
            found = asyncio.run(_sample(before, after, settings, sample)).put_into(found)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _show(found)


def _read_rules(folder: Path, settings: Settings) -> Snapshot:
    """Read rules with the templates beside them, or where there are none, the configured ones."""
    beside = folder.resolve().parent / "templates"
    templates = beside if beside.is_dir() else Path(settings.templates)
    return RuleFolder(folder, templates, settings.zone).build()


async def _sample(before: Snapshot, after: Snapshot, settings: Settings, limit: int) -> Moves:
    moves = Moves()
    now_ms = system_clock()

    async def judge(store: ProfileStore, rules: Snapshot, visitor_id: str) -> list[str] | None:
        try:
            profile = await store.read(visitor_id, plan=rules.plan)
        except (ProfileCorrupt, ProfileTooNew):  # one must not keep the others from being judged
            return None
        if profile is None:  # erased a moment ago
            return None
        return held_segments(
            rules,
            visitor_id,
            profile,
            now_ms=now_ms,
            time_zone=settings.zone,
            consent_ms=settings.consent_days * DAY_MS,
        )

    async def judge_twice(store: ProfileStore, visitor_id: str) -> None:
        held = await asyncio.gather(*(judge(store, each, visitor_id) for each in (before, after)))
        if held[0] is not None and held[1] is not None:
            moves.add(held[0], held[1])

    async with open_store(settings) as store:
        with _progress(limit) as advance:
            async for ids in _batches(store, limit):
                await asyncio.gather(*(judge_twice(store, id_) for id_ in ids))
                advance(len(ids))
    return moves


async def _batches(store: ProfileStore, limit: int) -> AsyncIterator[list[str]]:
    """Iterate over the ids of at most ``limit`` visitors, in no order, some at a time."""
    batch: list[str] = []
    taken = 0
    async for visitor_id in store.visitor_ids():
        batch.append(visitor_id)
        taken += 1
        if len(batch) == _AT_ONCE or taken == limit:
            yield batch
            batch = []
        if taken == limit:
            return
    if batch:
        yield batch


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Answer what to call as visitors are judged; a bar grows on a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("visitors", total=total)
        yield lambda number: progress.advance(task, number)


def _show(found: RuleDiff) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for change in found.segments:
        _show_change(change, console)
    for each in found.renamed:
        what = f"{each.section.removesuffix('s')} {each.id}"
        console.print(f"= {what} is now called “{each.new}”, was “{each.old}”", markup=False)
    counts = [
        f"{number} {kind}"
        for kind in _SIGNS
        if (number := sum(each.kind == kind for each in found.segments))
    ]
    console.print(f"Segments: {', '.join(counts) or 'no change'}; rules {found.old} → {found.new}")
    if found.visitors is not None:
        visitors = counted(found.visitors, "stored visitor")
        console.print(f"Judged on {visitors}, now and without a request: {_MISSING}")


_MISSING: Final = "conditions on its context find nothing."


def _show_change(change: SegmentChange, console: Console) -> None:
    sign, colour = _SIGNS[change.kind]
    console.print(f"{sign} {change.name} ({change.segment})", style=f"{colour} bold", markup=False)
    if change.because:
        console.print(f"  {change.kind} because of {', '.join(change.because)}", markup=False)
    if change.old == change.new:
        console.print(f"  {change.new}", markup=False)
    else:
        for word, text in (("was", change.old), ("now", change.new)):
            if text:
                console.print(f"  {word}: {text}", markup=False)
    if change.entering is not None:
        console.print(f"  {change.entering:,} would enter, {change.leaving:,} would leave")
