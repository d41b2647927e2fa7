"""``edgeseg explain``: why is this visitor (not) in this segment?"""

import asyncio

import msgspec
import rich_click as click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from edgeseg.app import rules_from, store_from
from edgeseg.cli.failures import plain_errors, rules_options, settings_with
from edgeseg.cli.stores import open_store_server
from edgeseg.clock import DAY_MS, system_clock
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import InputError
from edgeseg.events.enrich import page_context
from edgeseg.profiles.changes import consents_at
from edgeseg.segments.explain import ConditionReport, Explanation, explain_segment
from edgeseg.segments.facts import gather_facts
from edgeseg.settings import Settings
from edgeseg.spelling import suggest

_SIGNS = {True: ("✔", "green"), False: ("✘", "red"), None: ("?", "yellow")}


@click.command(context_settings={"ignore_unknown_options": True})  # ids may begin with "-"
@click.argument("visitor")
@click.argument("segment")
@rules_options
@click.option("--url", metavar="URL", help="Page to explain it on; without one, no page is known.")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
def explain(
    visitor: str,
    segment: str,
    rules: str | None,
    templates: str | None,
    url: str | None,
    *,
    as_json: bool,
) -> None:
    """Explain why VISITOR is, or is not, in SEGMENT right now.

    Shows every condition with what was found, from the same evaluator that
    answers page views, and the smallest changes after which it would be the
    other way round. What only a page view knows (its device, say) is missing
    here unless --url gives it.

    Example: edgeseg explain Xb2kq4Jm6o7ZyL0cKQpVtA cart-abandoners
    """
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        snapshot = rules_from(settings).build()
        known = snapshot.definitions.segments
        if segment not in known:
            message = f"unknown segment `{segment}`: {suggest(segment, tuple(known))}"
            raise InputError(message, field="SEGMENT")
        with open_store_server(settings) as address:
            located = msgspec.structs.replace(settings, redis_url=address)
            found = asyncio.run(_explain(located, snapshot, visitor, segment, url))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        show(found)


async def _explain(
    settings: Settings, snapshot: Snapshot, visitor: str, segment: str, url: str | None
) -> Explanation:
    store = store_from(settings)
    await store.open()
    try:
        profile = await store.read(visitor, plan=snapshot.plan)
    finally:
        await store.close()
    if profile is None:
        message = f"nothing is stored of visitor `{visitor}`"
        raise InputError(message, field="VISITOR")
    now_ms = system_clock()
    facts = gather_facts(
        snapshot.sources,
        profile=profile,
        context=page_context(url) if url else {},
        consents=consents_at(
            profile.consents, now_ms=now_ms, valid_ms=settings.consent_days * DAY_MS
        ),
        now_ms=now_ms,
        time_zone=settings.zone,
        bucket_id=profile.bucket_id or visitor,
    )
    definitions = snapshot.definitions
    return explain_segment(definitions.segments[segment], definitions, facts, now_ms)


def show(explanation: Explanation) -> None:
    """Print an explanation as a tree."""
    state = {True: "is in", False: "is not in", None: "may or may not be in"}[explanation.holds]
    console = Console(highlight=False)
    console.print(f"The visitor [bold]{state}[/] {explanation.name}: {explanation.text}")
    tree = Tree(_line(explanation.conditions))
    _grow(tree, explanation.conditions)
    console.print(tree)
    if explanation.flips:
        verb = "would not match" if explanation.holds else "would match"
        console.print(f"It {verb} if {' and '.join(explanation.flips)}.", markup=False)


def _grow(tree: Tree, report: ConditionReport) -> None:
    for child in report.children:
        _grow(tree.add(_line(child)), child)


def _line(report: ConditionReport) -> Text:
    sign, colour = _SIGNS[report.holds]
    line = Text.assemble((sign, colour), " ", report.text)
    if report.found:
        line.append(f" (found: {report.found})", "dim")
    if report.complete_since:
        line.append(f" (complete since {report.complete_since})", "yellow")
    if report.approximate:
        line.append(f" (approximate: {report.approximate})", "yellow")
    return line
