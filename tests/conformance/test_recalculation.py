"""A recalculation lets every profile catch up, wherever Redis runs, whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC

import pytest
from msgspec.structs import replace

from edgeseg.audiences.pace import Pace
from edgeseg.audiences.recalculation import Recalculation
from edgeseg.clock import HOUR_MS, system_clock
from edgeseg.decisions.snapshot import Snapshot, build_snapshot
from edgeseg.errors import StoreError
from edgeseg.events.event import CONSENT_CHANGED, Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.redis_connect import build_redis_sweep
from edgeseg.profiles.redis_sweep import RedisSweep
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.store import ProfileStore
from tests.conformance.conftest import DEFAULTS, OpenRedisStore, OpenStore

RULES = {
    "rules.yaml": """
segments:
  - {id: readers, when: {event: page_viewed, where: {path: /x}, count: {gte: 2}}}
  - {id: everyone, when: {all: []}}
"""
}
VISITORS = 120
EAGER = Retention(tail_lines=1)
"""Every profile is folded at once, by whatever rules there are."""


@pytest.fixture(scope="module")
def rules() -> Snapshot:
    """Rules that ask about the past."""
    return build_snapshot(RULES, {})


@pytest.fixture(
    params=[
        "embedded",
        *(
            pytest.param(kind, marks=pytest.mark.needs("redis-server"))
            for kind in ("debian", "tls", "sentinel", "cluster")
        ),
    ]
)
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of a real store; that in memory has nothing to walk over."""
    url: str = request.getfixturevalue(f"{request.param}_server").url
    return url


@pytest.fixture
async def sweep(store_url: str, key_prefix: str) -> AsyncIterator[RedisSweep]:
    """What walks over the profiles of the store under test."""
    made = build_redis_sweep(store_url, prefix=key_prefix, timeout_s=20)
    await made.open()
    yield made
    await made.close()


def _part(
    sweep: RedisSweep, rules: Snapshot, *, report: bool = True, consent_ms: int = 0
) -> Recalculation:
    return Recalculation(
        sweep,
        rules,
        time_zone=UTC,
        consent_ms=consent_ms,
        clock=system_clock,
        pace=Pace(1e9),
        report=report,
    )


def _view(number: int, path: str = "/x") -> Event:
    return Event("page_viewed", system_clock() - 60_000 + number, {"path": path})


async def _fill(store: ProfileStore, visitors: int = VISITORS) -> None:
    """Store visitors by rules that ask for nothing; every third has read `/x` twice."""
    for number in range(visitors):
        events = [_view(0), _view(1, "/x" if number % 3 == 0 else "/y")]
        await store.record(f"v{number}", events, plan=EMPTY_PLAN, now_ms=system_clock())


async def test_all_profiles_catch_up_with_new_rules(
    open_store: OpenStore, sweep: RedisSweep, rules: Snapshot
) -> None:
    """New metrics are computed from the journal, and the members of segments are counted."""
    store = await open_store(EAGER)
    await _fill(store)
    done = await _part(sweep, rules).run()
    assert done.counts.looked == done.counts.caught_up == VISITORS
    assert done.counts.segments == {"readers": VISITORS // 3, "everyone": VISITORS}
    again = await _part(sweep, rules).run()
    assert again.counts.looked == VISITORS
    assert again.counts.caught_up == 0
    assert again.id != done.id


async def test_a_report_counts_no_consents_that_have_expired(
    open_store: OpenStore, sweep: RedisSweep
) -> None:
    """A member is who a page view would find in the segment now."""
    rules = build_snapshot({"a.yaml": "segments: [{id: agreed, when: {consent: m}}]"}, {})
    store = await open_store(DEFAULTS)
    now_ms = system_clock()
    for visitor, at_ms in (("old", now_ms - 2 * HOUR_MS), ("fresh", now_ms)):
        told = Event(CONSENT_CHANGED, at_ms, {"m": True})
        await store.record(visitor, [told], plan=rules.plan, now_ms=now_ms)
    done = await _part(sweep, rules, consent_ms=HOUR_MS).run()
    assert done.counts.segments == {"agreed": 1}


async def test_several_parts_share_one_recalculation(
    open_store: OpenStore, sweep: RedisSweep, rules: Snapshot
) -> None:
    """Whoever comes while one is under way takes part in it; each profile counts once."""
    store = await open_store(EAGER)
    await _fill(store)
    parts = await asyncio.gather(*(_part(sweep, rules).run() for _ in range(3)))
    assert len({part.id for part in parts}) == 1
    assert {part.counts.looked for part in parts} == {VISITORS}


async def test_events_recorded_meanwhile_are_counted_exactly(
    open_store: OpenStore, sweep: RedisSweep, rules: Snapshot
) -> None:
    """A profile is replaced only as far as it was read; what came later stays behind it."""
    store = await open_store(DEFAULTS)
    await _fill(store, 40)
    plans = [
        replace(rules, version=str(n), plan=replace(rules.plan, id=f"plan-{n}")) for n in range(5)
    ]

    async def browse(visitor: int) -> None:
        for number in range(25):
            event = _view(number + 2)
            await store.record(f"v{visitor}", [event], plan=rules.plan, now_ms=system_clock())

    async def recalculate() -> None:
        for each in plans:
            await _part(sweep, each).run()

    await asyncio.gather(recalculate(), *(browse(visitor) for visitor in range(40)))
    for visitor in range(40):
        profile = await store.read(f"v{visitor}", plan=rules.plan)
        assert profile is not None
        assert profile.totals["page_viewed"].count == 27


async def test_later_rules_take_over(
    open_store: OpenStore, sweep: RedisSweep, rules: Snapshot
) -> None:
    """A recalculation by older rules ends, rather than undo what the newer one does."""
    store = await open_store(EAGER)
    await _fill(store, 10)
    older, newer = _part(sweep, rules), _part(sweep, replace(rules, version="later"))
    begun = await older._join(restart=False)
    await newer._join(restart=False)
    with pytest.raises(StoreError, match="taken over"):
        await older._take(begun.id)


async def test_profiles_live_no_longer_for_it(
    open_redis: OpenRedisStore, redis_url: str, key_prefix: str, rules: Snapshot
) -> None:
    """A visitor who never comes back is forgotten when they would have been."""
    store = await open_redis(Retention(tail_lines=1, retention_ms=100_000))
    await store.record("v", [_view(0), _view(1)], plan=EMPTY_PLAN, now_ms=system_clock())
    await store.upkeep.drain()
    key = f"{key_prefix}p:{{v}}"
    router = store._router
    await router.execute(key, ("PEXPIRE", key, 50_000))
    sweep = build_redis_sweep(redis_url, prefix=key_prefix)
    await sweep.open()
    done = await _part(sweep, rules).run()
    await sweep.close()
    assert done.counts.caught_up == 1
    (left_ms,) = await router.execute(key, ("PTTL", key))
    assert 0 < left_ms <= 50_000


async def test_damaged_profiles_are_left_and_counted(
    open_redis: OpenRedisStore, redis_url: str, key_prefix: str, rules: Snapshot
) -> None:
    """One that cannot be read stops nothing; its next page view puts it aside."""
    store = await open_redis(EAGER)
    await _fill(store, 3)
    key = f"{key_prefix}p:{{junk}}"
    await store._router.execute(key, ("SET", key, "E2junk"))
    sweep = build_redis_sweep(redis_url, prefix=key_prefix)
    await sweep.open()
    done = await _part(sweep, rules).run()
    await sweep.close()
    assert (done.counts.looked, done.counts.unreadable) == (4, 1)
    assert await store._router.execute(key, ("GET", key)) == [b"E2junk"]


async def test_a_restarted_server_is_walked_anew(
    embedded_server: EmbeddedServer, open_redis: OpenRedisStore, key_prefix: str, rules: Snapshot
) -> None:
    """A place in the table of a server that has ended means nothing in the next one."""
    sweep = build_redis_sweep(embedded_server.url, prefix=key_prefix)
    await sweep.open()
    (place,) = await sweep.places()
    following, keys = await sweep.scan(place._replace(life="before", cursor="77"), 10)
    await sweep.close()
    assert following == place
    assert keys == []
