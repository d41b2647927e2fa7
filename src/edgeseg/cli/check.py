"""``edgeseg check``: do the rules load, and do they mean what their writer thinks?"""

import json
from pathlib import Path
from typing import Final

import msgspec
import rich_click as click
from rich.console import Console

from edgeseg import __version__
from edgeseg.assembly import catalogue_from, rules_from
from edgeseg.cli.catalogue_review import review_catalogue
from edgeseg.cli.failures import FAILED, plain_errors, settings_with
from edgeseg.cli.list_review import review_lists
from edgeseg.cli.problem_report import ERROR, WARNING, Finding, find_errors, show_findings
from edgeseg.cli.rule_warnings import review_files
from edgeseg.cli.sarif import sarif_log
from edgeseg.clock import system_clock
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import RulesError
from edgeseg.segments.review import CODES
from edgeseg.spelling import counted

FORMATS: Final = ("text", "json", "sarif")


@click.command()
@click.argument("rules_dir", required=False, type=click.Path(file_okay=False))
@click.option("--templates", metavar="DIR", help="Folder of the variant templates.")
@click.option("--strict", is_flag=True, help="Let warnings fail the check, too.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", help="How to print the result."
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
def check(
    rules_dir: str | None, templates: str | None, form: str, *, strict: bool, as_json: bool
) -> None:
    """Check the rule files in RULES_DIR and the templates beside them.

    Every problem is listed at once, as file:line:column, with its line and a
    suggestion. Rules that load are put to the test: an example of a segment that
    is not as the segment says is a problem. And they are reviewed: warnings tell of
    segments that can never hold, of what nothing uses, and the like. So are the files of
    lists (EDGESEG_LISTS): each list comes from one of them.
    Exit code 0 when all is well, 1 when there are problems (or, with --strict,
    warnings).

    Example: edgeseg check rules
    """
    with plain_errors():
        settings = settings_with(rules=rules_dir, templates=templates)
        folder = rules_from(settings)
        snapshot = None
        try:
            snapshot = folder.build()
            findings = review_files(folder, settings, now_ms=system_clock())
        except RulesError as error:
            findings = find_errors(error.problems)
        findings += review_catalogue(catalogue_from(settings))
        findings += review_lists(settings.lists)
    failed = (strict and bool(findings)) or any(each.level == ERROR for each in findings)
    match "json" if as_json else form:
        case "json":
            click.echo(json.dumps(_as_json(snapshot, findings, failed=failed), indent=2))
        case "sarif":
            log = sarif_log(findings, CODES, version=__version__, folder=Path.cwd())
            click.echo(json.dumps(log, indent=2))
        case _:
            _show(snapshot, findings, failed=failed)
    if failed:
        raise SystemExit(FAILED)


def _show(snapshot: Snapshot | None, findings: list[Finding], *, failed: bool) -> None:
    if findings:
        show_findings(findings)
    if snapshot is None or failed:
        return
    counts = ", ".join(
        counted(number, name.removesuffix("s")) for name, number in _counts(snapshot).items()
    )
    Console().print(f"[green bold]OK[/] {counts}; version {snapshot.version}", highlight=False)


def _as_json(
    snapshot: Snapshot | None, findings: list[Finding], *, failed: bool
) -> dict[str, object]:
    loaded = {"version": snapshot.version, **_counts(snapshot)} if snapshot else {}
    levels = {
        name: [
            {"code": each.code, **msgspec.to_builtins(each.problem)}
            for each in sorted(findings)
            if each.level == level
        ]
        for name, level in (("problems", ERROR), ("warnings", WARNING))
    }
    return {"ok": not failed, **loaded, **levels}


def _counts(snapshot: Snapshot) -> dict[str, int]:
    return {
        "segments": len(snapshot.definitions.segments),
        "campaigns": sum(map(len, snapshot.campaigns.values())),
        "slots": len(snapshot.slots),
        "metrics": len(snapshot.plan.metrics),
    }
