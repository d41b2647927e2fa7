"""How sure counts make one: intervals of rates and differences, and a test of shares. Pure."""

import math
from collections.abc import Sequence
from math import erfc, exp, gamma, sqrt
from typing import Final, NamedTuple

Z: Final = 1.959963984540054
"""The 0.975 quantile of the normal distribution, for intervals of 95 %."""

_BEYOND: Final = 10_000.0
"""Half a distance beyond which the tail is less than a double holds, for as many variants as
campaigns have; the terms of the sums would soon be more than one holds."""


class Interval(NamedTuple):
    """From ``low`` to ``high``."""

    low: float
    high: float


def rate_interval(successes: int, trials: int) -> Interval:
    """Answer the 95 % interval of a rate; with no trials it may be anything.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical
    inference. Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if not trials:
        return Interval(0.0, 1.0)
    rate, z_squared = successes / trials, Z * Z
    middle = rate + z_squared / (2 * trials)
    reach = Z * sqrt(rate * (1 - rate) / trials + z_squared / (4 * trials * trials))
    whole = 1 + z_squared / trials
    low = 0.0 if successes == 0 else (middle - reach) / whole
    high = 1.0 if successes == trials else (middle + reach) / whole
    return Interval(low, high)


def difference_interval(one: tuple[int, int], other: tuple[int, int]) -> Interval:
    """Answer the 95 % interval of the first rate minus the second.

    Source: R. G. Newcombe, Interval estimation for the difference between independent
    proportions. Statistics in Medicine 17 (1998), 873-890, method 10.

    Args:
        one: successes and trials; at least one trial.
        other: the same of what it is compared with.
    """
    (one_low, one_high), (other_low, other_high) = rate_interval(*one), rate_interval(*other)
    one_rate, other_rate = one[0] / one[1], other[0] / other[1]
    difference = one_rate - other_rate
    down = sqrt((one_rate - one_low) ** 2 + (other_high - other_rate) ** 2)
    up = sqrt((one_high - one_rate) ** 2 + (other_rate - other_low) ** 2)
    return Interval(difference - down, difference + up)


def share_p_value(observed: Sequence[int], weights: Sequence[int]) -> float:
    """Answer how probable shares at least this far from the weights are by chance alone.

    Pearson's chi-square test. At least two weights are above 0; nobody is expected, and
    nobody is looked at, where a weight is 0.
    """
    counted = [(seen, weight) for seen, weight in zip(observed, weights, strict=True) if weight]
    trials = sum(seen for seen, _weight in counted)
    total = sum(weight for _seen, weight in counted)
    if not trials:
        return 1.0
    expected = [trials * weight / total for _seen, weight in counted]
    distance = sum(
        (seen - wanted) ** 2 / wanted
        for (seen, _weight), wanted in zip(counted, expected, strict=True)
    )
    return chi_square_tail(distance, len(counted) - 1)


def chi_square_tail(distance: float, freedom: int) -> float:
    """Answer the probability that a chi-square variable exceeds ``distance``.

    Source: M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964),
    formulas 26.4.4 and 26.4.5.

    Args:
        distance: at least 0.
        freedom: degrees of freedom, at least 1.
    """
    half = distance / 2
    if half > _BEYOND:
        return 0.0
    if freedom % 2:
        terms = sum(
            math.pow(half, each - 0.5) / gamma(each + 0.5) for each in range(1, freedom // 2 + 1)
        )
        return min(1.0, erfc(sqrt(half)) + exp(-half) * terms)
    terms = sum(math.pow(half, each) / gamma(each + 1) for each in range(freedom // 2))
    return min(1.0, exp(-half) * terms)
