"""Choose what fills each slot. Pure: the same visitor and rules give the same choice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from edgeseg.bucketing import bucket, draw, fnv1a32, pick, split_ranges
from edgeseg.decisions.campaign import Campaign, LayerShare, Variant
from edgeseg.decisions.policy import Holdout


class Reason(StrEnum):
    """Why a slot shows what it shows, in OpenFeature's words."""

    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DEFAULT = "DEFAULT"
    STALE = "STALE"
    ERROR = "ERROR"


class Choice(msgspec.Struct, frozen=True):
    """The campaign and variant for one slot; both None for the fallback.

    Attributes:
        holdout: the holdout that the visitor is in, "" for none.
        preview: whether a signed link asked for it; then it is no exposure.
        withheld: the campaign that the visitor would see if it were not for the holdout.
        layer: of the campaign, "" for none.
        experiment: id of the campaign where chance decides what it shows, else "".
    """

    campaign: Campaign | None
    variant: Variant | None
    reason: Reason
    holdout: str = ""
    preview: bool = False
    withheld: Campaign | None = None
    layer: str = ""
    experiment: str = ""


NOTHING = Choice(None, None, Reason.DEFAULT)


def choose_variant(
    campaign: Campaign, variant: Variant, reason: Reason, *, preview: bool = False
) -> Choice:
    """Answer the choice of one variant of a campaign."""
    layer = campaign.experiment.layer
    return Choice(
        campaign,
        variant,
        reason,
        preview=preview,
        layer=layer.layer if layer else "",
        experiment=campaign.id if campaign.is_experiment else "",
    )


def _never_shown(_campaign: str) -> Sequence[str]:
    return ()


class Chance(msgspec.Struct, frozen=True, gc=False):
    """The visitor, as chance sees them, for one request.

    Attributes:
        bucket_id: what assignment sticks to, "" for a visitor without id, who gets the
            control variants and is in no holdout.
        shown: campaign → its variants that were shown, the first one first, and maybe
            some that it has no more; asked for sticky campaigns only.
    """

    bucket_id: str
    shown: Callable[[str], Sequence[str]] = _never_shown

    def position(self, seed: str) -> float:
        """Answer the visitor's place in [0, 1) in the split of this seed."""
        return bucket(seed, self.bucket_id)


class _Split(msgspec.Struct, frozen=True):
    """How one campaign is dealt out; without ranges the first variant is everybody's.

    Attributes:
        by_variant: the choice of each variant by chance, in their order.
        by_id: the same by the variant's id.
        alone: the choice of the first one where nothing is split.
        control: likewise, for a visitor without id.
    """

    seed: str
    ranges: Sequence[tuple[float, float]]
    is_sticky: bool
    layer: LayerShare | None
    by_variant: Sequence[Choice]
    by_id: Mapping[str, Choice]
    alone: Choice
    control: Choice


def _split(campaign: Campaign) -> _Split:
    experiment, variants = campaign.experiment, campaign.variants
    ranges = split_ranges(campaign.weights, experiment.coverage) if campaign.is_experiment else ()
    by_chance = ranges or experiment.layer
    alone = choose_variant(campaign, variants[0], Reason.TARGETING_MATCH)
    by_variant = [choose_variant(campaign, each, Reason.SPLIT) for each in variants]
    return _Split(
        seed=experiment.seed or campaign.id,
        ranges=ranges,
        is_sticky=experiment.sticky,
        layer=experiment.layer,
        by_variant=by_variant,
        by_id={each.id: choice for each, choice in zip(variants, by_variant, strict=True)},
        alone=alone,
        control=choose_variant(campaign, variants[0], Reason.DEFAULT) if by_chance else alone,
    )


class Contest:
    """All campaigns of one version of the rules, competing for the slots."""

    def __init__(self, campaigns: Iterable[Campaign], holdouts: Iterable[Holdout] = ()) -> None:
        """Prepare the splits of ``campaigns``, in any order."""
        known = list(campaigns)
        self._splits = {each.id: _split(each) for each in known}
        self._salts = {each.id: fnv1a32(each.id) for each in known}
        self._has_groups = any(each.exclusive_group for each in known)
        self._holdouts = tuple(holdouts)

    def choose(
        self, slots: Sequence[str], applying: Sequence[Campaign], chance: Chance
    ) -> dict[str, Choice]:
        """Choose for each of ``slots``.

        Campaigns are dealt with by importance. Where exclusive groups are used, those
        of all slots are: the answer for one slot does not depend on which others are
        asked for.

        Args:
            slots: ids of the slots to fill.
            applying: the campaigns whose audience the visitor is in, most important first.
            chance: the visitor.
        """
        if self._has_groups:
            dealt: dict[str, Choice] = {}
            self._deal_out(applying, chance, dealt, {})
            return {slot: dealt.get(slot, NOTHING) for slot in slots}
        choices = dict.fromkeys(slots, NOTHING)
        rivals: dict[str, list[Campaign]] = {}
        for each in applying:
            if each.slot in choices:
                rivals.setdefault(each.slot, []).append(each)
        for slot, own in rivals.items():
            choices[slot] = self._fill(slot, own, chance)
        return choices

    def ordered(self, rivals: Sequence[Campaign], chance: Chance) -> Iterator[Campaign]:
        """Iterate over campaigns by importance; among equals each visitor draws an order."""
        at, count = 0, len(rivals)
        while at < count:
            first = rivals[at]
            end = at + 1
            while end < count and rivals[end].priority == first.priority:
                end += 1
            if end - at > 1 and chance.bucket_id:
                yield from self._drawn(rivals[at:end], chance)
            else:
                yield from rivals[at:end]
            at = end

    def _drawn(self, equals: Sequence[Campaign], chance: Chance) -> list[Campaign]:
        ticket = fnv1a32(chance.bucket_id)
        return sorted(equals, key=lambda each: draw(self._salts[each.id], ticket, each.weight))

    def _fill(self, slot: str, rivals: Sequence[Campaign], chance: Chance) -> Choice:
        """Choose among the campaigns of one slot."""
        for campaign in rivals if len(rivals) == 1 else self.ordered(rivals, chance):
            choice = self.assign(campaign, chance)
            if choice:
                break
        else:
            choice = NOTHING
        held_out = self.held_out(slot, chance) if self._holdouts else ""
        return _hold_out(held_out, choice) if held_out else choice

    def group_winners(self, applying: Sequence[Campaign], chance: Chance) -> Mapping[str, str]:
        """Answer which campaign has each exclusive group."""
        winners: dict[str, str] = {}
        self._deal_out(applying, chance, {}, winners)
        return winners

    def held_out(self, slot: str, chance: Chance) -> str:
        """Answer the holdout that keeps campaigns from the slot, "" for none."""
        if not chance.bucket_id:
            return ""
        for each in self._holdouts:
            concerned = not each.slots or slot in each.slots
            if concerned and chance.position(f"holdout/{each.id}") < each.share:
                return each.id
        return ""

    def assign(self, campaign: Campaign, chance: Chance) -> Choice | None:
        """Answer the variant of a campaign for the visitor, None if they do not take part."""
        split = self._splits[campaign.id]
        if not chance.bucket_id:
            return split.control
        if split.layer and not is_in_layer(campaign, chance):
            return None
        if split.is_sticky:
            for variant in chance.shown(campaign.id):
                if variant in split.by_id:
                    return split.by_id[variant]
        if not split.ranges:
            return split.alone
        index = pick(split.ranges, bucket(split.seed, chance.bucket_id))
        return None if index is None else split.by_variant[index]

    def _deal_out(
        self,
        rivals: Sequence[Campaign],
        chance: Chance,
        choices: dict[str, Choice],
        groups: dict[str, str],
    ) -> None:
        """Fill ``choices`` by slot, and ``groups`` by the campaign that has each."""
        for campaign in self.ordered(rivals, chance):
            slot, group = campaign.slot, campaign.exclusive_group
            known = choices.get(slot)
            if group in groups or (known and (known.campaign or known.withheld)):
                continue
            choice = self.assign(campaign, chance)
            held_out = self.held_out(slot, chance)
            if held_out:
                choices[slot] = _hold_out(held_out, choice or NOTHING)
            elif choice:
                choices[slot] = choice
                if group:
                    groups[group] = campaign.id


def _hold_out(holdout: str, choice: Choice) -> Choice:
    return Choice(None, None, Reason.SPLIT, holdout, withheld=choice.campaign)


def is_in_layer(campaign: Campaign, chance: Chance) -> bool:
    """Tell whether the visitor falls into the campaign's part of its layer, if it has one."""
    share = campaign.experiment.layer
    if share is None:
        return True
    return share.low <= chance.position(f"layer/{share.layer}") < share.high
