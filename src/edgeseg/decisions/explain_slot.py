"""Explain why a slot shows what it shows: what became of each campaign that wants it.

The choice is made again by the same contest on the same facts, so an explanation cannot
diverge from it.
"""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

import msgspec

from edgeseg.decisions.campaign import Campaign, Slot
from edgeseg.decisions.choose import Chance, Choice, is_in_layer
from edgeseg.decisions.snapshot import CAMPAIGN, Snapshot
from edgeseg.segments.explain import Explanation, explain_segment
from edgeseg.segments.facts import Facts
from edgeseg.segments.rule import Segment

WON: Final = "won"
LOST: Final = "lost"
CHANCE: Final = "left out by chance"
NOT_FOR: Final = "does not apply"
OPEN: Final = "not known"


class CampaignReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one campaign.

    Attributes:
        outcome: ``won``, ``lost``, ``left out by chance``, ``does not apply`` or
            ``not known`` (unknown facts leave it open).
        because: in words.
        by: what it lost to: a campaign, a holdout or a layer; "" for nothing.
        variant: that the visitor gets, "" where it is not shown.
        audience: every condition with what was found.
    """

    campaign: str
    name: str
    priority: int
    outcome: str
    because: str
    by: str = ""
    variant: str = ""
    audience: Explanation


class SlotReport(msgspec.Struct, frozen=True, kw_only=True):
    """Why a slot shows what it shows.

    Attributes:
        campaign: "" for the fallback.
        variant: of the campaign.
        reason: in OpenFeature's words.
        campaigns: all that want the slot, in the order in which they are looked at.
    """

    slot: str
    name: str
    campaign: str
    variant: str
    reason: str
    campaigns: list[CampaignReport]


class _Scene(NamedTuple):
    """What decides: the rules, the visitor, and who won."""

    rules: Snapshot
    facts: Facts
    now_ms: int
    chance: Chance
    held: Collection[str]
    undecided: Collection[str]
    choice: Choice
    groups: dict[str, str]


def explain_slot(
    slot: Slot, rules: Snapshot, facts: Facts, chance: Chance, now_ms: int
) -> SlotReport:
    """Answer the explanation, given the facts at ``now_ms``; previews do not count."""
    evaluation = rules.evaluator.evaluate(facts, now_ms)
    applying = [rules.by_key[key] for key in evaluation.held if key in rules.by_key]
    choice = rules.contest.choose([slot.id], applying, chance)[slot.id]
    scene = _Scene(
        rules=rules,
        facts=facts,
        now_ms=now_ms,
        chance=chance,
        held=set(evaluation.held),
        undecided=set(evaluation.undecided),
        choice=choice,
        groups=dict(rules.contest.group_winners(applying, chance)),
    )
    return SlotReport(
        slot=slot.id,
        name=slot.name,
        campaign=choice.campaign.id if choice.campaign else "",
        variant=choice.variant.id if choice.variant else "",
        reason=choice.reason,
        campaigns=list(_reports(slot, scene)),
    )


def _reports(slot: Slot, scene: _Scene) -> Iterator[CampaignReport]:
    for campaign in scene.rules.contest.ordered(scene.rules.campaigns[slot.id], scene.chance):
        outcome, because, by = _judge(campaign, scene)
        variant = scene.choice.variant
        yield CampaignReport(
            campaign=campaign.id,
            name=campaign.name,
            priority=campaign.priority,
            outcome=outcome,
            because=because,
            by=by,
            variant=variant.id if variant and outcome == WON else "",
            audience=_audience(campaign, scene),
        )


def _judge(campaign: Campaign, scene: _Scene) -> tuple[str, str, str]:
    """Answer what became of a campaign, why, and by whom."""
    key = CAMPAIGN + campaign.id
    if key in scene.undecided:
        return OPEN, "what is not known of the visitor leaves its audience open", ""
    if key not in scene.held:
        return NOT_FOR, "the visitor, the page or the time is not the one it is for", ""
    if scene.choice.campaign is campaign:
        return WON, _won(campaign, scene), ""
    if scene.choice.holdout:
        because = f"the visitor is in the holdout {scene.choice.holdout}"
        return CHANCE, because, scene.choice.holdout
    return _left_out(campaign, scene) or _beaten(campaign, scene)


def _won(campaign: Campaign, scene: _Scene) -> str:
    rivals = [
        each
        for each in scene.rules.campaigns[campaign.slot]
        if each is not campaign and CAMPAIGN + each.id in scene.held
    ]
    if not rivals:
        return "no other campaign applies here"
    if any(each.priority > campaign.priority for each in rivals):
        return "those of higher priority are left out"
    equals = [each.id for each in rivals if each.priority == campaign.priority]
    return "this visitor drew it first of its equals" if equals else "it has the highest priority"


def _left_out(campaign: Campaign, scene: _Scene) -> tuple[str, str, str] | None:
    """Answer what chance decided against a campaign, None for nothing."""
    experiment, chance = campaign.experiment, scene.chance
    layer = experiment.layer
    if layer and chance.bucket_id and not is_in_layer(campaign, chance):
        at = chance.position(f"layer/{layer.layer}")
        own = f"it has {layer.low:.2%} to {layer.high:.2%}"
        return CHANCE, f"the visitor is at {at:.2%} of the layer {layer.layer}, {own}", layer.layer
    if scene.rules.contest.assign(campaign, chance) is None:
        covered = f"{experiment.coverage:.2%}"
        return CHANCE, f"the visitor is not among the {covered} of its audience that take part", ""
    return None


def _beaten(campaign: Campaign, scene: _Scene) -> tuple[str, str, str]:
    group = campaign.exclusive_group
    other = scene.groups.get(group, "") if group else ""
    if other and _is_before(other, campaign, scene):
        return LOST, f"{other} is shown, and both are in the exclusive group {group}", other
    winner = scene.choice.campaign
    if winner is None:
        return LOST, "the slot is not filled", ""
    if winner.priority == campaign.priority:
        because = f"{winner.id} has the same priority, and this visitor drew it first"
        return LOST, because, winner.id
    because = f"{winner.id} has the higher priority: {winner.priority:,} over {campaign.priority:,}"
    return LOST, because, winner.id


def _is_before(other: str, campaign: Campaign, scene: _Scene) -> bool:
    """Tell whether another campaign, of whichever slot, is looked at before one."""
    both = sorted(
        (campaign, scene.rules.by_key[CAMPAIGN + other]), key=lambda each: (-each.priority, each.id)
    )
    return next(scene.rules.contest.ordered(both, scene.chance)) is not campaign


def _audience(campaign: Campaign, scene: _Scene) -> Explanation:
    """Explain the audience as if it were a segment."""
    definitions = scene.rules.definitions
    audience = Segment(id=CAMPAIGN + campaign.id, name=campaign.name, when=campaign.audience)
    segments = {**definitions.segments, audience.id: audience}
    whole = msgspec.structs.replace(definitions, segments=segments)
    return explain_segment(audience, whole, scene.facts, scene.now_ms)
