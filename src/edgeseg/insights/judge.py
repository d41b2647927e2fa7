"""What a visitor's events mean for campaigns: what to count, and what to remember. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Final, NamedTuple

import msgspec

from edgeseg.decisions.campaign import Goal
from edgeseg.decisions.outcome_plan import (
    CLICKED,
    CONVERTED,
    DISMISSED,
    EARNED,
    HELD_OUT,
    JOINED,
    REFUNDED,
    RESPONDED,
    SHOWN,
    TAKEN,
    CampaignPlan,
    OutcomePlan,
)
from edgeseg.events.event import Event, Value, shorten_id
from edgeseg.insights.attribution import (
    credit,
    identity_of,
    is_told_again,
    last_of_each,
    touches_before,
)
from edgeseg.insights.refunds import (
    Amount,
    amounts_of,
    left_of,
    notes_of,
    refunded_of,
    revenue_of,
    taken_by,
    thing_of,
)
from edgeseg.insights.tally import MAX_SEGMENTS, MICRO, Kind, adds
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.outcome_store import HORIZON_MS, Outcome
from edgeseg.profiles.profile import Profile
from edgeseg.segments.calendar import day_of

_KINDS: Final = {SHOWN: Kind.SHOWN, CLICKED: Kind.CLICKED, DISMISSED: Kind.DISMISSED}


class Witnessed(msgspec.Struct, frozen=True, kw_only=True):
    """One request, as far as campaigns are concerned.

    Attributes:
        visitor: what assignments stick to, see `personalize.bucket_id_of`.
        events: what happened.
        profile: with the events folded in.
        segments: that the visitor is in now, most important first.
        withheld: campaign that a holdout kept from the visitor just now → the holdout.
        now_ms: the instant of the request.
    """

    visitor: str
    events: Sequence[Event]
    profile: Profile
    segments: Sequence[str]
    now_ms: int
    withheld: Mapping[str, str] = {}


class News(NamedTuple):
    """What follows from it.

    Attributes:
        events: to be recorded for the visitor.
        outcomes: to be counted.
        late: exposures too old to tell whether they were counted before.
    """

    events: Sequence[Event]
    outcomes: Sequence[Outcome]
    late: int


def judge(seen: Witnessed, plan: OutcomePlan, metrics: MetricPlan, time_zone: tzinfo = UTC) -> News:
    """Answer what follows from a request for campaigns.

    Args:
        seen: the request.
        plan: what the rules want to know.
        metrics: the plan that the profile follows.
        time_zone: of the site, for days.
    """
    work = _Judging(seen, plan, metrics, time_zone)
    for event in seen.events:
        if event.name in _KINDS:
            work.expose(event)
    for campaign, holdout in seen.withheld.items():
        work.hold_out(plan.campaigns[campaign], holdout)
    for event in seen.events:
        if event.name in plan.goals:
            work.reach(event)
    for event in seen.events:
        if event.name in plan.refunds:
            work.refund(event)
    return News(work.events, work.outcomes, work.late)


class _Joined(NamedTuple):
    """When a visitor joined those who saw a variant, and in which segments they were then."""

    at_ms: int
    segments: tuple[str, ...]


class _Judging:
    """The working copy of one call of `judge`; nothing of it outlives the call."""

    def __init__(
        self, seen: Witnessed, plan: OutcomePlan, metrics: MetricPlan, time_zone: tzinfo
    ) -> None:
        self._seen = seen
        self._plan = plan
        self._metrics = metrics
        self._time_zone = time_zone
        self._joined_now: dict[tuple[str, str], _Joined] = {}
        self.events: list[Event] = []
        self.outcomes: list[Outcome] = []
        self.late = 0

    def expose(self, event: Event) -> None:
        """Count that a variant was shown, clicked on or dismissed."""
        properties, seen = event.properties, self._seen
        plan = self._plan.campaigns.get(str(properties.get("campaign")))
        variant, slot = properties.get("variant"), properties.get("slot")
        if plan is None or slot != plan.campaign.slot:
            return
        if not any(variant == each.id for each in plan.campaign.variants):
            return
        if seen.now_ms - event.at_ms > HORIZON_MS:
            self.late += 1
            return
        variant = str(variant)
        which = event.message_id or event.at_ms
        amounts = {_KINDS[event.name]: 1}
        self._count(
            plan, f"{event.name}/{variant}/{which}", event.at_ms, amounts, variant, seen.segments
        )
        if event.name == SHOWN:
            self._join(plan, variant, event.at_ms, "")

    def hold_out(self, plan: CampaignPlan, holdout: str) -> None:
        """Count a visitor to whom a holdout does not show the campaign."""
        self._join(plan, HELD_OUT, self._seen.now_ms, holdout)

    def reach(self, event: Event) -> None:
        """Credit campaigns with an event, if it reaches a goal of theirs."""
        fed = {
            self._metrics.metrics[at].key
            for at in self._metrics.feeds(event.name, event.properties)
        }
        if is_told_again(event, self._seen.profile):
            return
        for goal, metric in self._plan.goals[event.name]:
            if metric in fed:
                self._convert(goal, event)
                self._respond(goal, event)

    def refund(self, event: Event) -> None:
        """Take what a refund or cancellation takes off the revenue that was credited."""
        thing = thing_of(event)
        for goal in self._plan.refunds[event.name] if thing else ():
            for plan in self._plan.rivals.get(goal.id, ()):
                for variant in plan.earned:
                    for earned in amounts_of(thing, self._notes(plan, variant, EARNED))[:1]:
                        self._take_off(goal, plan, variant, event, earned)

    def _convert(self, goal: Goal, event: Event) -> None:
        rivals = self._plan.rivals[goal.id]
        touches = touches_before(self._seen.profile, rivals, event.at_ms, goal.window_ms)
        credited = credit(touches, goal.credit)
        touched = {touch.campaign: touch for touch in (*last_of_each(touches), *credited)}
        for campaign, touch in touched.items():
            id_ = shorten_id(f"{CONVERTED}/{goal.id}/{identity_of(event)}/{campaign}")
            if id_ in self._seen.profile.recent_ids:
                continue
            plan, is_credited = self._plan.campaigns[campaign], touch in credited
            told: dict[str, Value] = {"goal": goal.id, "credited": is_credited}
            revenue = revenue_of(event, goal, self._seen.profile) if is_credited else 0
            if revenue:
                told["revenue"] = revenue / MICRO
            thing = thing_of(event) if plan.earned else ""
            if revenue and thing:
                before = refunded_of(event, goal, self._seen.profile) or 0
                told[EARNED] = str(Amount(thing, revenue, event.at_ms, before))
            self._record(CONVERTED, plan, touch.variant, event.at_ms, id_, told)
            if is_credited:
                joined = self._joined(plan, touch.variant)
                amounts = {Kind.CONVERSIONS: 1, Kind.REVENUE: revenue}
                segments = joined.segments if joined else ()
                self._count(plan, id_, event.at_ms, amounts, touch.variant, segments)

    def _take_off(
        self, goal: Goal, plan: CampaignPlan, variant: str, event: Event, earned: Amount
    ) -> None:
        which = event.message_id or str(event.at_ms)
        id_ = shorten_id(f"{REFUNDED}/{goal.id}/{earned.thing}/{which}/{plan.campaign.id}")
        if id_ in self._seen.profile.recent_ids or any(id_ == e.message_id for e in self.events):
            return
        before = amounts_of(earned.thing, self._notes(plan, variant, TAKEN))
        left = left_of(earned, before, event, goal, self._seen.profile)
        # Of what came with the order, or before it, nothing is left; that it came has to be known.
        taken = taken_by(event, goal, left)
        told: dict[str, Value] = {"goal": goal.id, "revenue": -taken / MICRO}
        told[TAKEN] = str(Amount(earned.thing, taken, event.at_ms))
        self._record(REFUNDED, plan, variant, event.at_ms, id_, told)
        if taken:
            joined = self._joined(plan, variant)
            segments = joined.segments if joined else ()
            self._count(plan, id_, earned.at_ms, {Kind.REVENUE: -taken}, variant, segments)

    def _notes(self, plan: CampaignPlan, variant: str, name: str) -> list[str]:
        """Answer what is noted of a variant under a property, by this request too."""
        return notes_of(plan, variant, name, self._seen.profile, self.events)

    def _respond(self, goal: Goal, event: Event) -> None:
        """Count the visitor among those who reached the goal after seeing a variant, or not."""
        for plan in self._plan.rivals[goal.id]:
            for variant, joined in self._all_joined(plan):
                is_in_time = joined.at_ms <= event.at_ms < joined.at_ms + goal.window_ms
                if not is_in_time or plan.responded[variant] in self._seen.profile.metrics:
                    continue
                id_ = shorten_id(f"{RESPONDED}/{plan.campaign.id}/{variant}")
                if any(each.message_id == id_ for each in self.events):
                    continue
                self._record(RESPONDED, plan, variant, event.at_ms, id_, {"goal": goal.id})
                amounts = {Kind.RESPONDERS: 1}
                self._count(plan, id_, joined.at_ms, amounts, variant, joined.segments)

    def _join(self, plan: CampaignPlan, variant: str, at_ms: int, holdout: str) -> None:
        if variant not in plan.joined or self._joined(plan, variant):
            return
        joined = _Joined(at_ms, tuple(self._seen.segments[:MAX_SEGMENTS]))
        self._joined_now[plan.campaign.id, variant] = joined
        id_ = shorten_id(f"{JOINED}/{plan.campaign.id}/{variant}")
        told: dict[str, Value] = {"segments": ",".join(joined.segments)}
        if holdout:
            told["holdout"] = holdout
        self._record(JOINED, plan, variant, at_ms, id_, told)
        self._count(plan, id_, at_ms, {Kind.VISITORS: 1}, variant, joined.segments)

    def _all_joined(self, plan: CampaignPlan) -> Iterator[tuple[str, _Joined]]:
        for variant in plan.joined:
            joined = self._joined(plan, variant)
            if joined:
                yield variant, joined

    def _joined(self, plan: CampaignPlan, variant: str) -> _Joined | None:
        """Answer when the visitor joined, None for not yet."""
        now = self._joined_now.get((plan.campaign.id, variant))
        key = plan.joined.get(variant)
        state = None if key is None else self._seen.profile.metrics.get(key)
        if now or state is None:
            return now
        segments = state.distinct[0] if state.distinct else ""
        return _Joined(state.first_ms, tuple(filter(None, segments.split(","))))

    def _record(
        self,
        name: str,
        plan: CampaignPlan,
        variant: str,
        at_ms: int,
        id_: str,
        told: Mapping[str, Value],
    ) -> None:
        of: dict[str, Value] = {"campaign": plan.campaign.id, "variant": variant}
        self.events.append(Event(name, at_ms, {**of, **told}, id_))

    def _count(
        self,
        plan: CampaignPlan,
        which: str,
        at_ms: int,
        amounts: Mapping[Kind, int],
        variant: str,
        segments: Sequence[str],
    ) -> None:
        day = day_of(at_ms, self._time_zone)
        mark = f"{which}/{self._seen.visitor}"
        counted = adds(amounts, variant, segments)
        self.outcomes.append(Outcome(plan.campaign.id, day, self._seen.now_ms, mark, counted))
