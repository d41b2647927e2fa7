"""What a replay did, as a table or as JSON."""

from collections.abc import Mapping

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgeseg.cli.printable import printable
from edgeseg.cli.replay_run import Refusal, Replay
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.spelling import counted


class SegmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One segment: visitors in it at their last view, and ever; times joined and left."""

    id: str
    name: str
    at_last_view: int
    ever: int
    joined: int
    left: int


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one replay.

    Attributes:
        events: that were sent, page views among them.
        skipped: reason → lines, the most frequent first.
        refused: the first few malformed lines.
        seconds: that it took.
        rules: version of the rules.
    """

    lines: int
    page_views: int
    bot_page_views: int
    events: int
    visitors: int
    bots: int
    skipped: Mapping[str, int]
    refused: list[Refusal]
    seconds: float
    events_per_second: float
    rules: str
    segments: list[SegmentRow]


def report_of(replay: Replay, rules: Snapshot, seconds: float) -> ReplayReport:
    """Answer the report of a replay that took ``seconds``."""
    segments = sorted(
        rules.definitions.segments.values(), key=lambda each: (-each.priority, each.id)
    )
    rows = []
    for segment in segments:
        inside, ever, joined, left = replay.tally.size(segment.id)
        row = SegmentRow(
            id=segment.id,
            name=segment.name,
            at_last_view=inside,
            ever=ever,
            joined=joined,
            left=left,
        )
        rows.append(row)
    return ReplayReport(
        lines=replay.lines,
        page_views=replay.page_views,
        bot_page_views=replay.bot_views,
        events=replay.events,
        visitors=replay.tally.visitors,
        bots=len(replay.bots),
        skipped=dict(replay.skipped.most_common()),
        refused=replay.refusals,
        seconds=round(seconds, 3),
        events_per_second=round(replay.events / seconds) if seconds else 0,
        rules=rules.version,
        segments=rows,
    )


def show_report(report: ReplayReport, console: Console) -> None:
    """Print a report for people."""
    for number, why in report.refused:
        told = escape(printable(why))
        console.print(f"[yellow]line {number:,}[/] refused: {told}", soft_wrap=True)
    console.print(_totals(report))
    console.print(_segments(report))


def _totals(report: ReplayReport) -> Table:
    table = Table(title="Replayed", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    table.add_row("lines", f"{report.lines:,}", "")
    table.add_row("page views", f"{report.page_views:,}", f"{report.bot_page_views:,} by bots")
    table.add_row("events", f"{report.events:,}", "page views among them")
    table.add_row("visitors", f"{report.visitors:,}", f"{counted(report.bots, 'bot')} among them")
    for reason, lines in report.skipped.items():
        table.add_row("skipped", f"{lines:,}", escape(printable(reason)))
    rate = f"{report.events_per_second:,}"
    table.add_row("events a second", rate, f"in {report.seconds:,.1f} s")
    return table


def _segments(report: ReplayReport) -> Table:
    table = Table(title=f"Segments, rules {report.rules}", title_justify="left")
    table.add_column("visitors in")
    for heading in ("at their last view", "ever", "joined", "left"):
        table.add_column(heading, justify="right")
    for row in report.segments:
        figures = (row.at_last_view, row.ever, row.joined, row.left)
        table.add_row(row.id, *(f"{figure:,}" for figure in figures))
    return table
