"""Reports on campaigns, from counts to what people read."""

from datetime import date

import pytest

from edgeseg.decisions.campaign import Campaign, Goal, Variant
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.errors import InputError, NotFoundError
from edgeseg.insights.outcome_query import ask_outcomes, days_between
from edgeseg.insights.outcome_report import report_outcomes
from edgeseg.insights.statistics import rate_interval
from edgeseg.insights.tally import Count, Kind, read_counts, revenue_micros
from edgeseg.profiles.memory_outcomes import MemoryOutcomes
from edgeseg.segments.condition import EVERYONE

GOAL = Goal(id="asked", event="form_submitted")
TODAY = date(2026, 11, 22)


def campaign(*weights: int) -> Campaign:
    """A campaign with variants a, b and so on."""
    variants = tuple(
        Variant(id=id_, weight=weight) for id_, weight in zip("abc", weights, strict=False)
    )
    return Campaign(id="c", name="C", slot="s", audience=EVERYONE, variants=variants, goal="asked")


def counts(**by_variant: tuple[int, int]) -> dict[str, dict[str, int]]:
    """Visitors and responders of each variant, ``held`` for those held out, on one day."""
    named = {("" if name == "held" else name): each for name, each in by_variant.items()}
    visitors = {f"visitors/{name}/": each[0] for name, each in named.items()}
    return {"2026-11-22": visitors | {f"responders/{name}/": e[1] for name, e in named.items()}}


def test_days_and_kinds_add_up() -> None:
    """Of all visitors; fields that nobody knows are left out."""
    days = {
        "2026-11-21": {"shown/a/": 3, "revenue/a/": 1_500_000, "beyond": 9, "odd/a/": 1, "x/": 1},
        "2026-11-22": {"shown/a/": 2, "revenue/a/": 500_000, "shown/a/fans": 1},
    }
    report = report_outcomes(campaign(1), None, days)
    assert (report.from_, report.until) == ("2026-11-21", "2026-11-22")
    assert (report.goal, report.window_days, report.segments) == ("", 0, None)
    (variant,) = report.variants
    assert (variant.shown, variant.revenue, variant.rate) == (5, 2.0, None)
    assert variant.interval == (0, 1)
    assert report.sample_ratio is None
    assert report.holdout is None
    assert read_counts(days.values())[Count(Kind.SHOWN, "a", "fans")] == 1


def test_variants_are_compared_with_the_first() -> None:
    """Rate, interval, difference, and whether weights are kept."""
    report = report_outcomes(campaign(1, 1), GOAL, counts(a=(1_000, 100), b=(1_000, 150)))
    assert (report.goal, report.credit, report.window_days) == ("asked", "last", 7)
    control, other = report.variants
    assert control.rate == 0.1
    assert control.interval == rate_interval(100, 1_000)
    assert control.difference is None
    assert other.difference == pytest.approx(0.05)
    assert other.difference_interval is not None
    assert 0.02 < other.difference_interval.low < 0.05 < other.difference_interval.high < 0.08
    assert report.sample_ratio is not None
    assert not report.sample_ratio.suspicious


def test_with_nobody_there_is_nothing_to_compare() -> None:
    """Neither where nobody saw the control, nor where nobody saw the other."""
    for visitors in ({"b": (9, 3)}, {"a": (9, 3)}, {"b": (9, 3), "held": (0, 0)}):
        report = report_outcomes(campaign(1, 1), GOAL, counts(**visitors))
        assert report.variants[1].difference is None
        assert report.variants[1].difference_interval is None
        assert report.holdout is None
    alone = report_outcomes(campaign(1, 1), GOAL, counts(held=(9, 3))).holdout
    assert alone is not None
    assert (alone.difference, alone.interval) == (None, None)


def test_shares_that_are_no_chance_are_told_of() -> None:
    """Where half as many came as the weights say."""
    report = report_outcomes(campaign(1, 1), GOAL, counts(a=(1_000, 0), b=(500, 0)))
    assert report.sample_ratio is not None
    assert report.sample_ratio.suspicious


def test_all_who_saw_it_are_compared_with_the_held_out() -> None:
    """Of every variant together."""
    told = counts(a=(500, 60), b=(500, 40), held=(100, 5))
    report = report_outcomes(campaign(1, 1), GOAL, told)
    assert report.holdout is not None
    assert report.holdout.held_out.variant is None
    assert report.holdout.held_out.rate == 0.05
    assert report.holdout.difference == pytest.approx(0.05)
    only_held = report_outcomes(campaign(1), GOAL, counts(held=(9, 1)))
    assert only_held.holdout is not None
    assert only_held.holdout.difference is None


def test_variants_that_are_gone_are_still_told_of() -> None:
    """After those that there are; they take no part in the test of shares."""
    report = report_outcomes(campaign(1, 1), GOAL, counts(a=(10, 1), b=(10, 1), z=(900, 9)))
    assert [each.variant for each in report.variants] == ["a", "b", "z"]
    assert report.sample_ratio is not None
    assert report.sample_ratio.p_value == 1


def test_segments_are_told_of_where_asked_for() -> None:
    """Each with all variants."""
    days = {"2026-11-22": {"visitors/a/fans": 4, "responders/a/fans": 1, "visitors/a/": 9}}
    report = report_outcomes(campaign(1), GOAL, days, by_segment=True)
    assert report.segments is not None
    assert [each.rate for each in report.segments["fans"]] == [0.25]


@pytest.mark.parametrize(
    ("from_", "until", "first", "last", "count"),
    [
        ("", "", "2026-10-24", "2026-11-22", 30),
        ("2026-11-22", "", "2026-11-22", "2026-11-22", 1),
        ("", "2026-03-01", "2026-01-31", "2026-03-01", 30),
        ("2025-10-19", "2026-11-22", "2025-10-19", "2026-11-22", 400),
        ("", "0001-01-05", "0001-01-01", "0001-01-05", 5),
    ],
)
def test_days_run_from_the_first_to_the_last(
    from_: str, until: str, first: str, last: str, count: int
) -> None:
    """Both included; by default thirty."""
    days = days_between(from_, until, TODAY)
    assert (days[0], days[-1], len(days)) == (first, last, count)


@pytest.mark.parametrize(
    ("from_", "until"), [("2026-11-23", ""), ("2025-10-18", ""), ("today", ""), ("", "22.11.2026")]
)
def test_days_that_make_no_sense_are_refused(from_: str, until: str) -> None:
    """In the wrong order, too many, or none."""
    with pytest.raises(InputError):
        days_between(from_, until, TODAY)


async def test_a_campaign_that_is_not_there_is_refused_with_the_one_meant() -> None:
    """Of the rules as they are now."""
    rules = build_snapshot(
        {"r.yaml": "slots: [{id: s, kind: html}]\ncampaigns: [{id: spring, slot: s, variants: "
         "[{id: a, template: t}]}]"},
        {"t": ""},
    )  # fmt: skip
    with pytest.raises(NotFoundError, match="spring"):
        await ask_outcomes("sprong", ["2026-11-22"], rules=rules, store=MemoryOutcomes())
    report = await ask_outcomes("spring", ["2026-11-22"], rules=rules, store=MemoryOutcomes())
    assert report.variants[0].shown == 0


@pytest.mark.parametrize(
    ("amount", "micros"),
    [(49.9, 49_900_000), (0.1 + 0.2, 300_000), (10**12, 10**15), (-5, -5_000_000), (True, 0)],
)
def test_revenue_is_kept_in_millionths_within_bounds(amount: float, micros: int) -> None:
    """So that it adds up exactly."""
    assert revenue_micros(amount) == micros
