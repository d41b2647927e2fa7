"""``edgeseg explain``: why is this visitor (not) in this segment, why does a slot show this?"""

import asyncio

import msgspec
import rich_click as click
from rich.console import Console
from rich.tree import Tree

from edgeseg.assembly import rules_from
from edgeseg.cli.condition_tree import grow, line_of
from edgeseg.cli.explain_slot import show_campaign, show_slot
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
from edgeseg.cli.visitor_sight import Sight, read_profile, see
from edgeseg.decisions.campaign import Campaign
from edgeseg.decisions.explain_slot import CampaignReport, SlotReport, explain_slot
from edgeseg.decisions.snapshot import CAMPAIGN, Snapshot
from edgeseg.errors import InputError
from edgeseg.segments.explain import Explanation, explain_segment
from edgeseg.segments.rule import Segment
from edgeseg.spelling import suggest


@click.command(context_settings={"ignore_unknown_options": True})  # ids may begin with "-"
@click.argument("visitor")
@click.argument("segment", required=False)
@rules_options
@click.option("--slot", metavar="SLOT", help="Explain what this slot shows.")
@click.option("--campaign", metavar="CAMPAIGN", help="Explain what became of this campaign.")
@click.option(
    "--url", "--page", metavar="URL", help="Page to explain it on; without one, no page is known."
)
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
def explain(  # noqa: PLR0913 - one an option
    visitor: str,
    segment: str | None,
    rules: str | None,
    templates: str | None,
    slot: str | None,
    campaign: str | None,
    url: str | None,
    *,
    as_json: bool,
) -> None:
    """Explain why VISITOR is, or is not, in SEGMENT right now, or what a slot shows them.

    Shows every condition with what was found, from the same evaluator that
    answers page views, and the smallest changes after which it would be the
    other way round. With --slot, tells of every campaign that wants the slot why
    it won, lost or did not apply; with --campaign, of that one alone. What only a
    page view knows (its device, say) is missing here unless --url gives it.

    Example: edgeseg explain Xb2kq4Jm6o7ZyL0cKQpVtA cart-abandoners
    """
    if sum(each is not None for each in (segment, slot, campaign)) != 1:
        raise click.UsageError("name a SEGMENT, or give --slot or --campaign")
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        snapshot = rules_from(settings).build()
        wanted = _find(snapshot, segment=segment, slot=slot, campaign=campaign)
        profile = asyncio.run(read_profile(settings, snapshot, visitor))
        sight = see(settings, snapshot, visitor, profile, url=url)
        found = _explain(wanted, snapshot, sight)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    match found:
        case Explanation():
            show(found)
        case SlotReport():
            show_slot(found)
        case CampaignReport():
            show_campaign(found)


def _find(
    snapshot: Snapshot, *, segment: str | None, slot: str | None, campaign: str | None
) -> Segment | str | Campaign:
    """Answer what is to be explained, a slot by its id.

    Raises:
        InputError: there is no such thing.
    """
    if segment is not None:
        known = snapshot.definitions.segments
        _check("segment", segment, known)
        return known[segment]
    if slot is not None:
        _check("slot", slot, snapshot.slots)
        return slot
    campaigns = {key.removeprefix(CAMPAIGN): each for key, each in snapshot.by_key.items()}
    _check("campaign", str(campaign), campaigns)
    return campaigns[str(campaign)]


def _check(kind: str, name: str, known: object) -> None:
    names = tuple(known) if isinstance(known, dict) else ()
    if name not in names:
        message = f"unknown {kind} `{name}`: {suggest(name, names)}"
        raise InputError(message, field=kind.upper())


def _explain(
    wanted: Segment | str | Campaign, snapshot: Snapshot, sight: Sight
) -> Explanation | SlotReport | CampaignReport:
    if isinstance(wanted, Segment):
        return explain_segment(wanted, snapshot.definitions, sight.facts, sight.now_ms)
    slot = snapshot.slots[wanted if isinstance(wanted, str) else wanted.slot]
    report = explain_slot(slot, snapshot, sight.facts, sight.chance, sight.now_ms)
    if isinstance(wanted, str):
        return report
    return next(each for each in report.campaigns if each.campaign == wanted.id)


def show(explanation: Explanation) -> None:
    """Print an explanation as a tree."""
    state = {True: "is in", False: "is not in", None: "may or may not be in"}[explanation.holds]
    console = Console(highlight=False)
    console.print(f"The visitor [bold]{state}[/] {explanation.name}: {explanation.text}")
    tree = Tree(line_of(explanation.conditions))
    grow(tree, explanation.conditions)
    console.print(tree)
    if explanation.flips:
        verb = "would not match" if explanation.holds else "would match"
        console.print(f"It {verb} if {' and '.join(explanation.flips)}.", markup=False)
