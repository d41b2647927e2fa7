"""The recorder: what gathers is counted, also when the store is away for a while."""

import asyncio
from collections.abc import Sequence
from datetime import UTC
from typing import Any

import pytest

from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.errors import StoreError, StoreTimeout
from edgeseg.events.event import Event
from edgeseg.insights import recorder as recorder_module
from edgeseg.insights.judge import Witnessed
from edgeseg.insights.recorder import OutcomeRecorder, concerns
from edgeseg.profiles.fold import fold
from edgeseg.profiles.memory_outcomes import MemoryOutcomes
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.profiles.outcome_store import Outcome
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.telemetry import Telemetry

NOW_MS = 1_800_000_000_000
TODAY = "2027-01-15"
RULES = """
slots: [{id: hero, kind: html}]
goals: [{id: asked, event: form_submitted}]
campaigns:
  - {id: spring, slot: hero, goal: asked, variants: [{id: a, template: t}]}
"""
RULES_NOW = build_snapshot({"r.yaml": RULES}, {"t": ""})
SHOWN = Event("campaign_shown", NOW_MS, {"campaign": "spring", "variant": "a", "slot": "hero"}, "m")


class UnsureOutcomes(MemoryOutcomes):
    """Counts, and then says that it does not know whether it did, while it is unsure."""

    is_unsure = False

    async def add(self, outcomes: Sequence[Outcome]) -> int:
        """Count, whatever is said about it."""
        fresh = await super().add(outcomes)
        if self.is_unsure:
            raise StoreTimeout("no reply in time")
        return fresh


class FaultyOutcomes(MemoryOutcomes):
    """Breaks at the first try, by a fault that nobody thought of."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = 0
        self.is_counted = asyncio.Event()

    async def add(self, outcomes: Sequence[Outcome]) -> int:
        """Count from the second try on."""
        self.tries += 1
        if self.tries == 1:
            raise RuntimeError("a fault")
        self.is_counted.set()
        return await super().add(outcomes)


class UnwillingStore(MemoryStore):
    """Records nothing while it is unwilling."""

    is_unwilling = False

    async def record(self, *args: Any, **named: Any) -> Any:
        """Record, or refuse to."""
        if self.is_unwilling:
            raise StoreError("not now")
        return await super().record(*args, **named)


class Worker:
    """A recorder with all that it needs."""

    def __init__(self) -> None:
        self.store = UnwillingStore()
        self.unsure = UnsureOutcomes()
        self.outcomes: MemoryOutcomes = self.unsure
        self.store.outcomes = self.unsure
        self.telemetry = Telemetry()
        self.recorder = OutcomeRecorder(self.store, self.telemetry, UTC)

    async def witness(self, *events: Event) -> None:
        """Tell of a request with these events."""
        profile = fold(EMPTY_PROFILE, events, RULES_NOW.plan)
        seen = Witnessed(visitor="v", events=events, profile=profile, segments=[], now_ms=NOW_MS)
        await self.recorder.witness(seen, RULES_NOW, "v")

    async def counts(self) -> dict[str, int]:
        """What is counted of today."""
        (found,) = await self.outcomes.read("spring", [TODAY])
        return found

    def told(self, result: str) -> float:
        """What the metric says."""
        value = self.telemetry.registry.get_sample_value(
            "edgeseg_outcomes_total", {"result": result}
        )
        return value or 0


@pytest.fixture
def worker() -> Worker:
    """A worker of its own."""
    return Worker()


async def test_what_gathers_is_counted_at_the_next_flush(worker: Worker) -> None:
    """And remembered of the visitor at once."""
    await worker.witness(SHOWN)
    assert await worker.counts() == {}
    profile = await worker.store.read("v", plan=RULES_NOW.plan)
    assert profile is not None
    assert profile.totals["campaign_joined"].count == 1
    await worker.recorder.flush()
    assert await worker.counts() == {"shown/a/": 1, "visitors/a/": 1}
    await worker.witness(SHOWN)
    await worker.recorder.flush()
    assert (worker.told("counted"), worker.told("repeated")) == (2, 2)


async def test_what_the_store_may_have_taken_is_handed_in_again(worker: Worker) -> None:
    """It counts once whatever became of the first try, fragments included."""
    await worker.witness(SHOWN)
    worker.recorder.serve("spring", "a", ["s"], NOW_MS)
    worker.unsure.is_unsure = True
    for _ in range(3):
        await worker.recorder.flush()
    worker.unsure.is_unsure = False
    worker.recorder.serve("spring", "a", [], NOW_MS)
    await worker.recorder.flush()
    found = await worker.counts()
    assert found == {"shown/a/": 1, "visitors/a/": 1, "served/a/": 2, "served/a/s": 1}


async def test_what_waits_is_bounded(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is dropped, and that is counted."""
    monkeypatch.setattr(recorder_module, "MAX_WAITING", 3)
    for number in range(3):
        await worker.witness(Event(SHOWN.name, NOW_MS, SHOWN.properties, f"{number}"))
    assert worker.told("dropped") == 3
    await worker.recorder.flush()
    assert sum((await worker.counts()).values()) == 3


async def test_fragments_add_up_while_the_store_is_away(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that is, they take the room of nothing else; one too many is told of."""
    monkeypatch.setattr(recorder_module, "MAX_WAITING", 3)
    worker.unsure.is_unsure = True
    for _ in range(10):
        worker.recorder.serve("spring", "a", [], NOW_MS)
        await worker.recorder.flush()
    for variant in "bcde":
        worker.recorder.serve("spring", variant, [], NOW_MS)
    assert worker.told("dropped") == 2
    worker.unsure.is_unsure = False
    await worker.recorder.flush()
    assert (await worker.counts())["served/a/"] == 10


async def test_a_profile_that_cannot_be_written_is_no_error(worker: Worker) -> None:
    """What is counted is counted all the same."""
    worker.store.is_unwilling = True
    await worker.witness(SHOWN)
    await worker.recorder.flush()
    assert await worker.counts() == {"shown/a/": 1, "visitors/a/": 1}
    unsaved = worker.telemetry.registry.get_sample_value("edgeseg_unsaved_events_total")
    assert unsaved == 1


async def test_a_fault_does_not_end_the_counting(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and what waits is counted at the next flush."""
    monkeypatch.setattr(recorder_module, "FLUSH_S", 0)
    worker.outcomes = worker.store.outcomes = faulty = FaultyOutcomes()
    await worker.witness(SHOWN)
    running = asyncio.create_task(worker.recorder.run())
    async with asyncio.timeout(20):
        await faulty.is_counted.wait()
    await worker.recorder.close(running)
    assert await worker.counts() == {"shown/a/": 1, "visitors/a/": 1}
    assert "a fault" in caplog.text


async def test_the_end_in_good_order_loses_nothing(worker: Worker) -> None:
    """What waits is counted on the way out."""
    running = asyncio.create_task(worker.recorder.run())
    await worker.witness(SHOWN)
    await worker.recorder.close(running)
    assert await worker.counts() == {"shown/a/": 1, "visitors/a/": 1}


def test_most_events_concern_no_campaign() -> None:
    """Only exposures and what is a goal of a campaign do."""
    told = {
        name: concerns([Event(name, NOW_MS)], RULES_NOW)
        for name in ("page_viewed", "campaign_shown", "form_submitted", "order_completed")
    }
    assert [name for name, yes in told.items() if yes] == ["campaign_shown", "form_submitted"]
    assert not concerns([SHOWN], build_snapshot({}, {}))
