"""Review slots that vary on segments: campaigns that shared copies can never show. Pure."""

from collections.abc import Collection, Iterator, Mapping

from edgeseg.decisions.campaign import Campaign
from edgeseg.decisions.campaign_reader import Placements
from edgeseg.segments import fact_keys
from edgeseg.segments.formula import And, Formula, Literal, Or, negate
from edgeseg.segments.review import Remark
from edgeseg.segments.shared_facts import is_shared


def review_sharing(
    placements: Placements, segments: Mapping[str, Formula], audiences: Mapping[str, Formula]
) -> Iterator[Remark]:
    """Remark on what asks for more than a segment key, an address and a clock tell.

    Args:
        placements: slots and campaigns.
        segments: id → formula.
        audiences: campaign → formula.
    """
    for campaign in placements.campaigns.values():
        slot = placements.slots[campaign.slot]
        if not slot.vary_on:
            continue
        if not _can_hold(audiences[campaign.id], slot.vary_on, segments):
            yield Remark(
                code="unshared-campaign",
                section="campaigns",
                id=campaign.id,
                message=f"copies of the slot `{slot.id}` that visitors share never show this "
                "campaign: it asks for more than the segments that the slot varies on",
                suggestion="name its segments in `vary_on` of the slot, or give it another slot",
            )
            continue
        for segment in _asked(campaign):
            if not _can_hold(Literal(fact_keys.SEGMENT, "eq", segment), slot.vary_on, segments):
                yield Remark(
                    code="unshared-values",
                    section="campaigns",
                    id=campaign.id,
                    message=f"copies of the slot `{slot.id}` that visitors share never show what "
                    f"is there `for_segments: {segment}`: the slot does not vary on it",
                    suggestion="name the segment in `vary_on` of the slot, or give the campaign "
                    "another slot",
                    word=segment,
                )


def _asked(campaign: Campaign) -> list[str]:
    """Answer the segments that variants of a campaign have values of their own for."""
    overrides = (each for variant in campaign.variants for each in variant.overrides)
    return list(dict.fromkeys(each.segment for each in overrides))


def _can_hold(formula: Formula, varied: Collection[str], segments: Mapping[str, Formula]) -> bool:
    """Tell whether a formula can be definitely true of facts that visitors share."""
    match formula:
        case And(parts):
            return all(_can_hold(part, varied, segments) for part in parts)
        case Or(parts):
            return any(_can_hold(part, varied, segments) for part in parts)
        case Literal(fact_keys.SEGMENT, _op, operand, positive):
            if operand in varied:
                return True
            rule = segments[str(operand)]
            return _can_hold(rule if positive else negate(rule), varied, segments)
        case Literal(fact):
            name = fact.removeprefix(fact_keys.CONTEXT)
            return fact.startswith(fact_keys.SEASON) or (name != fact and is_shared(name))
