"""``edgeseg schema``: what rule files look like, for editors."""

import json

import rich_click as click

from edgeseg.decisions.rule_schema import rule_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of rule files, for editors that complete and check them.

    Example: edgeseg schema > rule-files.schema.json
    """
    click.echo(json.dumps(rule_schema(), indent=2))
