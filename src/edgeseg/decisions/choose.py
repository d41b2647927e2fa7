"""Choose what fills each slot. Pure: the same visitor and rules give the same choice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from edgeseg.bucketing import bucket, draw, fnv1a32, pick, split_ranges
from edgeseg.decisions.campaign import Campaign, Variant
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
    """

    campaign: Campaign | None
    variant: Variant | None
    reason: Reason
    holdout: str = ""
    preview: bool = False
    withheld: Campaign | None = None


NOTHING = Choice(None, None, Reason.DEFAULT)


class Chance:
    """The visitor, as chance sees them, for one request.

    Attributes:
        bucket_id: what assignment sticks to, "" for a visitor without id, who gets the
            control variants and is in no holdout.
        first_shown: campaign → the variant that was shown first, "" for none so far;
            asked for sticky campaigns only.
    """

    __slots__ = ("bucket_id", "first_shown")

    def __init__(
        self, bucket_id: str, first_shown: Callable[[str], str] = lambda _campaign: ""
    ) -> None:
        """Keep what splits are made by."""
        self.bucket_id = bucket_id
        self.first_shown = first_shown

    def position(self, seed: str) -> float:
        """Answer the visitor's place in [0, 1) in the split of this seed."""
        return bucket(seed, self.bucket_id)


class _Split(NamedTuple):
    """How one campaign is dealt out; without ranges the first variant is everybody's."""

    seed: str
    ranges: Sequence[tuple[float, float]]
    is_sticky: bool


def _split(campaign: Campaign) -> _Split:
    experiment = campaign.experiment
    ranges = split_ranges(campaign.weights, experiment.coverage) if campaign.is_experiment else ()
    return _Split(experiment.seed or campaign.id, ranges, experiment.sticky)


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
    ) -> Mapping[str, Choice]:
        """Choose for each of ``slots``.

        Campaigns are dealt with by importance. Where exclusive groups are used, those
        of all slots are: the answer for one slot does not depend on which others are
        asked for.

        Args:
            slots: ids of the slots to fill.
            applying: the campaigns whose audience the visitor is in, most important first.
            chance: the visitor.
        """
        choices: dict[str, Choice] = {}
        if self._has_groups:
            self._deal_out(applying, chance, choices, {})
        else:
            rivals: dict[str, list[Campaign]] = {slot: [] for slot in slots}
            for each in applying:
                if each.slot in rivals:
                    rivals[each.slot].append(each)
            for slot, own in rivals.items():
                if own:
                    choices[slot] = self._fill(slot, own, chance)
        return {slot: choices.get(slot, NOTHING) for slot in slots}

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
        held_out = self.held_out(slot, chance)
        choice = self._best(rivals, chance)
        return _hold_out(held_out, choice) if held_out else choice

    def _best(self, rivals: Sequence[Campaign], chance: Chance) -> Choice:
        if len(rivals) == 1:  # as most slots have it
            return self.assign(rivals[0], chance) or NOTHING
        for campaign in self.ordered(rivals, chance):
            choice = self.assign(campaign, chance)
            if choice:
                return choice
        return NOTHING

    def group_winners(self, applying: Sequence[Campaign], chance: Chance) -> Mapping[str, str]:
        """Answer which campaign has each exclusive group."""
        winners: dict[str, str] = {}
        self._deal_out(applying, chance, {}, winners)
        return winners

    def held_out(self, slot: str, chance: Chance) -> str:
        """Answer the holdout that keeps campaigns from the slot, "" for none."""
        if not self._holdouts or not chance.bucket_id:
            return ""
        for each in self._holdouts:
            concerned = not each.slots or slot in each.slots
            if concerned and chance.position(f"holdout/{each.id}") < each.share:
                return each.id
        return ""

    def assign(self, campaign: Campaign, chance: Chance) -> Choice | None:
        """Answer the variant of a campaign for the visitor, None if they do not take part."""
        split, variants = self._splits[campaign.id], campaign.variants
        if not chance.bucket_id:
            by_chance = split.ranges or campaign.experiment.layer
            reason = Reason.DEFAULT if by_chance else Reason.TARGETING_MATCH
            return Choice(campaign, variants[0], reason)
        if campaign.experiment.layer and not is_in_layer(campaign, chance):
            return None
        if split.is_sticky:
            shown = chance.first_shown(campaign.id)
            for variant in variants:
                if variant.id == shown:
                    return Choice(campaign, variant, Reason.SPLIT)
        if not split.ranges:
            return Choice(campaign, variants[0], Reason.TARGETING_MATCH)
        index = pick(split.ranges, chance.position(split.seed))
        return None if index is None else Choice(campaign, variants[index], Reason.SPLIT)

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
