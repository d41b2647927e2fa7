"""Choose what fills a slot. Pure: the same visitor and rules give the same choice."""

from collections.abc import Collection, Sequence
from enum import StrEnum

import msgspec

from edgeseg.bucketing import bucket, pick
from edgeseg.decisions.campaign import Campaign, Variant


class Reason(StrEnum):
    """Why a slot shows what it shows, in OpenFeature's words."""

    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DEFAULT = "DEFAULT"
    ERROR = "ERROR"


class Choice(msgspec.Struct, frozen=True):
    """The campaign and variant for one slot; both None for the fallback."""

    campaign: Campaign | None
    variant: Variant | None
    reason: Reason


NOTHING = Choice(None, None, Reason.DEFAULT)


def choose(campaigns: Sequence[Campaign], eligible: Collection[str], bucket_id: str) -> Choice:
    """Choose among the campaigns of one slot.

    Args:
        campaigns: those that fill the slot, most important first.
        eligible: ids of the campaigns whose audience the visitor is in.
        bucket_id: what assignment sticks to, "" for a visitor without id, who
            gets the control variant.
    """
    for campaign in campaigns:
        if campaign.id in eligible:
            return _assign(campaign, bucket_id)
    return NOTHING


def _assign(campaign: Campaign, bucket_id: str) -> Choice:
    variants = campaign.variants
    if len(variants) == 1:
        return Choice(campaign, variants[0], Reason.TARGETING_MATCH)
    if not bucket_id:
        return Choice(campaign, variants[0], Reason.DEFAULT)
    index = pick(campaign.weights, bucket(campaign.id, bucket_id))
    return Choice(campaign, variants[index], Reason.SPLIT)
