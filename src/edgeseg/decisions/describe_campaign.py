"""Say in plain English what a campaign does."""

from collections.abc import Iterator

from edgeseg.decisions.campaign import Campaign
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.segments.describe import describe
from edgeseg.segments.rule import EVERYONE
from edgeseg.segments.test_phrases import enumerate_parts


def describe_campaign(campaign: Campaign, rules: Snapshot) -> str:
    """Answer sentences: what is shown to whom and where, by chance or not, and what wins."""
    return " ".join(_sentences(campaign, rules))


def _sentences(campaign: Campaign, rules: Snapshot) -> Iterator[str]:
    slot = rules.slots[campaign.slot]
    who = "all visitors"
    if campaign.audience != EVERYONE:
        who = f"visitors {describe(campaign.audience, rules.definitions)}"
    yield f"Fills {slot.name} for {who}."
    if campaign.experiment.coverage < 1:
        yield f"Of these, {_percent(campaign.experiment.coverage)} take part, by chance."
    yield _variants(campaign)
    layer = campaign.experiment.layer
    if layer:
        yield (
            f"In the layer {layer.layer} it has the visitors from {_percent(layer.low)} "
            f"to {_percent(layer.high)}."
        )
    if campaign.exclusive_group:
        group = campaign.exclusive_group
        yield f"Of the campaigns of the group {group} one is shown at once."
    yield f"Its priority is {campaign.priority:,}" + (
        f", its weight among equals {campaign.weight:,}." if campaign.weight > 1 else "."
    )


def _variants(campaign: Campaign) -> str:
    variants = campaign.variants
    if len(variants) == 1:
        return f"Shows {variants[0].id}."
    total = sum(campaign.weights)
    shares = [f"{each.id} to {_percent(each.weight / total)}" for each in variants]
    kept = ", who keep it" if campaign.experiment.sticky else ""
    return f"Shows {enumerate_parts(shares, 'and')} of them{kept}."


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"
