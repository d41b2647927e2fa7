"""Counts of outcomes, over every store."""

import asyncio
from collections.abc import Sequence

import pytest

from edgeseg.profiles.outcome_store import BEYOND, HORIZON_MS, MAX_FIELDS, Outcome
from edgeseg.profiles.store import ProfileStore
from tests.conformance.conftest import OpenRedisStore, OpenStore

NOW_MS = 1_800_000_000_000 // HORIZON_MS * HORIZON_MS
DAY = "2027-01-15"


def outcome(
    mark: str,
    *adds: tuple[str, int],
    campaign: str = "spring",
    day: str = DAY,
    at_ms: int = NOW_MS,
) -> Outcome:
    """An outcome that adds 1 to the exposures unless something else is said."""
    return Outcome(campaign, day, at_ms, mark, adds or (("shown/a/", 1),))


async def counts(store: ProfileStore, campaign: str = "spring", day: str = DAY) -> dict[str, int]:
    """What is counted of a day."""
    (found,) = await store.outcomes.read(campaign, [day])
    return found


async def test_outcomes_add_up_by_campaign_and_day(store: ProfileStore) -> None:
    """Each to its own; negative amounts and large ones, too."""
    told = [
        outcome("1", ("revenue/a/", 10**15), ("shown/a/", 1)),
        outcome("2", ("revenue/a/", -250_000), ("shown/b/", 2)),
        outcome("3", campaign="summer"),
        outcome("4", day="2027-01-16"),
    ]
    assert await store.outcomes.add(told) == 4
    assert await store.outcomes.add([]) == 0
    assert await counts(store) == {"revenue/a/": 10**15 - 250_000, "shown/a/": 1, "shown/b/": 2}
    assert await counts(store, "summer") == {"shown/a/": 1}
    days = await store.outcomes.read("spring", [DAY, "2027-01-16", "2027-01-17"])
    assert [len(day) for day in days] == [3, 1, 0]


async def test_the_same_mark_counts_once(open_store: OpenStore) -> None:
    """In one call, in the next, and from another worker; of another campaign it is another."""
    one, other = await open_store(), await open_store()
    assert await one.outcomes.add([outcome("m"), outcome("m"), outcome("n")]) == 2
    assert await other.outcomes.add([outcome("m"), outcome("o")]) == 1
    assert await other.outcomes.add([outcome("m", campaign="summer")]) == 1
    assert await counts(one) == {"shown/a/": 3}


@pytest.mark.parametrize(
    ("first_ms", "again_ms", "is_repeat"),
    [
        (0, HORIZON_MS - 1, True),
        (HORIZON_MS - 1, HORIZON_MS, True),
        (0, 2 * HORIZON_MS - 1, True),
        (HORIZON_MS - 1, 2 * HORIZON_MS, False),
    ],
)
async def test_a_repeat_is_known_for_one_to_two_horizons(
    store: ProfileStore, first_ms: int, again_ms: int, *, is_repeat: bool
) -> None:
    """Never for less than one."""
    await store.outcomes.add([outcome("m", at_ms=NOW_MS + first_ms)])
    fresh = await store.outcomes.add([outcome("m", at_ms=NOW_MS + again_ms)])
    assert fresh == (0 if is_repeat else 1)


async def test_nothing_is_lost_or_counted_twice_by_many_at_once(open_store: OpenStore) -> None:
    """Workers that hand in overlapping outcomes at the same time."""
    workers = [await open_store() for _ in range(3)]
    shares: Sequence[Sequence[Outcome]] = [
        [outcome(f"{number}") for number in range(start, start + 400)] for start in (0, 100, 200)
    ]
    fresh = await asyncio.gather(
        *(worker.outcomes.add(share) for worker, share in zip(workers, shares, strict=True))
    )
    assert sum(fresh) == 600
    assert await counts(workers[0]) == {"shown/a/": 600}


async def test_the_number_of_counts_is_bounded(store: ProfileStore) -> None:
    """What finds no place is counted as that; what is there already goes on."""
    for start in range(0, MAX_FIELDS, 1_000):
        fields = tuple((f"shown/a/s{number}", 1) for number in range(start, start + 1_000))
        await store.outcomes.add([outcome(f"{start}", *fields)])
    more = (("shown/b/new", 7), ("shown/b/", 7), ("shown/a/s0", 1))
    await store.outcomes.add([outcome("more", *more)])
    found = await counts(store)
    assert (found["shown/a/s0"], found[BEYOND], "shown/b/new" in found) == (2, 1, False)
    assert found["shown/b/"] == 7  # those of all visitors always find one


async def test_counts_and_marks_expire(open_redis: OpenRedisStore, key_prefix: str) -> None:
    """The counts after the days of the setting, the marks after hours."""
    store = await open_redis()
    await store.outcomes.add([outcome("m")])
    (master,) = store._behind.masters()
    keys = [
        f"{key_prefix}outcomes:{{spring}}:{rest}" for rest in (DAY, f"once:{NOW_MS // HORIZON_MS}")
    ]
    ttl_ms = await master.execute(*(("PTTL", key) for key in keys))
    assert 399 * 86_400_000 < ttl_ms[0] <= 400 * 86_400_000
    assert 2 * HORIZON_MS < ttl_ms[1] <= 3 * HORIZON_MS
