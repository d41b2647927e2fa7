"""``edgeseg describe``: a segment or a campaign in plain English."""

import msgspec
import rich_click as click
from rich.console import Console

from edgeseg.assembly import rules_from
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
from edgeseg.decisions.describe_campaign import describe_campaign
from edgeseg.decisions.snapshot import CAMPAIGN, Snapshot
from edgeseg.errors import InputError
from edgeseg.segments.definitions import referenced_segments
from edgeseg.segments.describe import describe_segment
from edgeseg.segments.rule import Definitions, Segment
from edgeseg.spelling import suggest


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """A segment in words.

    Attributes:
        text: who is in it.
        refers_to: ids of the segments that its condition names.
    """

    segment: str
    name: str
    text: str
    description: str
    tags: tuple[str, ...]
    priority: int
    refers_to: tuple[str, ...]


class CampaignDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign in words.

    Attributes:
        text: what it shows to whom.
    """

    campaign: str
    name: str
    text: str
    slot: str
    priority: int
    refers_to: tuple[str, ...]


@click.command()
@click.argument("segment", metavar="SEGMENT|CAMPAIGN")
@rules_options
@click.option("--json", "as_json", is_flag=True, help="Print the description as JSON.")
def describe(segment: str, rules: str | None, templates: str | None, *, as_json: bool) -> None:
    """Describe SEGMENT, or CAMPAIGN, in plain English: who is in it, what it shows to whom.

    Of a segment and a campaign with the same id the segment is described.

    Example: edgeseg describe cart-abandoners
    """
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        snapshot = rules_from(settings).build()
        found = _find(segment, snapshot)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _show(found, snapshot.definitions)


def _find(id_: str, snapshot: Snapshot) -> Description | CampaignDescription:
    segments = snapshot.definitions.segments
    campaign = snapshot.by_key.get(CAMPAIGN + id_)
    if id_ in segments:
        return _description(segments[id_], snapshot.definitions)
    if campaign is None:
        known = (*segments, *(key.removeprefix(CAMPAIGN) for key in snapshot.by_key))
        message = f"unknown segment or campaign `{id_}`: {suggest(id_, known)}"
        raise InputError(message, field="SEGMENT")
    return CampaignDescription(
        campaign=campaign.id,
        name=campaign.name,
        text=describe_campaign(campaign, snapshot),
        slot=campaign.slot,
        priority=campaign.priority,
        refers_to=tuple(dict.fromkeys(referenced_segments(campaign.audience))),
    )


def _description(segment: Segment, definitions: Definitions) -> Description:
    return Description(
        segment=segment.id,
        name=segment.name,
        text=describe_segment(segment, definitions),
        description=segment.description,
        tags=segment.tags,
        priority=segment.priority,
        refers_to=tuple(dict.fromkeys(referenced_segments(segment.condition))),
    )


def _show(found: Description | CampaignDescription, definitions: Definitions) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    id_ = found.segment if isinstance(found, Description) else found.campaign
    console.print(f"{found.name} ({id_})", style="bold")
    console.print(found.text)
    if isinstance(found, Description):
        if found.description:
            console.print(f"Description: {found.description}")
        if found.tags:
            console.print(f"Tags: {', '.join(found.tags)}")
        console.print(f"Priority: {found.priority}")
    for id_ in found.refers_to:
        other = definitions.segments[id_]
        console.print(f"Refers to {other.name} ({id_}): {describe_segment(other, definitions)}")
