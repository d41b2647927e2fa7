"""``edgeseg doctor``: what is configured, what is reachable, what is unsafe."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from typing import Final
from urllib.request import urlopen

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgeseg.assembly import rules_from
from edgeseg.cli.failures import FAILED, plain_errors, settings_with
from edgeseg.cli.printable import printable
from edgeseg.cli.safety import Finding, safety
from edgeseg.cli.serve import own_url
from edgeseg.cli.store_review import review_store
from edgeseg.delivery.audit import check_audit_log
from edgeseg.delivery.health import ListSummary, UnknownStatus
from edgeseg.errors import RulesError, SettingsError
from edgeseg.events.admission import Policy
from edgeseg.settings import PREFIX, Settings
from edgeseg.spelling import counted, suggest

_PATIENCE_S: Final = 1.0
_OUTCOMES: Final = {"accept": "accepted", "drop": "dropped", "refuse": "refused"}
_ASKED_TOGETHER: Final = 4
_ROUNDS: Final = 16
"""Questions asked at the same time for each worker, and how often at most, until all answered."""
_NOT_OURS: Final = (OSError, HTTPException, msgspec.MsgspecError)
_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


class _Running(msgspec.Struct):
    """What is read of ``/status``."""

    worker: int
    unknown: list[UnknownStatus]
    lists: list[ListSummary] = []


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(*, as_json: bool) -> None:
    """Look over the installation: settings, rules, store, safety.

    Secrets are never shown. Exit code 1 when something is broken; warnings alone
    leave it 0.
    """
    with plain_errors():
        settings = settings_with()
        looks = (_rules, review_store, _audit_log, safety, _running)
        findings = [finding for look in looks for finding in look(settings)]
    if as_json:
        shown = {"settings": settings.shown(), "findings": [each._asdict() for each in findings]}
        click.echo(json.dumps(shown, indent=2, default=list))
    else:
        _show(settings, findings)
    if any(finding.state == "problem" for finding in findings):
        raise SystemExit(FAILED)


def _rules(settings: Settings) -> Iterator[Finding]:
    try:
        snapshot = rules_from(settings).build()
    except RulesError as error:
        detail = f"{counted(len(error.problems), 'problem')}; see `edgeseg check`"
        yield Finding("problem", "rules", detail)
        return
    segments = counted(len(snapshot.definitions.segments), "segment")
    yield Finding("ok", "rules", f"{segments}, version {snapshot.version}")
    policies = (settings.unknown_events, settings.unknown_properties)
    if not snapshot.definitions.events and set(policies) != {Policy.ACCEPT}:
        detail = "unknown events are not to be accepted, but the rules declare none: all are"
        yield Finding("warning", "event schema", detail)
    yield from _purposes(settings, snapshot.policy.purposes)


def _purposes(settings: Settings, declared: Collection[str]) -> Iterator[Finding]:
    """Warn of purposes that the rules do not declare, if they declare any."""
    named = {
        "EDGESEG_STORAGE_PURPOSE": {settings.storage_purpose} - {""},
        "EDGESEG_WRITE_KEY_CONSENT": set(settings.write_key_consent),
    }
    for variable, purposes in named.items():
        for purpose in sorted(purposes - set(declared)) if declared else ():
            detail = f"the rules declare no purpose `{purpose}`; {suggest(purpose, declared)}"
            yield Finding("warning", variable, detail)


def _running(settings: Settings) -> Iterator[Finding]:
    """Ask the running service, if there is one, for undeclared names and the state of lists."""
    url = f"{own_url(settings, settings.management_port)}/status"
    workers: dict[int, _Running] = {}
    together = settings.workers * _ASKED_TOGETHER
    with ThreadPoolExecutor(together) as threads, suppress(*_NOT_OURS):
        # Each worker knows what was sent to itself, and the system chooses which one answers:
        # the one that is awake, as long as there is only one question at a time.
        for _ in range(_ROUNDS):
            for running in threads.map(_ask, [url] * together):
                workers[running.worker] = running
            if len(workers) == settings.workers:
                break
    if workers:
        yield from _unknown(settings, list(workers.values()))
        yield from map(_list, next(iter(workers.values())).lists)


def _ask(url: str) -> _Running:
    with urlopen(url, timeout=_PATIENCE_S) as answer:  # noqa: S310 - made of the settings
        return msgspec.json.decode(answer.read(), type=_Running)


def _list(known: ListSummary) -> Finding:
    size = f"{counted(known.members, 'member')}, put {known.put_at or 'never'}"
    if known.error:
        return Finding("warning", f"list {known.name}", f"{size}; {printable(known.error)}")
    return Finding("ok", f"list {known.name}", size)


def _unknown(settings: Settings, workers: list[_Running]) -> Iterator[Finding]:
    some = f", {len(workers)} of its {settings.workers} workers"
    whom = f"sent to the running service{some if len(workers) < settings.workers else ''}"
    counts: Counter[tuple[str, str, str]] = Counter()
    for running in workers:
        for each in running.unknown:
            counts[each.kind, each.name, each.outcome] += each.times
    for (kind, name, outcome), count in counts.items():
        times = counted(count, "time")
        did = _OUTCOMES.get(outcome, outcome)
        detail = f"{kind} `{printable(name)}` is not declared, {did} {times}"
        yield Finding("warning", whom, detail)


def _audit_log(settings: Settings) -> Iterator[Finding]:
    try:
        check_audit_log(settings.audit_log)
    except SettingsError as error:
        yield Finding("problem", "audit log", str(error))


def _show(settings: Settings, findings: list[Finding]) -> None:
    console = Console(highlight=False)
    table = Table("setting", box=None, header_style="dim", pad_edge=False)
    table.add_column("in force", overflow="fold")
    for name, value in settings.shown().items():
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        table.add_row(PREFIX + name.upper(), shown or "[dim]not set[/]")
    console.print(table, "")
    for finding in findings:
        colour = _COLOURS[finding.state]
        line = f"[{colour}]{finding.state:>8}[/]  [bold]{finding.what}[/]: {escape(finding.detail)}"
        console.print(line, soft_wrap=True)
