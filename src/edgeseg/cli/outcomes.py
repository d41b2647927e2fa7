"""``edgeseg outcomes``: what a campaign brought."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from edgeseg.assembly import rules_from, store_from
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
from edgeseg.cli.stores import open_store_server
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.insights.outcome_query import ask_outcomes, days_between
from edgeseg.insights.outcome_report import GroupOutcomes, OutcomeReport
from edgeseg.insights.statistics import Interval
from edgeseg.settings import Settings

_COLUMNS = (
    "shown", "served", "clicked", "dismissed", "visitors", "responders", "rate", "95 %",
    "against control", "conversions", "revenue",
)  # fmt: skip


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
        days = days_between(from_, until, datetime.now(settings.zone).date())
        report = asyncio.run(_ask(settings, snapshot, campaign, days, by_segment=bool(by)))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
        return
    _show(report, Console(highlight=False))


async def _ask(
    settings: Settings, rules: Snapshot, campaign: str, days: Sequence[str], *, by_segment: bool
) -> OutcomeReport:
    with open_store_server(settings) as url:
        store = store_from(msgspec.structs.replace(settings, redis_url=url))
        await store.open()
        try:
            return await ask_outcomes(
                campaign, days, rules=rules, store=store.outcomes, by_segment=by_segment
            )
        finally:
            await store.close()


def _show(report: OutcomeReport, console: Console) -> None:
    console.print(_table(f"{report.name}, {report.from_} to {report.until}", report.variants))
    for segment, groups in (report.segments or {}).items():
        console.print(_table(f"in {segment}", groups))
    if report.holdout:
        console.print(_table("held out", [report.holdout.held_out]))
        told = _difference(report.holdout.difference, report.holdout.interval)
        console.print(f"Who saw it against who was held out: {told}.", markup=False)
    if report.goal:
        window = f"{report.window_days:g} days"
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


def _table(title: str, groups: Sequence[GroupOutcomes]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("variant")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for group in groups:
        counts = (group.shown, group.served, group.clicked, group.dismissed, group.visitors)
        table.add_row(
            group.variant or "(none)",
            *(f"{each:,}" for each in (*counts, group.responders)),
            "" if group.rate is None else f"{group.rate:.1%}",
            "" if group.rate is None else _interval(group.interval),
            _difference(group.difference, group.difference_interval),
            f"{group.conversions:,}",
            f"{group.revenue:,.2f}",
        )
    return table


def _interval(interval: Interval) -> str:
    return f"{interval.low:.1%} to {interval.high:.1%}"


def _difference(difference: float | None, interval: Interval | None) -> str:
    if difference is None or interval is None:
        return ""
    return (
        f"{difference * 100:+.1f} points ({interval.low * 100:+.1f} to {interval.high * 100:+.1f})"
    )
