"""Lists are brought to profiles by differences, and make no profile."""

from collections.abc import AsyncIterator, Sequence

from edgeseg.errors import TooLargeError
from edgeseg.profiles.list_store import MAX_LISTS, Applied
from edgeseg.profiles.store import ProfileStore
from tests.conformance.news import soon
from tests.conformance.plans import NOW_MS, VIEW_PLAN, view


async def _portions(*portions: Sequence[str]) -> AsyncIterator[Sequence[str]]:
    for portion in portions:
        yield portion


async def _know(store: ProfileStore, *visitor_ids: str) -> None:
    for visitor_id in visitor_ids:
        await store.record(visitor_id, [view(0)], plan=VIEW_PLAN, now_ms=NOW_MS)


async def _is_on(store: ProfileStore, visitor_id: str, *lists: str) -> None:
    """Wait until a visitor is on exactly these lists."""

    async def holds() -> bool:
        profile = await store.read(visitor_id, plan=VIEW_PLAN)
        return profile is not None and profile.lists == lists

    await soon(holds)


async def test_members_are_told_and_others_no_longer(store: ProfileStore) -> None:
    """A list that changes moves those who came and those who left, and nobody else."""
    everybody = [f"v{number}" for number in range(300)]
    await _know(store, *everybody)
    assert await store.lists.put("gold", _portions(everybody[:100], everybody[100:200]), now_ms=1)
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied(added=200)
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied()
    await _is_on(store, "v0", "gold")
    await store.lists.put("gold", _portions(everybody[50:210]), now_ms=2)
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied(added=10, removed=50)
    await _is_on(store, "v0")
    await _is_on(store, "v205", "gold")
    (status,) = await store.lists.all()
    assert (status.name, status.members, status.applied, status.put_ms) == ("gold", 160, 160, 2)


async def test_a_list_makes_no_profile_and_waits_for_it(store: ProfileStore) -> None:
    """Nobody knows of a consent; whoever comes later is on the list from then on."""
    await store.lists.put("gold", _portions(["a", "b"]), now_ms=NOW_MS)
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied(waiting=2)
    assert await store.read("a", plan=VIEW_PLAN) is None
    await _know(store, "a")
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied(added=1, waiting=1)
    await _is_on(store, "a", "gold")


async def test_the_erased_are_on_no_list(store: ProfileStore) -> None:
    """Neither in their profile nor among the members, also where a list names them again."""
    await _know(store, "a", "b")
    await store.lists.put("gold", _portions(["a", "b"]), now_ms=NOW_MS)
    await store.lists.apply("gold", now_ms=NOW_MS)
    await store.erase("a")
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied()
    (status,) = await store.lists.all()
    assert (status.members, status.applied) == (1, 1)
    await store.lists.put("gold", _portions(["a", "b"]), now_ms=NOW_MS)
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied(waiting=1)


async def test_a_former_id_leads_to_the_profile(store: ProfileStore) -> None:
    """The list names a visitor by an id of before a merge."""
    await _know(store, "a", "b")
    await store.merge("a", "b", plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.lists.put("gold", _portions(["b"]), now_ms=NOW_MS)
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied(added=1)
    await _is_on(store, "a", "gold")


async def test_a_removed_list_leaves_nobody_on_it(store: ProfileStore) -> None:
    """Other lists stay as they are."""
    await _know(store, "a")
    for name in ("gold", "silver"):
        await store.lists.put(name, _portions(["a"]), now_ms=NOW_MS)
        await store.lists.apply(name, now_ms=NOW_MS)
    assert await store.lists.remove("gold", now_ms=NOW_MS)
    assert not await store.lists.remove("gold", now_ms=NOW_MS)
    await _is_on(store, "a", "silver")
    assert [each.name for each in await store.lists.all()] == ["silver"]


async def test_a_list_that_is_removed_meanwhile_stays_removed(store: ProfileStore) -> None:
    """Whoever still had it in mind applies or confirms what is gone."""
    await store.lists.put("gold", _portions(["a"]), now_ms=NOW_MS)
    await store.lists.put("silver", _portions(["a"]), now_ms=NOW_MS)
    await store.lists.remove("gold", now_ms=NOW_MS)
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied()
    await store.lists.confirm("gold", now_ms=NOW_MS)
    assert [each.name for each in await store.lists.all()] == ["silver"]


async def test_an_empty_list_has_no_members(store: ProfileStore) -> None:
    """A file without rows takes everybody off, but forgets nothing."""
    await _know(store, "a")
    await store.lists.put("gold", _portions(["a"]), now_ms=NOW_MS)
    await store.lists.apply("gold", now_ms=NOW_MS)
    assert await store.lists.put("gold", _portions(), now_ms=NOW_MS) == 0
    assert await store.lists.apply("gold", now_ms=NOW_MS) == Applied(removed=1)


async def test_lists_are_bounded(store: ProfileStore) -> None:
    """One more than the bound is refused, with what to do."""
    for number in range(MAX_LISTS):
        await store.lists.put(f"l{number}", _portions(), now_ms=NOW_MS)
    try:
        await store.lists.put("one-more", _portions(), now_ms=NOW_MS)
    except TooLargeError as error:
        assert "remove one" in str(error)  # noqa: PT017 - the rest of the test goes on
    else:
        raise AssertionError
