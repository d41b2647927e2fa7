"""``edgeseg describe``: a segment in plain English."""

import msgspec
import rich_click as click
from rich.console import Console

from edgeseg.app import rules_from
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
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


@click.command()
@click.argument("segment")
@rules_options
@click.option("--json", "as_json", is_flag=True, help="Print the description as JSON.")
def describe(segment: str, rules: str | None, templates: str | None, *, as_json: bool) -> None:
    """Describe SEGMENT in plain English: who is in it, as its rule says.

    Example: edgeseg describe cart-abandoners
    """
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        definitions = rules_from(settings).build().definitions
        found = _description(segment, definitions)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _show(found, definitions)


def _description(id_: str, definitions: Definitions) -> Description:
    segment = definitions.segments.get(id_)
    if segment is None:
        message = f"unknown segment `{id_}`: {suggest(id_, tuple(definitions.segments))}"
        raise InputError(message, field="SEGMENT")
    return Description(
        segment=segment.id,
        name=segment.name,
        text=describe_segment(segment, definitions),
        description=segment.description,
        tags=segment.tags,
        priority=segment.priority,
        refers_to=_references(segment),
    )


def _references(segment: Segment) -> tuple[str, ...]:
    return tuple(dict.fromkeys(referenced_segments(segment.condition)))


def _show(found: Description, definitions: Definitions) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{found.name} ({found.segment})", style="bold")
    console.print(found.text)
    if found.description:
        console.print(f"Description: {found.description}")
    if found.tags:
        console.print(f"Tags: {', '.join(found.tags)}")
    console.print(f"Priority: {found.priority}")
    for id_ in found.refers_to:
        other = definitions.segments[id_]
        console.print(f"Refers to {other.name} ({id_}): {describe_segment(other, definitions)}")
