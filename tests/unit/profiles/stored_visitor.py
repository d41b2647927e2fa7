"""A visitor as a store keeps one, without the bytes: folded away from time to time."""

from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.past import EMPTY_PAST, bring_up, join, move_on
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.retention import Retention
from tests.conformance.plans import NOW_MS


class StoredVisitor:
    """One visitor; append to ``tail`` what happens."""

    def __init__(self, journal_events: int) -> None:
        self.profile = EMPTY_PROFILE
        self.past = EMPTY_PAST
        self.tail: list[Event] = []
        self.retention = Retention(journal_events=journal_events, journal_age_ms=10**13)

    def read(self, plan: MetricPlan) -> Profile:
        """Answer the profile as these rules ask."""
        return bring_up(self.profile, self.tail, plan, lambda: self.past)

    def compact(self, plan: MetricPlan) -> None:
        """Fold the tail away."""
        profile = self.read(plan)
        history = join(self.past, self.tail, self.profile)
        self.past = move_on(self.past, history, plan, self.retention, NOW_MS)
        self.profile, self.tail = profile, []
