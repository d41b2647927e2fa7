"""The recorder of outcomes: what requests bring is gathered, and counted behind them.

Nothing of this is on the way of a page view that has nothing to do with campaigns. Counts
wait in the worker for at most `FLUSH_S`; those a worker held when it was killed are lost.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import tzinfo
from itertools import count
from typing import Final

from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import StoreError
from edgeseg.events.event import Event
from edgeseg.insights.judge import Witnessed, judge
from edgeseg.insights.tally import MAX_SEGMENTS, Kind, adds
from edgeseg.profiles.outcome_store import Outcome
from edgeseg.profiles.store import ProfileStore
from edgeseg.segments.calendar import day_of
from edgeseg.telemetry import Telemetry

FLUSH_S: Final = 1.0
"""How often what has gathered is counted, seconds."""
MAX_WAITING: Final = 20_000
"""Outcomes of one worker that wait for the store; one more is dropped."""
AT_ONCE: Final = 2_000
"""Outcomes handed to the store at once."""

_log = logging.getLogger(__name__)


class OutcomeRecorder:
    """Gathers the outcomes of one worker."""

    def __init__(self, store: ProfileStore, telemetry: Telemetry, time_zone: tzinfo) -> None:
        """Take the store, which somebody else opens and closes, and the site's zone."""
        self._store = store
        self._telemetry = telemetry
        self._time_zone = time_zone
        self._waiting: list[Outcome] = []
        self._served_ms = 0
        self._served: dict[tuple[str, str, str, tuple[str, ...]], int] = {}
        self._token = secrets.token_hex(8)
        self._batches = count()
        self._flushing = asyncio.Lock()

    async def witness(self, seen: Witnessed, rules: Snapshot, visitor_id: str) -> None:
        """Take note of what a request means for campaigns; never raises `StoreError`.

        What the visitor's profile is to remember of it is stored on return, if it can be.
        """
        news = judge(seen, rules.outcomes, rules.plan, self._time_zone)
        self._count("late", news.late)
        self._gather(news.outcomes)
        if not news.events:
            return
        try:
            await self._store.record(visitor_id, news.events, plan=rules.plan, now_ms=seen.now_ms)
        except StoreError:
            self._telemetry.failed_writes.labels("outcome").inc()
            self._telemetry.unsaved_events.inc(len(news.events))

    def serve(self, campaign: str, variant: str, segments: Sequence[str], now_ms: int) -> None:
        """Count a fragment that held a variant."""
        day, self._served_ms = day_of(now_ms, self._time_zone), now_ms
        key = (campaign, day, variant, tuple(segments[:MAX_SEGMENTS]))
        times = self._served.get(key, 0)
        if times or len(self._served) < MAX_WAITING:
            self._served[key] = times + 1
        else:
            self._count("dropped", 1)

    async def run(self) -> None:
        """Count what gathers, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            try:
                await self.flush()
            except Exception:  # noqa: BLE001 - counting must outlive whatever one turn meets
                _log.exception("counting outcomes failed")

    async def flush(self) -> None:
        """Count what has gathered; what the store does not take is kept for the next time."""
        async with self._flushing:
            try:
                await self._hand_over()
                self._gather(self._batch())  # not before: fragments that wait add up to few counts
                await self._hand_over()
            except StoreError as error:
                self._telemetry.rarely.tell("outcomes", "outcomes wait for the store: %s", error)

    async def _hand_over(self) -> None:
        while self._waiting:
            together = self._waiting[:AT_ONCE]
            fresh = await self._store.outcomes.add(together)
            del self._waiting[: len(together)]
            self._count("counted", fresh)
            self._count("repeated", len(together) - fresh)

    async def close(self, running: asyncio.Task[None]) -> None:
        """End `run`, and count what is left."""
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await self.flush()

    def _batch(self) -> Iterable[Outcome]:
        """Answer the fragments as outcomes; one batch, counted once however often it is tried."""
        served, self._served = self._served, {}
        together: dict[tuple[str, str], Counter[str]] = {}
        for (campaign, day, variant, segments), times in served.items():
            counts = together.setdefault((campaign, day), Counter())
            for field, amount in adds({Kind.SERVED: times}, variant, segments):
                counts[field] += amount
        return [
            Outcome(campaign, day, self._served_ms, self._mark(), tuple(counts.items()))
            for (campaign, day), counts in together.items()
        ]

    def _mark(self) -> str:
        return f"{self._token}/{next(self._batches)}"

    def _gather(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(outcome)
            else:
                self._count("dropped", 1)

    def _count(self, result: str, number: int) -> None:
        if number:
            self._telemetry.outcomes.labels(result).inc(number)


def concerns(events: Iterable[Event], rules: Snapshot) -> bool:
    """Tell whether any of the events may have to do with campaigns."""
    names = rules.outcomes.events
    for event in events:  # noqa: SIM110 - of each page view, and a generator takes twice as long
        if event.name in names:
            return True
    return False
