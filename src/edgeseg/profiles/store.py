"""The port to wherever profiles are kept.

One conformance suite (``tests/conformance``) runs over every implementation.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.profile import Profile


class ProfileStore(Protocol):
    """Keeps one profile per visitor id.

    Every method raises `StoreError` when the store does not do its work. Besides it
    only `InputError` leaves `record`: an event holds what cannot be stored.
    """

    async def record(
        self, visitor_id: str, events: Sequence[Event], *, plan: MetricPlan, now_ms: int
    ) -> Profile:
        """Add ``events`` and answer the profile with them folded in, in one round trip.

        Atomic: concurrent calls for one visitor lose nothing, and each answer
        holds at least its own events. Creates the profile where there is none.
        The profile of a visitor erased a moment ago is not brought back: the
        answer is then the fold of ``events`` alone, and nothing is kept.
        """
        ...

    async def read(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the profile without changing anything, None where there is none."""
        ...

    async def history(self, visitor_id: str) -> tuple[Event, ...]:
        """Answer the retained events of the visitor, oldest first."""
        ...

    async def erase(self, visitor_id: str) -> bool:
        """Remove all that is stored of the visitor; answer whether there was anything.

        A write that arrives late does not bring the profile back.
        """
        ...

    def visitor_ids(self) -> AsyncIterator[str]:
        """Iterate over the ids of all stored profiles, in no order."""
        ...

    async def open(self) -> None:
        """Connect. A store that does not answer yet is not an error: it is tried again."""
        ...

    async def ping(self) -> None:
        """Return if the store answers."""
        ...

    async def close(self) -> None:
        """Let go of connections, after finishing what is under way."""
        ...
