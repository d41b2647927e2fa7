"""Sums of amounts as people write them: in decimals, and whatever their order."""

import math
from decimal import Decimal
from itertools import accumulate, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.profiles.amounts import add_all, add_up, mean_of

prices = st.decimals(-10_000, 10_000, places=2).map(float)


@given(st.lists(prices | st.integers(-1_000, 1_000), max_size=20))
def test_sums_are_those_of_decimals(amounts: list[float]) -> None:
    """All at once, as in windows, or one by one, as in metrics: to the cent."""
    expected = float(sum(Decimal(str(each)) for each in amounts))
    assert add_all(amounts) == expected
    assert [*accumulate(amounts, add_up, initial=0.0)][-1] == expected


@pytest.mark.parametrize(
    ("amounts", "total"),
    [([33.3, 33.3, 33.4], 100), ([9.99] * 10 + [0.1], 100), ([100.1, -100], 0.1)],
)
def test_a_total_that_reaches_a_threshold_reaches_it_in_any_order(
    amounts: list[float], total: float
) -> None:
    """As floats some of these are a little less, and the visitor misses the segment."""
    for each in (amounts, amounts[::-1], *permutations(amounts[-3:])):
        rest = amounts[:-3] if len(each) < len(amounts) else []
        assert [*accumulate([*rest, *each], add_up)][-1] == add_all([*rest, *each]) == total


def test_whole_numbers_stay_exact() -> None:
    """Also where a float cannot tell them apart."""
    assert add_all([2**53, 1]) == 2**53 + 1
    assert add_up(2**62, 2**62) == float(2**63)
    assert add_all([]) == 0


def test_numbers_that_no_decimals_fit_are_added_as_they_are() -> None:
    """Very large and very small ones; the latest is left out where nothing could hold the sum."""
    assert add_all([1e300, 1.0]) == 1e300
    assert add_all([5e-324, 0.0]) == 5e-324
    assert math.copysign(1, add_all([0.0, -0.0])) == 1
    assert add_all([1e308, 1e308]) == math.inf
    assert add_up(1e308, 1e308) == 1e308


def test_an_average_is_rounded_as_well() -> None:
    """Three times 0.1 come to 0.1 each, which as floats they do not."""
    assert mean_of(add_all([0.1, 0.1, 0.1]), 3) == 0.1
    assert mean_of(0, 2) == 0
    assert mean_of(100, 3) == pytest.approx(100 / 3)
