"""What has to be known of a visitor to tell what campaigns bring, compiled with the rules."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from edgeseg.decisions.campaign import Campaign, Goal
from edgeseg.events.keyed import KEYED_EVENTS, Role
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.condition import Test, Where

SHOWN: Final = "campaign_shown"
CLICKED: Final = "campaign_clicked"
DISMISSED: Final = "campaign_dismissed"
CONVERTED: Final = "campaign_converted"
"""Recorded for each campaign that a conversion is credited to."""
JOINED: Final = "campaign_joined"
"""Recorded once for each visitor and variant: when it was first shown, or would have been."""
RESPONDED: Final = "campaign_responded"
"""Recorded once for each visitor and variant: the goal was reached soon enough after joining."""
REFUNDED: Final = "campaign_refunded"
"""Recorded for each campaign whose revenue a refund or a cancellation is taken off."""
EARNED: Final = "earned"
"""Property of `CONVERTED` that says which order, or the like, earned what; see `refunds`."""
TAKEN: Final = "taken"
"""Property of `REFUNDED` that says what was taken off which."""
HELD_OUT: Final = ""
"""Stands in the place of the variant for visitors to whom a holdout shows no campaign."""
KEPT: Final = 10
"""Latest instants kept of each variant's being shown."""


class GoalPlan(NamedTuple):
    """A goal, and the key of the metric over its events."""

    goal: Goal
    metric: int


class CampaignPlan(NamedTuple):
    """What is known of a visitor about one campaign, as keys of metrics by variant.

    Attributes:
        shown: when it was shown lately; empty without a goal.
        joined: when the visitor joined those who were shown it, `HELD_OUT` included;
            empty for a campaign without a goal that is no experiment.
        responded: whether the visitor reached the goal after that; empty without a goal.
        earned: what was credited of things that may be refunded; empty where none are.
        taken: what refunds took off that.
    """

    campaign: Campaign
    shown: Mapping[str, int]
    joined: Mapping[str, int]
    responded: Mapping[str, int]
    earned: Mapping[str, int]
    taken: Mapping[str, int]


class OutcomePlan(msgspec.Struct, frozen=True):
    """All of it.

    Attributes:
        campaigns: by id.
        goals: event → the goals that it may reach.
        rivals: goal → the campaigns that are after it.
        refunds: event that refunds or cancels → the goals whose revenue it is taken off.
        events: names of the events that may have to do with campaigns.
    """

    campaigns: Mapping[str, CampaignPlan]
    goals: Mapping[str, tuple[GoalPlan, ...]]
    rivals: Mapping[str, tuple[CampaignPlan, ...]]
    refunds: Mapping[str, tuple[Goal, ...]]
    events: frozenset[str]


def plan_outcomes(
    campaigns: Iterable[Campaign], goals: Mapping[str, Goal], compiler: Compiler
) -> OutcomePlan:
    """Answer the plan; the metrics it needs are the compiler's from now on."""
    refunds = _refunds(goals.values())
    refunded = {goal.id for each in refunds.values() for goal in each}
    plans = {
        each.id: _plan(each, compiler, is_refunded=each.goal in refunded) for each in campaigns
    }
    rivals: dict[str, list[CampaignPlan]] = {}
    for plan in plans.values():
        if plan.campaign.goal:
            rivals.setdefault(plan.campaign.goal, []).append(plan)
    by_event: dict[str, list[GoalPlan]] = {}
    for goal in map(goals.__getitem__, rivals):
        metric = compiler.instants(goal.event, goal.where, 0)
        by_event.setdefault(goal.event, []).append(GoalPlan(goal, metric))
    return OutcomePlan(
        campaigns=plans,
        goals={event: tuple(each) for event, each in by_event.items()},
        rivals={goal: tuple(each) for goal, each in rivals.items()},
        refunds=refunds,
        events=frozenset({SHOWN, CLICKED, DISMISSED, *by_event, *refunds} if plans else ()),
    )


def _refunds(goals: Iterable[Goal]) -> dict[str, tuple[Goal, ...]]:
    """Answer event → goals by things, such as orders, that the event takes money back for."""
    with_revenue = [goal for goal in goals if goal.revenue]
    found = {
        event: tuple(goal for goal in with_revenue if goal.event == kind.made_by)
        for event, (kind, role) in KEYED_EVENTS.items()
        if role in {Role.REFUNDED, Role.CANCELLED}
    }
    return {event: each for event, each in found.items() if each}


def _plan(campaign: Campaign, compiler: Compiler, *, is_refunded: bool) -> CampaignPlan:
    variants = [variant.id for variant in campaign.variants]
    groups = (*variants, HELD_OUT)
    shown: dict[str, int] = {}
    joined: dict[str, int] = {}
    responded: dict[str, int] = {}
    earned: dict[str, int] = {}
    taken: dict[str, int] = {}
    for each in variants if is_refunded else ():
        earned[each] = compiler.values(CONVERTED, _where(campaign, each), EARNED)
        taken[each] = compiler.values(REFUNDED, _where(campaign, each), TAKEN)
    if campaign.goal:
        shown = {each: compiler.instants(SHOWN, _tests(campaign, each), KEPT) for each in variants}
        responded = {
            each: compiler.instants(RESPONDED, _tests(campaign, each), 0) for each in groups
        }
    if campaign.goal or campaign.is_experiment:
        joined = {
            each: compiler.values(JOINED, _where(campaign, each), "segments") for each in groups
        }
    return CampaignPlan(campaign, shown, joined, responded, earned, taken)


def _where(campaign: Campaign, variant: str) -> dict[str, str]:
    return {"campaign": campaign.id, "variant": variant}


def _tests(campaign: Campaign, variant: str) -> Where:
    named = _where(campaign, variant)
    return tuple((name, (Test("eq", value),)) for name, value in named.items())
