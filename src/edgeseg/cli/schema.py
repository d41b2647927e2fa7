"""``edgeseg schema``: what rule files look like, for editors."""

import json
from collections.abc import Iterator, Mapping

import rich_click as click
import yaml

from edgeseg.assembly import rules_from
from edgeseg.cli.failures import plain_errors, settings_with
from edgeseg.decisions.rule_schema import rule_schema
from edgeseg.events.schema import OWN_EVENTS
from edgeseg.segments.definitions import SECTIONS, read_sections
from edgeseg.segments.rule_files import peek_id


@click.command()
@click.option("--rules", metavar="DIR", help="Folder of rule files whose names are to be offered.")
def schema(rules: str | None) -> None:
    """Print the JSON Schema of rule files, for editors that complete and check them.

    With --rules the editor also offers the names of the rules in DIR, wherever rules refer
    to them: fields, metrics, segments, events, slots and goals. Print it again now and then.

    Example: edgeseg schema --rules rules > rule-files.schema.json
    """
    with plain_errors():
        texts = rules_from(settings_with(rules=rules)).read().rules if rules else {}
    click.echo(json.dumps(rule_schema(known_names(texts)), indent=2))


def known_names(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Answer kind of definition → names; files that do not load give what they can."""
    sections = read_sections(texts, [])
    known = {
        section[:-1]: [id_ for entry in sections[section] if (id_ := peek_id(entry.node))]
        for section in SECTIONS
    }
    nodes = [entry.node for entries in sections.values() for entry in entries]
    asked = [name for node in nodes for name in _events_in(node)]
    known["event"] = sorted({*known["event"], *asked, *OWN_EVENTS}) if texts else []
    return known


def _events_in(node: yaml.Node) -> Iterator[str]:
    """Iterate over the events that any part of a definition names."""
    pending = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, yaml.SequenceNode):
            pending += part.value
        elif isinstance(part, yaml.MappingNode):
            for key, value in part.value:
                pending.append(value)
                if key.value == "event" and isinstance(value, yaml.ScalarNode) and value.value:
                    yield str(value.value)
