"""``edgeseg outcomes``: what a campaign brought."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime

import msgspec
import rich_click as click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from edgeseg.assembly import rules_from
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
from edgeseg.cli.stores import open_store
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import InputError
from edgeseg.insights.outcome_query import ask_outcomes, days_between
from edgeseg.insights.outcome_report import GroupOutcomes, OutcomeReport
from edgeseg.insights.statistics import Interval
from edgeseg.settings import Settings

# Two tables, each of which fits a terminal of 80 columns: they answer two questions.
_PEOPLE = ("visitors", "responders", "rate (95 %)", "points against control (95 %)")
_EVENTS = ("shown", "served", "clicked", "dismissed", "conversions", "revenue")


@click.command()
@click.argument("campaign")
@rules_options
@click.option("--from", "from_", metavar="DAY", default="", help="First day; by default 30 days.")
@click.option("--until", metavar="DAY", default="", help="Last day; by default today.")
@click.option("--by", type=click.Choice(["segment"]), help="Tell of each segment, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def outcomes(
    campaign: str,
    rules: str | None,
    templates: str | None,
    from_: str,
    until: str,
    by: str | None,
    *,
    as_json: bool,
) -> None:
    """Tell what CAMPAIGN brought: exposures, conversions and revenue, and how sure that is.

    The figures are those of `/v1/campaigns/CAMPAIGN/outcomes`; the service counts within a
    second.

    Example: edgeseg outcomes spring-sale --from 2026-11-01
    """
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        snapshot = rules_from(settings).build()
        days = _days(from_, until, datetime.now(settings.zone).date())
        report = asyncio.run(_ask(settings, snapshot, campaign, days, by_segment=bool(by)))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
        return
    _show(report, Console(highlight=False))


def _days(from_: str, until: str, today: date) -> Sequence[str]:
    try:
        return days_between(from_, until, today)
    except InputError as error:  # which names the parameter of the address
        raise InputError(str(error), field=f"--{error.field}") from error


async def _ask(
    settings: Settings, rules: Snapshot, campaign: str, days: Sequence[str], *, by_segment: bool
) -> OutcomeReport:
    async with open_store(settings) as store:
        return await ask_outcomes(
            campaign, days, rules=rules, store=store.outcomes, by_segment=by_segment
        )


def _show(report: OutcomeReport, console: Console) -> None:
    _show_groups(f"{report.name}, {report.from_} to {report.until}", report.variants, console)
    for segment, groups in (report.segments or {}).items():
        _show_groups(f"In {segment}", groups, console)
    if report.holdout:
        _show_groups("Held out", [report.holdout.held_out], console)
        told = _difference(report.holdout.difference, report.holdout.interval)
        console.print(f"Who saw it against who was held out, in points: {told}.", markup=False)
    if report.goal:
        window = f"{report.window_days:g} day{'' if report.window_days == 1 else 's'}"
        told = f"Goal {report.goal}, within {window}; credit to {report.credit}."
    else:
        told = "It has no goal, so that nothing converts."
    console.print(told, markup=False)
    if report.sample_ratio:
        _show_ratio(report, console)


def _show_ratio(report: OutcomeReport, console: Console) -> None:
    ratio = report.sample_ratio
    if ratio is None:
        return
    if ratio.suspicious:
        console.print(
            f"[bold red]Visitors are not dealt out as the weights say[/] (p = {ratio.p_value:.2g}):"
            " trust no comparison before you know why."
        )
    else:
        console.print(f"Visitors are dealt out as the weights say (p = {ratio.p_value:.2g}).")


def _show_groups(title: str, groups: Sequence[GroupOutcomes], console: Console) -> None:
    people, events = _table(_PEOPLE), _table(_EVENTS)
    for group in groups:
        name = group.variant or "(none)"
        people.add_row(
            name,
            f"{group.visitors:,}",
            f"{group.responders:,}",
            "" if group.rate is None else f"{group.rate:.1%} ({_interval(group.interval)})",
            _difference(group.difference, group.difference_interval),
        )
        counts = (group.shown, group.served, group.clicked, group.dismissed, group.conversions)
        events.add_row(name, *(f"{each:,}" for each in counts), f"{group.revenue:,.2f}")
    console.print(title, style="bold", markup=False)
    console.print(people)
    console.print(events)


def _table(headings: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("variant", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _interval(interval: Interval) -> str:
    return f"{interval.low * 100:.1f} to {interval.high * 100:.1f}"


def _difference(difference: float | None, interval: Interval | None) -> str:
    if difference is None or interval is None:
        return ""
    return f"{difference * 100:+.1f} ({interval.low * 100:+.1f} to {interval.high * 100:+.1f})"
