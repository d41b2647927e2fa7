"""Events appended in bulk are counted as recorded ones are, whatever the store finds there."""

import asyncio

import pytest

from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.store import ProfileStore
from tests.conformance.conftest import OpenRedisStore
from tests.conformance.plans import NOW_MS, VIEW_PLAN, view


async def _views(store: ProfileStore, visitor_id: str) -> int:
    profile = await store.read(visitor_id, plan=VIEW_PLAN)
    return profile.totals["page_viewed"].count if profile else 0


async def test_many_visitors_at_once_and_page_views_beside_them(store: ProfileStore) -> None:
    """Of every visitor all events arrive, with those of page views at the same time."""
    happened = {f"v{n}": [view(number) for number in range(3)] for n in range(300)}
    await asyncio.gather(
        store.append(happened, plan=VIEW_PLAN, now_ms=NOW_MS),
        *(
            store.record(f"v{n}", [view(9)], plan=VIEW_PLAN, now_ms=NOW_MS)
            for n in range(0, 300, 10)
        ),
        store.append(happened, plan=VIEW_PLAN, now_ms=NOW_MS),
    )
    assert await _views(store, "v0") == 7
    assert await _views(store, "v1") == 6
    assert await _views(store, "v299") == 6


async def test_repeats_are_known_by_their_ids(store: ProfileStore) -> None:
    """A call that is repeated counts once."""
    happened = {"v": [view(number, message_id=f"m{number}") for number in range(100)]}
    for _ in range(2):
        await store.append(happened, plan=VIEW_PLAN, now_ms=NOW_MS)
    assert await _views(store, "v") == 100


async def test_a_profile_that_grows_long_is_compacted(store: ProfileStore) -> None:
    """A visitor with thousands of imported events does not keep them all."""
    for start in range(0, 3_000, 100):
        events = [view(number) for number in range(start, start + 100)]
        await store.append({"v": events}, plan=VIEW_PLAN, now_ms=NOW_MS)
    assert await _views(store, "v") == 3_000
    await store.record("v", [], plan=VIEW_PLAN, now_ms=NOW_MS)
    assert len(await store.history("v")) < 1_000


async def test_the_erased_are_answered_and_stay_away(store: ProfileStore) -> None:
    """An erasure wins over what arrives late."""
    await store.append({"v": [view(0)], "w": [view(0)]}, plan=VIEW_PLAN, now_ms=NOW_MS)
    await store.erase("v")
    happened = {"v": [view(1)], "w": [view(1)]}
    assert await store.append(happened, plan=VIEW_PLAN, now_ms=NOW_MS) == {"v"}
    assert await store.read("v", plan=VIEW_PLAN) is None
    assert await _views(store, "w") == 2


async def test_a_former_id_leads_on(store: ProfileStore) -> None:
    """What is told of a merged visitor belongs to the profile that stays."""
    await store.append({"a": [view(0)], "b": [view(1)]}, plan=VIEW_PLAN, now_ms=NOW_MS)
    stays = await store.merge("a", "b", plan=VIEW_PLAN, now_ms=NOW_MS)
    for visitor_id in ("a", "b"):
        event = view(2, message_id=visitor_id)
        await store.append({visitor_id: [event]}, plan=VIEW_PLAN, now_ms=NOW_MS)
    assert await _views(store, stays) == 4


@pytest.mark.parametrize("junk", [("SET", "Zjunk"), ("SADD", "x")])
async def test_damaged_values_are_put_aside(
    open_redis: OpenRedisStore, key_prefix: str, junk: tuple[str, str]
) -> None:
    """The visitor starts anew, and of the others is told what would be without."""
    store = await open_redis()
    key = f"{key_prefix}p:{{v}}"
    await store._router.execute(key, (junk[0], key, junk[1]))
    await store.erase("gone")
    happened = {name: [view(0, message_id="m")] for name in ("u", "v", "w", "gone")}
    assert await store.append(happened, plan=EMPTY_PLAN, now_ms=NOW_MS) == {"gone"}
    assert [await _views(store, name) for name in "uvw"] == [1, 1, 1]
    assert store.upkeep.quarantined == 1
