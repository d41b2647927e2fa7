"""Work on stored profiles that no page view waits for.

Each job is one atomic script that does nothing if the value has changed in a
way that matters since it was read; so a job may fail, or be left out, at no
cost but another try after the next event.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final

from edgeseg.errors import (
    EdgesegError,
    ProfileCorrupt,
    StoreOverloaded,
    StoreTimeout,
    StoreUnavailable,
)
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.compaction import Reading, compact, read_profile
from edgeseg.profiles.near_cache import Copy, NearCache
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.router import Router
from edgeseg.profiles.script import Script

AT_ONCE: Final = 16
"""Jobs that run at the same time."""
MAX_JOBS: Final = 256
"""Jobs that run or wait; more are left out."""

_log = logging.getLogger(__name__)


class Upkeep:
    """Compacts, mends, buries and quarantines, a bounded number of values at once.

    Attributes:
        compacted: values folded together, so far.
        quarantined: corrupt values moved aside, so far.
        failed: jobs that raised, so far.
        on_quarantine: called for each value moved aside.
    """

    def __init__(
        self,
        router: Router,
        behind: Router,
        near: NearCache,
        retention: Retention,
    ) -> None:
        """Run scripts over ``behind``, but for compactions.

        Args:
            router: connections of the hot path: what is compacted over these leaves a copy.
            behind: others.
            near: keeps the copies.
            retention: what compaction keeps.
        """
        self._router = router
        self._near = near
        self._retention = retention
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._compact = Script(router, "compact")
        self._mend = Script(behind, "mend")
        self._bury = Script(behind, "bury")
        self._quarantine = Script(behind, "quarantine")
        self.compacted = 0
        self.quarantined = 0
        self.failed = 0
        self.on_quarantine: Callable[[], None] = lambda: None

    def compact(
        self,
        keys: tuple[str, str],
        stored: StoredProfile,
        reading: Reading,
        plan: MetricPlan,
        now_ms: int,
    ) -> None:
        """Put what ``reading`` of ``stored`` by ``plan`` found in its place, expiry set anew.

        ``keys`` are that of the profile, and that of its quarantine, where it goes if its
        retained past turns out to be corrupt, which nothing reads before.
        """
        if self._has_room(keys[0]):
            self._start(keys[0], self._run_compact(keys, stored, reading, plan, now_ms))

    def compact_copy(
        self, keys: tuple[str, str], copy: Copy, plan: MetricPlan, now_ms: int
    ) -> None:
        """Do the same with the value that ``copy`` by ``plan`` is of, if it is still that."""
        if self._has_room(keys[0]):
            self._start(keys[0], self._run_compact_copy(keys, copy, plan, now_ms))

    def mend(self, key: str, now_ms: int) -> None:
        """Give a value without a header a header and an expiry."""
        if self._has_room(key):
            header = codec.build_header(codec.fresh_generation(now_ms, random.getrandbits(20)))
            self._start(key, self._mend.run([key], header, self._retention.first_ttl_ms))

    def bury(self, key: str, tombstone: bytes) -> None:
        """Cut off what was appended to a tombstone, by others while that is under way, too."""
        under_way = self._jobs.get(key)
        if under_way is None and self._has_room(key):
            self._start(key, self._bury.run([key], tombstone))
        elif under_way is not None and key not in self._again:
            self._again.add(key)
            under_way.add_done_callback(lambda _job: self._bury_again(key, tombstone))

    def _bury_again(self, key: str, tombstone: bytes) -> None:
        self._again.discard(key)
        self.bury(key, tombstone)

    def quarantine(self, key: str, quarantine_key: str, value: bytes) -> None:
        """Move the corrupt ``value``, b"" for one that is no string, out of the way."""
        if self._has_room(key):
            self._start(key, self._run_quarantine(key, quarantine_key, value))

    async def drain(self) -> None:
        """Wait until no job is left."""
        while self._jobs:
            await asyncio.wait(list(self._jobs.values()))

    async def _run_compact(
        self,
        keys: tuple[str, str],
        stored: StoredProfile,
        reading: Reading,
        plan: MetricPlan,
        now_ms: int,
    ) -> None:
        generation = codec.next_generation(random.getrandbits(64))
        try:
            found = compact(reading, plan, self._retention, now_ms=now_ms, generation=generation)
        except ProfileCorrupt:
            await self._run_quarantine(*keys, stored.header)
            return
        key, size = keys[0], len(found.value)
        # Read from the end, the header tells that nothing was added behind the new value.
        read = ("GETRANGE", key, -size, codec.HEADER_BYTES - 1 - size)
        begun = self._near.begin(key)
        done, header = await self._compact.run_with(
            [key], stored.header, stored.size, found.value, found.ttl_ms, then=[read]
        )
        self.compacted += done
        if header == found.value[: codec.HEADER_BYTES]:
            copy = Copy(header, size, 0, reading.profile, now_ms)
            self._near.keep(key, begun, copy, memo_bytes=plan.memo_bytes)

    async def _run_compact_copy(
        self, keys: tuple[str, str], copy: Copy, plan: MetricPlan, now_ms: int
    ) -> None:
        (value,) = await self._router.execute(keys[0], ("GET", keys[0]))
        if value is None or not value.startswith(copy.header):
            return
        try:
            stored = codec.parse_value(value)
            folded = copy.profile if stored.size == copy.size else None
            reading = read_profile(stored, plan, folded)
        except ProfileCorrupt:
            await self._run_quarantine(*keys, copy.header)
            return
        await self._run_compact(keys, stored, reading, plan, now_ms)

    async def _run_quarantine(self, key: str, quarantine_key: str, value: bytes) -> None:
        done = await self._quarantine.run(
            [key, quarantine_key],
            value[: codec.HEADER_BYTES],
            self._retention.quarantine_ms,
        )
        self.quarantined += done
        if done:
            self.on_quarantine()
            _log.warning("a stored profile is damaged; it was put aside, and the visitor is new")

    def _has_room(self, key: str) -> bool:
        return key not in self._jobs and len(self._jobs) < MAX_JOBS

    def _start(self, key: str, job: Awaitable[object]) -> None:
        self._jobs[key] = asyncio.create_task(self._run(key, job))

    async def _run(self, key: str, job: Awaitable[object]) -> None:
        try:
            async with self._gate:
                await job
        except (StoreUnavailable, StoreTimeout, StoreOverloaded):
            self.failed += 1  # the connection tells of an outage, once
        except (EdgesegError, OverflowError) as error:
            self.failed += 1
            _log.warning("upkeep of a stored profile failed: %s", error)
        finally:
            del self._jobs[key]
