"""What every profile store must do."""

import asyncio

import pytest

from edgeseg.events.event import ATTRIBUTES_SET, CONSENT_CHANGED, Event, Value
from edgeseg.metric_plan import EMPTY_PLAN, Metric
from edgeseg.profiles.changes import consents_at
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.store import ProfileStore
from tests.conformance.conftest import OpenStore
from tests.conformance.plans import NOW_MS, VIEW_PLAN, VIEWS, plan_of, view


async def settle(store: ProfileStore) -> None:
    """Wait for the work behind the page views, where the store has any."""
    upkeep = getattr(store, "upkeep", None)
    if upkeep is not None:
        await upkeep.drain()
        assert upkeep.failed == 0


async def record_views(store: ProfileStore, visitor: str, numbers: range) -> None:
    """Record one page view after the other, compacting whenever it is due."""
    for number in numbers:
        await store.record(visitor, [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
        await settle(store)


async def test_an_unknown_visitor_has_no_profile(store: ProfileStore) -> None:
    """Reading creates nothing."""
    assert await store.read("nobody", plan=EMPTY_PLAN) is None
    assert await store.history("nobody") == ()
    assert [each async for each in store.visitor_ids()] == []


async def test_the_first_event_creates_the_profile(store: ProfileStore) -> None:
    """The answer of `record` holds the event that was recorded."""
    profile = await store.record("v", [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert profile.created_ms == NOW_MS
    assert profile.totals["page_viewed"].count == 1
    assert profile.metrics[VIEWS.key].recent == (NOW_MS,)
    assert profile.plan_id == VIEW_PLAN.id


async def test_what_was_recorded_is_read(store: ProfileStore) -> None:
    """A reader sees at once what the writer was answered."""
    written = await store.record("v", [view(0), view(1)], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert await store.read("v", plan=VIEW_PLAN) == written
    assert await store.history("v") == (view(0), view(1))


async def test_visitors_are_kept_apart(store: ProfileStore) -> None:
    """Concurrent page views of many visitors never mix."""
    await asyncio.gather(
        *(store.record(f"v{n % 50}", [view(n)], plan=VIEW_PLAN, now_ms=NOW_MS) for n in range(500))
    )
    await settle(store)
    for n in range(50):
        paths = {event.properties["path"] for event in await store.history(f"v{n}")}
        assert paths == {f"/{number}" for number in range(n, 500, 50)}


async def test_late_events_count_where_they_belong_in_time(store: ProfileStore) -> None:
    """Recent timestamps are ordered by the events' time, not their arrival."""
    for number in (5, 1, 9, 3):
        profile = await store.record("v", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert profile.metrics[VIEWS.key].recent == tuple(view(n).at_ms for n in (9, 5, 3, 1))
    assert [event.properties["number"] for event in await store.history("v")] == [1, 3, 5, 9]


@pytest.mark.parametrize("apart", [1, 20])
async def test_a_repeated_message_counts_once(store: ProfileStore, apart: int) -> None:
    """Also when a compaction lies between the two, and for a metric added later."""
    for number in range(apart):
        event = view(number, message_id=f"m{number}")
        await store.record("v", [event], plan=VIEW_PLAN, now_ms=NOW_MS)
        await settle(store)
    repeat = view(0, message_id="m0")
    profile = await store.record("v", [repeat], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert profile.totals["page_viewed"].count == apart
    await record_views(store, "v", range(100, 116))
    assert len(await store.history("v")) == apart + 16
    later = plan_of(VIEWS, Metric(key=2, event="page_viewed", keep=50))
    profile = await store.record("v", [view(200)], plan=later, now_ms=NOW_MS)
    assert profile.metrics[2].count == apart + 17


async def test_changes_of_the_profile_are_kept(store: ProfileStore) -> None:
    """Attributes and consents survive a compaction, but are no part of the history."""
    changes = [
        Event(ATTRIBUTES_SET, NOW_MS, {"city": "Brno"}),
        Event(CONSENT_CHANGED, NOW_MS, {"marketing": True}),
    ]
    await store.record("v", changes, plan=VIEW_PLAN, now_ms=NOW_MS)
    await record_views(store, "v", range(20))
    profile = await store.read("v", plan=VIEW_PLAN)
    assert profile is not None
    assert profile.attributes == {"city": "Brno"}
    assert consents_at(profile.consents, now_ms=NOW_MS) == {"marketing": True}
    assert len(await store.history("v")) == 20


async def test_a_metric_added_later_sees_the_journal(store: ProfileStore) -> None:
    """It counts what was folded away and what was not, each once."""
    await record_views(store, "v", range(37))
    added = Metric(key=7, event="page_viewed", keep=40)
    later = plan_of(VIEWS, added)
    profile = await store.read("v", plan=later)
    assert profile is not None
    assert profile.metrics[added.key].count == 37
    assert profile.metrics[added.key].recent == tuple(view(n).at_ms for n in reversed(range(37)))
    again = await store.record("v", [view(37)], plan=later, now_ms=NOW_MS)
    assert again.metrics[added.key].count == again.metrics[VIEWS.key].count == 38


async def test_the_journal_is_bounded_by_number_and_age(open_store: OpenStore) -> None:
    """Old events leave it; the counts remain."""
    store = await open_store(Retention(tail_lines=4, journal_events=10, journal_age_ms=5_000))
    for number in range(40):
        now_ms = view(number).at_ms
        await store.record("v", [view(number)], plan=VIEW_PLAN, now_ms=now_ms)
        await settle(store)
    profile = await store.read("v", plan=VIEW_PLAN)
    assert profile is not None
    assert profile.metrics[VIEWS.key].count == 40
    numbers = [event.properties["number"] for event in await store.history("v")]
    assert numbers == list(range(34, 40))


async def test_compaction_loses_nothing(open_store: OpenStore) -> None:
    """Hundreds of events one by one, through two workers in turn, all count."""
    stores = [await open_store(), await open_store()]
    for number in range(300):
        store = stores[number % 2]
        profile = await store.record("v", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
        assert profile.totals["page_viewed"].count == number + 1
    for store in stores:
        await settle(store)
    profile = await stores[0].record("v", [view(300)], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert profile.metrics[VIEWS.key].total == sum(range(301))
    assert profile.metrics[VIEWS.key].recent == tuple(view(n).at_ms for n in range(300, 295, -1))


async def test_concurrent_events_of_one_visitor_all_count(open_store: OpenStore) -> None:
    """Also while compactions of two workers run between them."""
    stores = [await open_store(), await open_store()]
    answers = await asyncio.gather(
        *(
            stores[number % 2].record("v", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
            for number in range(400)
        )
    )
    for store in stores:
        await settle(store)
    profile = await stores[0].read("v", plan=VIEW_PLAN)
    assert profile is not None
    assert profile.totals["page_viewed"].count == 400
    assert profile.metrics[VIEWS.key].total == sum(range(400))
    assert all(view(n).at_ms <= answers[n].totals["page_viewed"].last_ms for n in range(400))


async def test_an_erased_profile_stays_away(store: ProfileStore) -> None:
    """A late write is answered from its own events and brings nothing back."""
    await record_views(store, "v", range(20))
    assert await store.erase("v")
    late = await store.record("v", [view(99)], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert late.totals["page_viewed"].count == 1
    await settle(store)
    assert await store.read("v", plan=VIEW_PLAN) is None
    assert await store.history("v") == ()
    assert [each async for each in store.visitor_ids()] == []
    assert not await store.erase("v")


async def test_erasing_an_unknown_visitor_says_so(store: ProfileStore) -> None:
    """There was nothing to remove."""
    assert not await store.erase("nobody")


async def test_a_compaction_under_way_does_not_undo_an_erasure(store: ProfileStore) -> None:
    """The compaction finds another value than it read and leaves it."""
    for number in range(16):
        await store.record("v", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.erase("v")
    await settle(store)
    assert await store.read("v", plan=VIEW_PLAN) is None


async def test_all_visitors_are_named(store: ProfileStore) -> None:
    """Each at least once, nobody else."""
    names = {f"visitor-{n}" for n in range(1200)}
    await asyncio.gather(
        *(store.record(name, [view(0)], plan=EMPTY_PLAN, now_ms=NOW_MS) for name in names)
    )
    await store.erase("visitor-7")
    assert {each async for each in store.visitor_ids()} == names - {"visitor-7"}


async def test_recording_nothing_is_a_visit_without_events(store: ProfileStore) -> None:
    """It is accepted and answers an empty profile."""
    profile = await store.record("v", [], plan=EMPTY_PLAN, now_ms=NOW_MS)
    assert profile.totals == {}


async def test_the_store_answers_a_ping(store: ProfileStore) -> None:
    """A store that is there returns."""
    await store.ping()


ORDERS = plan_of(
    Metric(key=11, event="order_completed", keep=3, sum_of="revenue"),
    Metric(key=12, event="order_completed", steps=2, step=1),
    Metric(key=12, event="product_added", steps=2, step=0),
)


async def test_what_is_told_of_an_order_counts_whenever_it_arrives(open_store: OpenStore) -> None:
    """Changes, a refund and a cancellation, long after the order was folded away."""
    store = await open_store(Retention(tail_lines=4, journal_events=2))
    told: list[tuple[str, int, dict[str, Value]]] = [
        ("order_completed", 0, {"order_id": "a", "revenue": 50}),
        ("order_completed", 1, {"order_id": "b", "revenue": 5}),
        *[("page_viewed", 2 + number, {}) for number in range(20)],
        ("order_refunded", 30, {"order_id": "a", "revenue": 20}),
        ("order_completed", 31, {"order_id": "a", "revenue": 50}),
        ("order_cancelled", 32, {"order_id": "b"}),
    ]
    for name, second, properties in told:
        event = Event(name, NOW_MS + second * 1_000, properties)
        profile = await store.record("v", [event], plan=ORDERS, now_ms=event.at_ms)
        await settle(store)
    state = profile.metrics[11]
    assert (state.count, state.total, state.recent) == (1, 30, (NOW_MS,))
    assert profile.totals["order_completed"].count == 1


async def test_a_step_that_comes_late_takes_its_place(open_store: OpenStore) -> None:
    """As long as the events after it are retained, whatever was compacted."""
    store = await open_store(Retention(tail_lines=4))
    for second in range(10, 18):
        name = "order_completed" if second == 15 else "page_viewed"
        event = Event(name, NOW_MS + second * 1_000)
        await store.record("v", [event], plan=ORDERS, now_ms=event.at_ms)
        await settle(store)
    late = Event("product_added", NOW_MS + 12_000)
    profile = await store.record("v", [late], plan=ORDERS, now_ms=NOW_MS + 20_000)
    assert profile.metrics[12].recent == (NOW_MS + 12_000,) * 2
    assert profile.metrics[12].since_ms == 0
    assert profile.visit is not None
    assert profile.visit.number == 1
