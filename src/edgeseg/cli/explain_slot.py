"""Show on the terminal why a slot shows what it shows."""

from typing import Final

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from edgeseg.cli.condition_tree import grow, line_of
from edgeseg.decisions.explain_slot import (
    CHANCE,
    LOST,
    NOT_FOR,
    OPEN,
    WON,
    CampaignReport,
    SlotReport,
)

_SIGNS: Final = {
    WON: ("✔", "green"),
    LOST: ("↓", "yellow"),
    CHANCE: ("⚄", "yellow"),
    NOT_FOR: ("✘", "red"),
    OPEN: ("?", "yellow"),
}


def show_slot(report: SlotReport) -> None:
    """Print what became of every campaign; conditions of those that do not apply."""
    console = Console(highlight=False)
    shown = f"{report.campaign} / {report.variant}" if report.campaign else "its fallback"
    console.print(f"{report.name} ({report.slot}) shows [bold]{shown}[/]: {report.reason}")
    if not report.campaigns:
        console.print("No campaign wants this slot.")
    for each in report.campaigns:
        tree = Tree(_heading(each))
        if each.outcome in {NOT_FOR, OPEN}:
            _show_audience(tree, each)
        console.print(tree)


def show_campaign(report: CampaignReport) -> None:
    """Print what became of one campaign, with every condition."""
    console = Console(highlight=False)
    tree = Tree(_heading(report))
    _show_audience(tree, report)
    console.print(tree)
    if report.audience.flips and not report.audience.holds:
        console.print(f"It would apply if {' and '.join(report.audience.flips)}.", markup=False)


def _heading(report: CampaignReport) -> Text:
    sign, colour = _SIGNS[report.outcome]
    text = Text.assemble((sign, colour), " ", (report.campaign, "bold"), f" {report.outcome}")
    return text.append(f": {report.because}", "dim")


def _show_audience(tree: Tree, report: CampaignReport) -> None:
    conditions = report.audience.conditions
    if conditions.children:
        grow(tree, conditions)
    else:
        tree.add(line_of(conditions))
