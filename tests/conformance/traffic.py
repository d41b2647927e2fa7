"""Page views of several visitors without a pause, and an account of what was acknowledged."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from edgeseg.errors import StoreError
from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.redis_store import RedisStore
from tests.conformance.plans import NOW_MS

_PAUSE_S = 0.002


class Traffic:
    """Each visitor has an event of their own, so that a foreign answer shows.

    Attributes:
        acknowledged: events of each visitor whose `record` returned.
        failed: events of each visitor whose `record` raised; some may have been stored.
    """

    def __init__(self, store: RedisStore, visitors: Sequence[str]) -> None:
        """Send page views of ``visitors`` to ``store``."""
        self._store = store
        self.visitors = visitors
        self.acknowledged: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    async def record(self, visitor: str) -> bool:
        """Record one event; answer whether it was acknowledged."""
        event = Event(f"seen_{visitor}", NOW_MS)
        try:
            profile = await self._store.record(visitor, [event], plan=EMPTY_PLAN, now_ms=NOW_MS)
        except StoreError:
            self.failed[visitor] += 1
            return False
        assert set(profile.totals) == {event.name}, "the answer is another visitor's"
        self.acknowledged[visitor] += 1
        return True

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Let every visitor view one page after the other, until the end of the context."""
        stopped = asyncio.Event()
        flows = [asyncio.create_task(self._flow(visitor, stopped)) for visitor in self.visitors]
        try:
            yield
        finally:
            stopped.set()
            await asyncio.gather(*flows)

    async def until_all_are_acknowledged(self, timeout_s: float = 30) -> float:
        """Wait until one more event of every visitor is acknowledged; answer how long it took."""
        loop = asyncio.get_running_loop()
        before, started_s = self.acknowledged.copy(), loop.time()
        while any(self.acknowledged[each] <= before[each] for each in self.visitors):
            assert loop.time() - started_s < timeout_s, f"not back within {timeout_s} s"
            await asyncio.sleep(0.005)
        return loop.time() - started_s

    async def stored(self) -> Counter[str]:
        """Answer how many events of each visitor the store holds."""
        await self._store.upkeep.drain()
        found: Counter[str] = Counter()
        for visitor in self.visitors:
            profile = await self._store.read(visitor, plan=EMPTY_PLAN)
            if profile is not None:
                assert set(profile.totals) == {f"seen_{visitor}"}
                found[visitor] = profile.totals[f"seen_{visitor}"].count
        return found

    async def _flow(self, visitor: str, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            await self.record(visitor)
            await asyncio.sleep(_PAUSE_S)
