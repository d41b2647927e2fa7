"""``edgeseg check``: do the rules load?"""

import json
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Console

from edgeseg.cli.failures import FAILED, plain_errors, settings_with, show_problems
from edgeseg.errors import RulesError
from edgeseg.rule_reload import RuleFolder


@click.command()
@click.argument("rules_dir", required=False, type=click.Path(file_okay=False))
@click.option("--templates", metavar="DIR", help="Folder of the variant templates.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
def check(rules_dir: str | None, templates: str | None, *, as_json: bool) -> None:
    """Check the rule files in RULES_DIR and the templates beside them.

    Every problem is listed at once, as file:line:column, with a suggestion.
    Exit code 0 when all is well, 1 when there are problems.

    Example: edgeseg check rules
    """
    with plain_errors():
        settings = settings_with(rules=rules_dir, templates=templates)
        folder = RuleFolder(Path(settings.rules), Path(settings.templates))
        try:
            snapshot = folder.build()
        except RulesError as error:
            if as_json:
                problems = msgspec.to_builtins(error.problems)
                click.echo(json.dumps({"ok": False, "problems": problems}, indent=2))
            else:
                show_problems(error)
            raise SystemExit(FAILED) from error
    found = {
        "segments": len(snapshot.definitions.segments),
        "campaigns": sum(map(len, snapshot.campaigns.values())),
        "slots": len(snapshot.slots),
        "metrics": len(snapshot.plan.metrics),
    }
    if as_json:
        click.echo(json.dumps({"ok": True, "version": snapshot.version, **found}, indent=2))
        return
    counts = ", ".join(f"{number} {name}" for name, number in found.items())
    Console().print(f"[green bold]OK[/] {counts}; version {snapshot.version}", highlight=False)
