"""Mixed load with a fault every few seconds; at the end everything is accounted for."""

import asyncio
import random
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import httpx

from edgeseg.profiles.address import parse_location
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.identity import Identities
from tests.chaos.faults import Faults
from tests.chaos.traffic import KEY, PATIENCE_S, Account, Visitor
from tests.conformance.fault_proxy import FaultProxy
from tests.e2e.service import Service

VISITORS = 16
RULES = """
fields: [{id: name, type: text}]
segments: [{id: everyone, when: {all: []}}]
slots: [{id: hero, kind: html}]
campaigns:
  - id: greet
    slot: hero
    variants: [{id: only, template: greet.html}]
"""
TEMPLATE = '<p>Hello {{ profile.get("name", "nobody") }}</p>'
_BACK_WITHIN_S = 30


class Report(NamedTuple):
    """What a run came to.

    Attributes:
        lost: visitors with fewer events stored than acknowledged.
        invented: visitors with more events stored than sent.
    """

    account: Account
    faults: dict[str, int]
    journal: list[str]
    lost: dict[str, tuple[int, int]]
    invented: dict[str, tuple[int, int]]

    def lines(self) -> list[str]:
        """Answer what a person wants to read of it."""
        account = self.account
        return [
            *(f"fault: {name}, {count} times" for name, count in sorted(self.faults.items())),
            *(f"{name}: {count:,}" for name, count in sorted(account.outcomes.items())),
            f"events sent {account.sent.total():,}, acknowledged {account.acknowledged.total():,}",
            f"visitors with lost events: {self.lost or 'none'}",
            f"visitors with events that nobody sent: {self.invented or 'none'}",
            *([f"faults at: {', '.join(self.journal)}"] if account.waited else []),
            f"nobody answered for {PATIENCE_S} s at: {', '.join(account.waited) or 'no time'}",
            f"wrong answers: {account.wrongs[:20] or 'none'}",
        ]


async def run_chaos(folder: Path, seconds: float, seed: int, calm_s: float = 2) -> Report:
    """Run in an empty folder, with about ``calm_s`` between faults."""
    rules, templates = folder / "rules", folder / "templates"
    for each in (rules, templates):
        each.mkdir(parents=True)
    (rules / "all.yaml").write_text(RULES, "utf-8")
    (templates / "greet.html").write_text(TEMPLATE, "utf-8")
    store = EmbeddedServer(folder / "store")
    store.start()
    try:
        async with FaultProxy(parse_location(store.url).address).running() as proxy:
            service = Service(
                folder / "data",
                redis_url=proxy.url,
                rules=rules,
                templates=templates,
                workers=2,
                budget_ms=300,
                reload_s=0.2,
                visitor_rate=0,
            )
            with closing(service):
                await asyncio.to_thread(service.start)
                faults = Faults(service, store, proxy, rules, random.Random(seed))
                return await _run(service, faults, (seconds, calm_s), seed)
    finally:
        store.stop()


async def _run(service: Service, faults: Faults, times_s: tuple[float, float], seed: int) -> Report:
    account, stopped = Account(), asyncio.Event()
    seconds, calm_s = times_s
    visitors = [
        Visitor(service, number, account, random.Random(f"{seed}-{number}"))
        for number in range(VISITORS)
    ]
    for visitor in visitors:
        await visitor.arrive()
    async with asyncio.TaskGroup() as everything:
        everything.create_task(faults.strike(visitors, stopped, calm_s))
        for visitor in visitors:
            everything.create_task(visitor.browse(stopped))
        await asyncio.sleep(seconds)
        stopped.set()
    faults.mend()
    stored = await _stored(service, visitors)
    sent, acknowledged = account.sent, account.acknowledged
    return Report(
        account,
        dict(faults.done),
        faults.journal,
        lost={
            each: (stored[each], count)
            for each, count in acknowledged.items()
            if stored[each] < count
        },
        invented={each: (stored[each], sent[each]) for each in stored if stored[each] > sent[each]},
    )


async def _stored(service: Service, visitors: list[Visitor]) -> dict[str, int]:
    """Answer visitor → events of theirs that the store holds, once it answers again."""
    identities = Identities((service.data_dir / "secret").read_text("utf-8").strip())
    found: dict[str, int] = {}
    async with httpx.AsyncClient(base_url=service.url, headers=KEY, timeout=15) as client:
        for visitor in visitors:
            events = await _events(client, visitor.id)
            assert set(events) <= {"page_viewed", visitor.event}, events
            found[visitor.id] = events.get(visitor.event, 0)
            events = await _events(client, identities.known(visitor.person))
            assert set(events) <= {visitor.event}, events
            found[visitor.person] = events.get(visitor.event, 0)
    return found


async def _events(client: httpx.AsyncClient, visitor_id: str) -> dict[str, int]:
    deadline_s = time.monotonic() + _BACK_WITHIN_S
    while time.monotonic() < deadline_s:
        with suppress(httpx.TransportError):
            answer = await client.get(f"/v1/visitors/{visitor_id}")
            if answer.status_code == 404:
                return {}
            if answer.status_code == 200:
                events: dict[str, int] = answer.json()["events"]
                return events
        await asyncio.sleep(0.1)
    message = f"the service is not back after {_BACK_WITHIN_S} s"
    raise AssertionError(message)
