"""Review rules that load: what can never matter, what nothing uses, what hides what. Pure."""

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Final

from edgeseg.decisions.campaign import Campaign
from edgeseg.decisions.campaign_reader import Placements
from edgeseg.decisions.sharing_review import review_sharing
from edgeseg.events.event import PAGE_VIEWED
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.contradiction import Logic
from edgeseg.segments.cost_review import review_cost
from edgeseg.segments.evaluator import referenced
from edgeseg.segments.formula import Formula
from edgeseg.segments.review import (
    Remark,
    decided_segments,
    make_logic,
    never_true,
    restrictions,
    review_events,
    review_metrics,
    review_segments,
    settle,
)
from edgeseg.segments.rule import Definitions
from edgeseg.segments.schema_review import review_schema

MAX_COMPARED: Final = 200
"""Campaigns of one slot that each later one is compared with."""
_WORDS: Final = frozenset(
    {"id", "name", "slot", "audience", "variants", "priority", "goal", "weight"}
)
"""What a campaign has that never keeps it from filling its slot."""


def review_rules(definitions: Definitions, placements: Placements) -> list[Remark]:
    """Answer every remark on rules without problems, by section and in file order."""
    compiler = Compiler(definitions)
    formulas = {id_: compiler.formula(each.condition) for id_, each in definitions.segments.items()}
    audiences = {id_: compiler.formula(each.audience) for id_, each in placements.campaigns.items()}
    logic = make_logic(compiler)
    references = {id_: referenced(formula) for id_, formula in formulas.items()}
    ordered = {id_: formulas[id_] for id_ in TopologicalSorter(references).static_order()}
    decided = decided_segments(ordered, definitions.segments, logic)
    settled = {id_: settle(formula, decided) for id_, formula in audiences.items()}
    asking: dict[str, Mapping[str, object]] = {
        "segments": definitions.segments,
        "metrics": definitions.metrics,
        "goals": placements.goals,
        "campaigns": placements.campaigns,
    }
    users = (*definitions.segments.values(), *placements.campaigns.values())
    return [
        *review_segments(definitions, formulas, decided),
        *review_metrics(definitions, users),
        *(
            review_schema(asking, definitions.events)
            if definitions.events
            else review_events(asking, familiar=(PAGE_VIEWED,))
        ),
        *review_cost(definitions, formulas),
        *_unused(placements),
        *_hidden(placements.campaigns, settled, logic),
        *review_sharing(placements, formulas, audiences),
    ]


def _unused(placements: Placements) -> Iterator[Remark]:
    campaigns = placements.campaigns.values()
    filled = {campaign.slot for campaign in campaigns}
    for id_ in (slot for slot in placements.slots if slot not in filled):
        yield Remark(
            code="empty-slot",
            section="slots",
            id=id_,
            message=f"no campaign fills the slot `{id_}`",
            suggestion="add a campaign for it, or take it out",
        )
    wanted = {campaign.goal for campaign in campaigns}
    for id_ in (goal for goal in placements.goals if goal not in wanted):
        yield Remark(
            code="unused-goal",
            section="goals",
            id=id_,
            message=f"no campaign has the goal `{id_}`",
            suggestion="name it as the `goal` of a campaign, or take it out",
        )


def _hidden(
    campaigns: Mapping[str, Campaign], audiences: Mapping[str, Formula], logic: Logic
) -> Iterator[Remark]:
    """Remark on campaigns that nobody sees, by their audience or by those before them."""
    before: dict[str, list[Campaign]] = {}
    for campaign in sorted(campaigns.values(), key=lambda each: (-each.priority, each.id)):
        audience = audiences[campaign.id]
        if logic.holds_never(audience):
            yield never_true("campaigns", campaign.id, "campaign's audience and pages")
            continue
        more_important = before.setdefault(campaign.slot, [])
        hiding = next(
            (
                other
                for other in more_important
                # Equals draw lots, so that each is seen by some.
                if other.priority > campaign.priority
                and logic.implies(audience, audiences[other.id])
            ),
            None,
        )
        if hiding:
            yield Remark(
                code="hidden-campaign",
                section="campaigns",
                id=campaign.id,
                message=f"nobody sees this campaign: `{hiding.id}` fills the slot "
                f"`{campaign.slot}` for all of its audience",
                suggestion=f"give it a priority above {hiding.priority}, or another audience",
            )
        if len(more_important) < MAX_COMPARED and not restrictions(campaign, _WORDS):
            more_important.append(campaign)
