"""What has to be known of a visitor to tell what campaigns bring, compiled with the rules."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from edgeseg.decisions.campaign import Campaign, Goal
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.rule import Test

SHOWN: Final = "campaign_shown"
CLICKED: Final = "campaign_clicked"
DISMISSED: Final = "campaign_dismissed"
CONVERTED: Final = "campaign_converted"
"""Recorded for each campaign that a conversion is credited to."""
JOINED: Final = "campaign_joined"
"""Recorded once for each visitor and variant: when it was first shown, or would have been."""
RESPONDED: Final = "campaign_responded"
"""Recorded once for each visitor and variant: the goal was reached soon enough after joining."""
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
    """

    campaign: Campaign
    shown: Mapping[str, int]
    joined: Mapping[str, int]
    responded: Mapping[str, int]


class OutcomePlan(NamedTuple):
    """All of it.

    Attributes:
        campaigns: by id.
        goals: event → the goals that it may reach.
        rivals: goal → the campaigns that are after it.
        events: names of the events that may have to do with campaigns.
    """

    campaigns: Mapping[str, CampaignPlan]
    goals: Mapping[str, tuple[GoalPlan, ...]]
    rivals: Mapping[str, tuple[CampaignPlan, ...]]
    events: frozenset[str]


def plan_outcomes(
    campaigns: Iterable[Campaign], goals: Mapping[str, Goal], compiler: Compiler
) -> OutcomePlan:
    """Answer the plan; the metrics it needs are the compiler's from now on."""
    plans = {each.id: _plan(each, compiler) for each in campaigns}
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
        events=frozenset({SHOWN, CLICKED, DISMISSED, *by_event} if plans else ()),
    )


def _plan(campaign: Campaign, compiler: Compiler) -> CampaignPlan:
    variants = [variant.id for variant in campaign.variants]
    groups = (*variants, HELD_OUT)
    shown: dict[str, int] = {}
    joined: dict[str, int] = {}
    responded: dict[str, int] = {}
    if campaign.goal:
        shown = {each: compiler.instants(SHOWN, _tests(campaign, each), KEPT) for each in variants}
        responded = {
            each: compiler.instants(RESPONDED, _tests(campaign, each), 0) for each in groups
        }
    if campaign.goal or campaign.is_experiment:
        joined = {
            each: compiler.first_value(JOINED, _where(campaign, each), "segments")
            for each in groups
        }
    return CampaignPlan(campaign, shown, joined, responded)


def _where(campaign: Campaign, variant: str) -> dict[str, str]:
    return {"campaign": campaign.id, "variant": variant}


def _tests(campaign: Campaign, variant: str) -> tuple[tuple[str, tuple[Test, ...]], ...]:
    named = _where(campaign, variant)
    return tuple((name, (Test("eq", value),)) for name, value in named.items())
