"""The verified fake of the profile store: a dictionary, for tests.

It passes the same conformance suite as the real stores. Time passes only by
the ``now_ms`` of the calls and the clock it is given.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from edgeseg.clock import Clock, system_clock
from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.fold import fold
from edgeseg.profiles.past import EMPTY_PAST, Past, bring_up, join, move_on
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.retention import Retention

_DEFAULT_RETENTION: Final = Retention()


class _Kept(msgspec.Struct, kw_only=True):
    """What is remembered of one visitor: as in a stored value, but decoded."""

    profile: Profile = EMPTY_PROFILE
    past: Past = EMPTY_PAST
    tail: list[Event] = []
    kept_since_ms: int
    refreshed_ms: int
    expires_ms: int


class MemoryStore:
    """The port `ProfileStore` over a dictionary."""

    def __init__(
        self, *, retention: Retention = _DEFAULT_RETENTION, clock: Clock = system_clock
    ) -> None:
        """Start empty; ``clock`` decides how long an erasure turns late writes away."""
        self._retention = retention
        self._clock = clock
        self._visitors: dict[str, _Kept] = {}
        self._graves: dict[str, int] = {}

    async def record(
        self, visitor_id: str, events: Sequence[Event], *, plan: MetricPlan, now_ms: int
    ) -> Profile:
        """Add ``events`` and answer the profile with them folded in."""
        if self._graves.get(visitor_id, 0) > self._clock():
            return fold(EMPTY_PROFILE, events, plan)
        kept = self._visitors.get(visitor_id)
        if kept is None or kept.expires_ms <= now_ms:
            kept = self._visitors[visitor_id] = _Kept(
                kept_since_ms=now_ms,
                refreshed_ms=now_ms,
                expires_ms=now_ms + self._retention.first_ttl_ms,
            )
        kept.tail += events
        profile = bring_up(kept.profile, kept.tail, plan, lambda: kept.past)
        if self._retention.is_due(len(kept.tail), kept.refreshed_ms, now_ms):
            self._compact(kept, profile, plan, now_ms)
        return profile

    def _compact(self, kept: _Kept, folded: Profile, plan: MetricPlan, now_ms: int) -> None:
        history = join(kept.past, kept.tail, kept.profile)
        kept.past = move_on(kept.past, history, plan, self._retention, now_ms)
        kept.profile, kept.tail, kept.refreshed_ms = folded, [], now_ms
        kept.expires_ms = now_ms + self._retention.ttl_ms(kept.kept_since_ms, now_ms)

    async def read(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the profile without changing anything, None where there is none."""
        kept = self._visitors.get(visitor_id)
        if kept is None:
            return None
        return bring_up(kept.profile, kept.tail, plan, lambda: kept.past)

    def recall(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:  # noqa: ARG002
        """Answer None: this store always answers, so nobody asks."""
        return None

    async def history(self, visitor_id: str) -> tuple[Event, ...]:
        """Answer the retained events of the visitor, oldest first."""
        kept = self._visitors.get(visitor_id)
        return join(kept.past, kept.tail, kept.profile) if kept else ()

    async def erase(self, visitor_id: str) -> bool:
        """Forget the visitor and turn late writes away for a while."""
        self._graves[visitor_id] = self._clock() + self._retention.grace_ms
        return self._visitors.pop(visitor_id, None) is not None

    async def visitor_ids(self) -> AsyncIterator[str]:
        """Iterate over the ids of all visitors remembered when it began."""
        for visitor_id in list(self._visitors):
            yield visitor_id

    async def open(self) -> None:
        """Do nothing: there is nowhere to connect to."""

    async def ping(self) -> None:
        """Return: a dictionary always answers."""

    async def close(self) -> None:
        """Keep everything; there is nothing to let go of."""
