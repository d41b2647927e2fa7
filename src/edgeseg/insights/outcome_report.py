"""What a campaign brought, as people and programs read it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from edgeseg.clock import DAY_MS
from edgeseg.decisions.campaign import Campaign, Goal
from edgeseg.decisions.outcome_plan import HELD_OUT
from edgeseg.insights.statistics import (
    Interval,
    difference_interval,
    rate_interval,
    share_p_value,
)
from edgeseg.insights.tally import MICRO, Count, Kind, read_counts

SUSPICIOUS: Final = 0.001
"""Shares of variants less probable than this are no chance: something is wrong."""


class GroupOutcomes(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one group of visitors: those of a variant, or those held out.

    Attributes:
        variant: its id; null for visitors to whom a holdout shows no campaign.
        shown: exposures that browsers told of.
        served: fragments that held the variant; whether they were seen is not known.
        visitors: who saw it, or would have, for the first time in this period.
        responders: those of them who reached the goal within its window after that.
        rate: responders of visitors, null without visitors.
        interval: where the rate lies with 95 % confidence.
        conversions: goal events in this period that are credited to the variant.
        revenue: what those earned.
        difference: rate minus the control's, null for the control itself.
        difference_interval: where that lies with 95 % confidence.
    """

    variant: str | None
    shown: int
    served: int
    clicked: int
    dismissed: int
    visitors: int
    responders: int
    rate: float | None
    interval: Interval
    conversions: int
    revenue: float
    difference: float | None = None
    difference_interval: Interval | None = None


class SampleRatio(msgspec.Struct, frozen=True, kw_only=True):
    """Whether visitors were dealt out as the weights say.

    Attributes:
        p_value: of a chi-square test.
        suspicious: whether that is below `SUSPICIOUS`; then trust no comparison.
    """

    p_value: float
    suspicious: bool


class HoldoutComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All who saw the campaign against those who were held out.

    Attributes:
        held_out: the group that sees no campaign.
        difference: rate of those who saw it minus that of the group.
        interval: where that lies with 95 % confidence.
    """

    held_out: GroupOutcomes
    difference: float | None
    interval: Interval | None


class OutcomeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign brought in a period.

    Attributes:
        from_: first day, in the site's zone.
        until: last day.
        goal: id, "" for none.
        window_days: how long after being shown it the goal counts; 0 without a goal.
        variants: the control first.
        holdout: null where nobody was held out.
        sample_ratio: null where chance does not decide, or nobody is counted.
        segments: segment → the variants as its members saw them; only when asked for.
    """

    campaign: str
    name: str
    from_: str = msgspec.field(name="from")
    until: str
    goal: str
    credit: str
    window_days: float
    variants: list[GroupOutcomes]
    holdout: HoldoutComparison | None
    sample_ratio: SampleRatio | None
    segments: dict[str, list[GroupOutcomes]] | None = None


def report_outcomes(
    campaign: Campaign,
    goal: Goal | None,
    days: Mapping[str, Mapping[str, int]],
    *,
    by_segment: bool = False,
) -> OutcomeReport:
    """Answer the report on a campaign.

    Args:
        campaign: as the rules have it now.
        goal: of the campaign, None for none.
        days: day → field → count; at least one day, in order.
        by_segment: whether to tell of each segment, too.
    """
    counts = read_counts(days.values())
    variants = [*(each.id for each in campaign.variants), *_former(counts, campaign)]
    groups = _compared([_group(counts, each, "") for each in variants])
    held_out = _group(counts, HELD_OUT, "")
    named = sorted({count.segment for count in counts} - {""})
    return OutcomeReport(
        campaign=campaign.id,
        name=campaign.name,
        from_=min(days),
        until=max(days),
        goal=goal.id if goal else "",
        credit=goal.credit if goal else "",
        window_days=goal.window_ms / DAY_MS if goal else 0,
        variants=groups,
        holdout=_against_holdout(groups, held_out) if held_out.visitors else None,
        sample_ratio=_sample_ratio(campaign, groups),
        segments={
            segment: _compared([_group(counts, each, segment) for each in variants])
            for segment in named
        }
        if by_segment
        else None,
    )


def _former(counts: Iterable[Count], campaign: Campaign) -> list[str]:
    """Answer variants that the campaign had in the period and has no more."""
    known = {variant.id for variant in campaign.variants} | {HELD_OUT}
    return sorted({count.variant for count in counts} - known)


def _group(counts: Mapping[Count, int], variant: str, segment: str) -> GroupOutcomes:
    def of(kind: Kind) -> int:
        return counts.get(Count(kind, variant, segment), 0)

    visitors = of(Kind.VISITORS)
    responders = min(of(Kind.RESPONDERS), visitors)  # a day may have left the store before another
    return GroupOutcomes(
        variant=variant or None,
        shown=of(Kind.SHOWN),
        served=of(Kind.SERVED),
        clicked=of(Kind.CLICKED),
        dismissed=of(Kind.DISMISSED),
        visitors=visitors,
        responders=responders,
        rate=responders / visitors if visitors else None,
        interval=rate_interval(responders, visitors),
        conversions=of(Kind.CONVERSIONS),
        revenue=of(Kind.REVENUE) / MICRO,
    )


def _compared(groups: list[GroupOutcomes]) -> list[GroupOutcomes]:
    """Compare each variant with the control, which is the first."""
    control, *others = groups
    return [control, *(_against(each, control) for each in others)]


def _against(group: GroupOutcomes, control: GroupOutcomes) -> GroupOutcomes:
    difference, interval = _difference(group, control)
    return msgspec.structs.replace(group, difference=difference, difference_interval=interval)


def _difference(
    group: GroupOutcomes, control: GroupOutcomes
) -> tuple[float | None, Interval | None]:
    if group.rate is None or control.rate is None:
        return None, None
    one, other = (group.responders, group.visitors), (control.responders, control.visitors)
    return group.rate - control.rate, difference_interval(one, other)


def _against_holdout(groups: Sequence[GroupOutcomes], held_out: GroupOutcomes) -> HoldoutComparison:
    visitors = sum(group.visitors for group in groups)
    responders = sum(group.responders for group in groups)
    together = msgspec.structs.replace(
        held_out,
        visitors=visitors,
        responders=responders,
        rate=responders / visitors if visitors else None,
    )
    difference, interval = _difference(together, held_out)
    return HoldoutComparison(held_out=held_out, difference=difference, interval=interval)


def _sample_ratio(campaign: Campaign, groups: Sequence[GroupOutcomes]) -> SampleRatio | None:
    observed = [group.visitors for group in groups[: len(campaign.variants)]]
    if sum(weight > 0 for weight in campaign.weights) < 2 or not any(observed):  # noqa: PLR2004
        return None
    p_value = share_p_value(observed, campaign.weights)
    return SampleRatio(p_value=p_value, suspicious=p_value < SUSPICIOUS)
