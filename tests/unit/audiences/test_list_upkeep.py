"""Lists reach visitors who came after them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from edgeseg.audiences.list_upkeep import ListUpkeep
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.memory_store import MemoryStore


async def _ann() -> AsyncIterator[Sequence[str]]:
    yield ["ann"]


async def test_a_member_whose_profile_is_new_is_told() -> None:
    """All lists are looked at now and then."""
    store = MemoryStore()
    await store.lists.put("gold", _ann(), now_ms=1)
    await store.record("ann", [], plan=EMPTY_PLAN, now_ms=1)
    upkeep = asyncio.create_task(ListUpkeep(store.lists, lambda: 1, 0.01).run())
    async with asyncio.timeout(20):
        while not (await store.lists.all())[0].applied:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.001)
    upkeep.cancel()
    await asyncio.wait([upkeep])
    profile = await store.read("ann", plan=EMPTY_PLAN)
    assert profile is not None
    assert profile.lists == ("gold",)
