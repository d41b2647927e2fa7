"""Whether something grows: a slope that single outliers do not move."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median


def slope_of(points: Sequence[tuple[float, float]]) -> float:
    """Answer the slope through points (x, y) by Theil and Sen: the median over all pairs.

    0 where no two of them differ in x.
    """
    slopes = [
        (y_later - y) / (x_later - x)
        for (x, y), (x_later, y_later) in combinations(points, 2)
        if x_later != x
    ]
    return median(slopes) if slopes else 0.0
