"""Two visitors who turn out to be one, in every store, whatever happens at the same time."""

import asyncio
from collections.abc import Iterable
from itertools import pairwise

import pytest

from edgeseg.events.event import ATTRIBUTES_SET, Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.identity import KNOWN
from edgeseg.profiles.profile import MAX_ALIASES, MAX_INDEX_ENTRIES
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.store import ProfileStore
from tests.conformance.conftest import OpenStore
from tests.conformance.plans import NOW_MS, VIEW_PLAN, VIEWS, view
from tests.conformance.test_store import record_views, settle

ANN = f"{KNOWN}ann"


async def count(store: ProfileStore, visitor: str) -> int:
    """Answer how many page views a visitor has."""
    profile = await store.read(visitor, plan=VIEW_PLAN)
    return profile.totals["page_viewed"].count if profile else 0


async def join(store: ProfileStore, one: str, other: str) -> str:
    """Merge two visitors; answer the id that stays."""
    return await store.merge(one, other, plan=VIEW_PLAN, now_ms=NOW_MS)


async def test_a_merged_profile_has_both_histories(store: ProfileStore) -> None:
    """Also those that were compacted, and the old id leads to it."""
    await record_views(store, "cookie", range(20))
    await record_views(store, ANN, range(20, 45))
    assert await join(store, "cookie", ANN) == ANN
    for visitor, found_at in ((ANN, ""), ("cookie", ANN)):
        profile = await store.read(visitor, plan=VIEW_PLAN)
        assert profile is not None
        assert profile.totals["page_viewed"].count == 45
        assert profile.metrics[VIEWS.key].total == sum(range(45))
        assert (profile.found_at, set(profile.aliases)) == (found_at, {"cookie"})
        assert len(await store.history(visitor)) == 45
    assert [each async for each in store.visitor_ids()] == [ANN]
    assert (await store.find("cookie"), await store.find(ANN)) == (ANN, ANN)


async def test_what_is_recorded_on_the_old_id_goes_to_the_new(store: ProfileStore) -> None:
    """A page that still knows the old id loses nothing, however often it calls."""
    await record_views(store, "cookie", range(3))
    await join(store, "cookie", ANN)
    for number in range(3, 40):
        visitor = ANN if number % 3 else "cookie"
        profile = await store.record(visitor, [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
        assert profile.totals["page_viewed"].count == number + 1
        await settle(store)
    assert profile.metrics[VIEWS.key].total == sum(range(40))


async def test_merging_again_changes_nothing(store: ProfileStore) -> None:
    """In either direction, through the old id as through the new one."""
    await record_views(store, "cookie", range(3))
    await record_views(store, ANN, range(3, 6))
    for pair in (("cookie", ANN), (ANN, "cookie"), ("cookie", "cookie"), (ANN, ANN)):
        assert await join(store, *pair) == ANN
        assert await count(store, ANN) == 6


async def test_merging_with_nothing(store: ProfileStore) -> None:
    """An id without a profile leads to the other from then on; two of them to the same."""
    await record_views(store, "cookie", range(3))
    assert await join(store, "cookie", ANN) == ANN
    assert await count(store, ANN) == 3
    assert await join(store, "fresh", ANN) == ANN
    await store.record("fresh", [view(9)], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert await count(store, ANN) == 4
    assert await join(store, "b", "a") == "a"
    await store.record("b", [view(1)], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert await count(store, "a") == 1


async def test_a_row_of_merges_leads_to_the_last(store: ProfileStore) -> None:
    """Whichever way the row was made, and however long it is."""
    names = [f"v{number:02}" for number in range(30)]
    for number, name in enumerate(names):
        await record_views(store, name, range(number, number + 1))
    for one, other in pairwise(names):
        await join(store, one, other)
    for name in names:
        assert await store.find(name) == "v00"
        assert await count(store, name) == 30


async def test_merges_in_a_circle_at_once(open_store: OpenStore) -> None:
    """Three workers merge three visitors crosswise: one profile comes out, everything in it."""
    stores = [await open_store() for _ in range(3)]
    for turn in range(10):
        names = [f"{turn}-{letter}" for letter in "abc"]
        for number, name in enumerate(names):
            await record_views(stores[0], name, range(number, number + 1))
        pairs = [(names[n], names[(n + 1) % 3]) for n in range(3)]
        await asyncio.gather(
            *(join(store, *pair) for store, pair in zip(stores, pairs, strict=True))
        )
        assert {await stores[0].find(name) for name in names} == {names[0]}
        assert await count(stores[1], names[2]) == 3


async def test_two_people_stay_two_who_log_in_at_once(open_store: OpenStore) -> None:
    """The device that both come from goes to one of them, and to whom is told both."""
    stores = [await open_store() for _ in range(2)]
    for turn in range(10):
        device, people = f"cookie-{turn}", [f"{KNOWN}{turn}-{name}" for name in ("ann", "ben")]
        await record_views(stores[0], device, range(2))
        for number, person in enumerate(people):
            await record_views(stores[0], person, range(number + 1))
        stay = await asyncio.gather(
            *(
                store.merge(device, person, plan=VIEW_PLAN, now_ms=NOW_MS, apart=True)
                for store, person in zip(stores, people, strict=True)
            )
        )
        assert stay == people
        assert [await stores[0].find(person) for person in people] == people
        assert [await count(stores[1], person) for person in people] in ([3, 2], [1, 4])


@pytest.mark.parametrize("turn", range(5))
async def test_events_during_a_merge_count_exactly(open_store: OpenStore, turn: int) -> None:
    """Eight tasks record on both ids, through several workers, while they are merged."""
    stores = [await open_store() for _ in range(4)]
    visitors = ("cookie", ANN)
    started = asyncio.Event()

    async def record(task: int) -> None:
        for number in range(50):
            visitor = visitors[(task + number) % 2]
            event = view(task * 50 + number)
            await stores[task % 4].record(visitor, [event], plan=VIEW_PLAN, now_ms=NOW_MS)
            if number == 10 + turn:
                started.set()

    async def merge() -> None:
        await started.wait()
        await asyncio.gather(*(join(store, "cookie", ANN) for store in stores))

    await asyncio.gather(merge(), *(record(task) for task in range(8)))
    for store in stores:
        await settle(store)
    for visitor in visitors:
        profile = await stores[0].read(visitor, plan=VIEW_PLAN)
        assert profile is not None
        assert profile.totals["page_viewed"].count == 400
        assert profile.metrics[VIEWS.key].total == sum(range(400))


async def test_the_older_profile_keeps_its_bucket(store: ProfileStore) -> None:
    """Whichever id stays."""
    await record_views(store, "cookie", range(1))
    await record_views(store, ANN, range(1, 2))
    await join(store, "cookie", ANN)
    profile = await store.read("cookie", plan=VIEW_PLAN)
    assert profile is not None
    assert profile.bucket_id == "cookie"


async def test_erasing_by_either_id_erases_all(store: ProfileStore) -> None:
    """The profile, the ids that lead to it, and the index; late writes do not come back."""
    for asked in ("cookie", ANN, "second"):
        await record_views(store, "cookie", range(2))
        await record_views(store, ANN, range(2, 4))
        await join(store, "cookie", ANN)
        await join(store, "second", "cookie")
        await store.index("entry", "cookie", plan=VIEW_PLAN, now_ms=NOW_MS)
        assert await store.look_up("entry") == [ANN]
        assert await store.erase(asked)
        assert await store.look_up("entry") == []
        for visitor in ("cookie", "second", ANN):
            await store.record(visitor, [view(9)], plan=VIEW_PLAN, now_ms=NOW_MS)
            assert await store.read(visitor, plan=VIEW_PLAN) is None
            assert await store.find(visitor) == visitor
            await store.admit(visitor)


async def test_merging_with_the_erased_brings_nothing_back(store: ProfileStore) -> None:
    """Neither of the two keeps anything then."""
    await record_views(store, ANN, range(2))
    await store.erase(ANN)
    await record_views(store, "cookie", range(2, 4))
    await store.index("entry", "cookie", plan=VIEW_PLAN, now_ms=NOW_MS)
    await join(store, "cookie", ANN)
    assert await count(store, ANN) == 0
    assert await count(store, "cookie") == 0
    assert await store.look_up("entry") == []
    assert [each async for each in store.visitor_ids()] == []


async def test_who_was_erased_begins_no_profile_of_a_person(store: ProfileStore) -> None:
    """Whoever logs in at the same moment: nobody has agreed to anything there."""
    await record_views(store, "cookie", range(2))
    await store.erase("cookie")
    assert await join(store, "cookie", ANN) == ANN
    assert await store.read(ANN, plan=VIEW_PLAN) is None
    assert [each async for each in store.visitor_ids()] == []


async def test_only_so_many_former_ids_lead_to_a_profile(store: ProfileStore) -> None:
    """The oldest leads nowhere any more; nothing of the profile is lost."""
    for number in range(MAX_ALIASES + 3):
        await store.record(f"c{number}", [view(number)], plan=VIEW_PLAN, now_ms=NOW_MS)
        await join(store, f"c{number}", ANN)
    assert await count(store, ANN) == MAX_ALIASES + 3
    assert await store.find("c2") == "c2"
    assert await store.find("c3") == ANN
    profile = await store.record(ANN, [], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert len(profile.aliases) == MAX_ALIASES


async def index(store: ProfileStore, visitor: str, entries: Iterable[str]) -> None:
    """Let a visitor be found by each of ``entries``."""
    for entry in entries:
        await store.index(entry, visitor, plan=VIEW_PLAN, now_ms=NOW_MS)


async def found(store: ProfileStore, entries: Iterable[str]) -> dict[str, list[str]]:
    """Answer which of ``entries`` name whom."""
    named = {entry: sorted(await store.look_up(entry)) for entry in entries}
    return {entry: visitors for entry, visitors in named.items() if visitors}


async def test_only_so_many_entries_name_a_visitor(store: ProfileStore) -> None:
    """The oldest goes, from profile and index alike, so that an erasure leaves none."""
    entries = [f"e{number}" for number in range(MAX_INDEX_ENTRIES + 3)]
    await index(store, "v", [*entries, *entries[-3:]])
    assert await found(store, entries) == {entry: ["v"] for entry in entries[3:]}
    profile = await store.read("v", plan=VIEW_PLAN)
    assert profile is not None
    assert profile.index_entries == tuple(entries[3:])
    assert await store.erase("v")
    assert await found(store, entries) == {}


async def test_entries_given_at_once_are_in_the_profile_or_not_in_the_index(
    open_store: OpenStore,
) -> None:
    """Two workers add and drop them at the same time; what an erasure would not find must go."""
    workers = [await open_store(), await open_store()]
    entries = [f"e{number}" for number in range(4 * MAX_INDEX_ENTRIES)]
    await asyncio.gather(
        *(index(workers[number % 2], "v", [entry]) for number, entry in enumerate(entries))
    )
    await index(workers[0], "v", ["last"])
    await settle(workers[0])
    named = await found(workers[1], [*entries, "last"])
    profile = await (await open_store()).read("v", plan=VIEW_PLAN)
    assert profile is not None
    assert set(named) <= set(profile.index_entries)
    assert "last" in named
    assert len(profile.index_entries) == MAX_INDEX_ENTRIES


async def test_only_so_many_entries_name_a_merged_visitor(store: ProfileStore) -> None:
    """Those of the profile that stays do; an erasure leaves none, whatever the others say."""
    mine = [f"e{number}" for number in range(MAX_INDEX_ENTRIES - 1)]
    theirs = [f"f{number}" for number in range(MAX_INDEX_ENTRIES)]
    await index(store, ANN, mine)
    await index(store, "cookie", theirs)
    assert await join(store, ANN, "cookie") == ANN
    expected = {entry: [ANN] for entry in mine} | {"f19": ["cookie"]}
    assert await found(store, mine + theirs) == expected
    profile = await store.read(ANN, plan=VIEW_PLAN)
    assert profile is not None
    assert profile.index_entries == ("f19", *mine)
    assert await store.erase(ANN)
    assert await found(store, mine + theirs) == {}


async def test_an_entry_of_a_former_id_that_is_dropped_names_the_present_one(
    store: ProfileStore,
) -> None:
    """Otherwise nobody would be found by it, and an erasure would leave it."""
    await index(store, "c0", ["entry"])
    for number in range(MAX_ALIASES + 1):
        await join(store, f"c{number}", ANN)
    assert await store.find("c0") == "c0"
    assert await found(store, ["entry"]) == {"entry": [ANN]}
    assert await store.erase(ANN)
    assert await found(store, ["entry"]) == {}


async def test_an_entry_names_several_visitors(store: ProfileStore) -> None:
    """Two browsers that gave the same address are both found, and forgotten one by one."""
    for visitor in ("one", "two", "one"):
        await store.index("entry", visitor, plan=VIEW_PLAN, now_ms=NOW_MS)
    assert sorted(await store.look_up("entry")) == ["one", "two"]
    await store.erase("one")
    assert await store.look_up("entry") == ["two"]
    assert await store.look_up("other") == []


async def test_an_erased_visitor_can_be_let_in_again(store: ProfileStore) -> None:
    """And stays away as long as was asked otherwise."""
    await store.erase("v", away_ms=10**9)
    await store.record("v", [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert await store.read("v", plan=EMPTY_PLAN) is None
    await store.admit("v")
    await store.record("v", [view(1)], plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.admit("v")  # of somebody who is not erased it changes nothing
    assert await count(store, "v") == 1


async def test_a_second_erasure_ends_no_longer_absence(open_store: OpenStore) -> None:
    """Whoever is erased again, by a former id too, stays away as long as was asked before."""
    store = await open_store(Retention(grace_ms=1))
    for visitor in ("a", "b"):
        await store.record(visitor, [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.merge("a", "b", plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.erase("b", away_ms=10**9)
    for visitor in ("a", "b"):
        assert not await store.erase(visitor)
    for visitor in ("a", "b"):
        assert await store.read(visitor, plan=EMPTY_PLAN) is None
        await store.record(visitor, [view(1)], plan=VIEW_PLAN, now_ms=NOW_MS)
        assert await store.read(visitor, plan=EMPTY_PLAN) is None


async def test_the_latest_attribute_wins_across_a_merge(store: ProfileStore) -> None:
    """Late changes lose, before a compaction and after it."""
    await store.record(
        "cookie",
        [Event(ATTRIBUTES_SET, NOW_MS + 5, {"city": "Brno"})],
        plan=VIEW_PLAN,
        now_ms=NOW_MS,
    )
    await store.record(
        ANN, [Event(ATTRIBUTES_SET, NOW_MS + 4, {"city": "Praha"})], plan=VIEW_PLAN, now_ms=NOW_MS
    )
    await join(store, "cookie", ANN)
    await record_views(store, ANN, range(20))
    late = Event(ATTRIBUTES_SET, NOW_MS + 3, {"city": "Plzeň"})
    profile = await store.record(ANN, [late], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert profile.attributes == {"city": "Brno"}
