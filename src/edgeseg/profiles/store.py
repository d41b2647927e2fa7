"""The port to wherever profiles are kept.

One conformance suite (``tests/conformance``) runs over every implementation.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.breaker import Breaker
from edgeseg.profiles.list_store import ListStore
from edgeseg.profiles.outcome_store import OutcomeStore
from edgeseg.profiles.product_store import ProductStore
from edgeseg.profiles.profile import Profile
from edgeseg.telemetry import Telemetry


class ProfileStore(Protocol):
    """Keeps one profile per visitor id.

    Every method raises `StoreError` when the store does not do its work; that of `record`
    is `WriteRefused` where reading may still work. Besides it only `InputError` leaves
    `record`: an event holds what cannot be stored.
    """

    @property
    def outcomes(self) -> OutcomeStore:
        """The counts of what campaigns brought, kept beside the profiles."""
        ...

    @property
    def products(self) -> ProductStore:
        """Where the catalogue and counts of products are kept."""
        ...

    @property
    def lists(self) -> ListStore:
        """The lists that visitors are put on from outside."""
        ...

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

    async def append(
        self, happened: Mapping[str, Sequence[Event]], *, plan: MetricPlan, now_ms: int
    ) -> set[str]:
        """Add events to many visitors without telling their profiles: `record` for bulk.

        Of each visitor all events are added, or none. Answers those who were erased a moment
        ago, of whom nothing is kept. Events that must not count twice have message ids: where
        a visitor is being merged, or the call is repeated after a `StoreError`, they may
        arrive twice.
        """
        ...

    async def read(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the profile without changing anything, None where there is none.

        What another worker has just changed may be missing, for as long as news of it take;
        seconds, where the store cannot tell.
        """
        ...

    async def read_anew(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the same with all that is stored: for whoever writes what follows from it."""
        ...

    def recall(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Answer the profile from memory for want of the store; None where it is not young enough.

        What others have changed since, an erasure included, is missing in it.
        """
        ...

    async def history(self, visitor_id: str) -> tuple[Event, ...]:
        """Answer the retained events of the visitor, oldest first."""
        ...

    async def erase(self, visitor_id: str, *, away_ms: int = 0) -> bool:
        """Remove all that is stored of the visitor; answer whether there was anything.

        Former ids and entries of the index go, too. A write that arrives late does not
        bring the profile back: writes are turned away for ``away_ms``, 0 for the time
        that the retention says. That does not end earlier what an erasure before has said.
        """
        ...

    async def admit(self, visitor_id: str) -> None:
        """Let a visitor be recorded again at once after an erasure."""
        ...

    async def merge(
        self,
        one_id: str,
        other_id: str,
        *,
        plan: MetricPlan,
        now_ms: int,
        apart: bool = False,
    ) -> str:
        """Make two visitors one (see `merge`); answer the id that stays.

        That is the `identity.KNOWN` one, else the first by the alphabet. The other id leads
        to the same profile from now on: `record` and `read` follow it and tell so in
        `Profile.found_at`. Of an erased visitor nothing comes back; who is merged with one
        is erased as well. The latest `MAX_ALIASES` former ids lead to a profile.

        With ``apart`` two known people stay two, whatever else is merged at the same time;
        answered is then where ``other_id`` leads to.
        """
        ...

    async def find(self, visitor_id: str) -> str:
        """Answer the id that a former one leads to, any other id as it is."""
        ...

    async def index(self, entry: str, visitor_id: str, *, plan: MetricPlan, now_ms: int) -> None:
        """Let the visitor be found by ``entry`` for as long as the profile is kept."""
        ...

    async def look_up(self, entry: str) -> list[str]:
        """Answer the visitors that ``entry`` names, in no order; they may be gone."""
        ...

    def visitor_ids(self) -> AsyncIterator[str]:
        """Iterate over the ids of all stored profiles, in no order."""
        ...

    def observe(self, telemetry: Telemetry) -> None:
        """Count in ``telemetry`` what happens from now on."""
        ...

    async def open(self) -> None:
        """Connect. A store that does not answer yet is not an error: it is tried again."""
        ...

    @property
    def breaker(self) -> Breaker:
        """Whether page views reach the store now, or fail at once."""
        ...

    async def ping(self) -> None:
        """Return if the store answers."""
        ...

    async def close(self) -> None:
        """Let go of connections, after finishing what is under way."""
        ...
