"""Intervals and tests, against published values."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeseg.insights.statistics import (
    chi_square_tail,
    difference_interval,
    rate_interval,
    share_p_value,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # R. G. Newcombe, Two-sided confidence intervals for the single proportion. Statistics
        # in Medicine 17 (1998), 857-872, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_of_rates_are_those_published(
    successes: int, trials: int, low: float, high: float
) -> None:
    """To the four places that the paper gives."""
    found = rate_interval(successes, trials)
    assert found == pytest.approx((low, high), abs=0.00005)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        # R. G. Newcombe, Interval estimation for the difference between independent
        # proportions. Statistics in Medicine 17 (1998), 873-890, table II, method 10.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_intervals_of_differences_are_those_published(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    """To the four places that the paper gives."""
    assert difference_interval(one, other) == pytest.approx((low, high), abs=0.00005)


@pytest.mark.parametrize(
    ("distance", "freedom", "probability"),
    [
        # Abramowitz and Stegun, table 26.8: percentage points of the chi-square distribution.
        (3.84146, 1, 0.05),
        (5.99146, 2, 0.05),
        (7.81473, 3, 0.05),
        (9.48773, 4, 0.05),
        (11.0705, 5, 0.05),
        (10.8276, 1, 0.001),
        (29.5883, 10, 0.001),
        (18.3070, 10, 0.05),
        (21.0261, 12, 0.05),
        (0.0, 3, 1.0),
    ],
)
def test_tails_are_those_of_the_tables(distance: float, freedom: int, probability: float) -> None:
    """For odd and even degrees of freedom."""
    assert chi_square_tail(distance, freedom) == pytest.approx(probability, rel=1e-4)


def test_equal_shares_are_no_surprise_and_very_unequal_ones_are() -> None:
    """A variant of weight 0 is nobody's, and is not looked at."""
    assert share_p_value([500, 500], [1, 1]) == 1
    assert share_p_value([500, 500, 7], [1, 1, 0]) == 1
    assert share_p_value([0, 0], [1, 1]) == 1
    assert share_p_value([821_588, 815_482], [50, 50]) < 0.0001  # 50.2 % of many is no chance
    assert share_p_value([60, 40], [50, 50]) == pytest.approx(0.0455, abs=0.0001)


def test_shares_that_could_not_be_further_off_are_told_of_too() -> None:
    """As after weights were turned round, of as many variants as a campaign may have."""
    assert share_p_value([10**9, *(99 * [0])], [1, *(99 * [10_000])]) == 0


@given(st.integers(0, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@example((0, 21))  # calculated, its low end is a little below 0
def test_an_interval_holds_its_rate_and_stays_a_share(counts: tuple[int, int]) -> None:
    """However few or many there are."""
    successes, trials = counts
    low, high = rate_interval(successes, trials)
    assert 0 <= low <= high <= 1
    if trials:
        assert low <= successes / trials + 1e-12
        assert successes / trials - 1e-12 <= high
