"""Sums of amounts, which people write in decimals. Pure.

Floats alone would make of ten times 9.99 and 0.1 a little less than 100, and of the same
amounts in another order 100. So a sum is rounded to the 15 digits that a float is sure of
(`DBL_DIG` of C, ``sys.float_info.dig``), counted from the size of what was added.
"""

import sys
from collections.abc import Sequence
from math import floor, fsum, isfinite, log10
from typing import Final

_DIGITS: Final = sys.float_info.dig
_TOO_LARGE: Final = 10**_DIGITS
"""From here on such digits are no decimals any more."""
_INTEGER_BOUND: Final = 2**63


def add_all(amounts: Sequence[float]) -> float:
    """Answer the sum of amounts; it does not depend on their order.

    Whole numbers are exact. With others it is as if all were decimals, as long as
    15 digits hold the sum of their sizes; infinite where no float holds it.
    """
    total = sum(amounts)
    if isinstance(total, int):
        return total
    size = sum(map(abs, amounts))
    return _round(fsum(amounts), size) if size < _TOO_LARGE else total


def add_up(total: float, amount: float) -> float:
    """Add up so that the sum can be stored: finite, and an integer only within 64 bits."""
    added = add_all((total, amount))
    if -_INTEGER_BOUND <= added < _INTEGER_BOUND:
        return added
    return float(added) if isfinite(added) else total


def mean_of(total: float, count: int) -> float:
    """Answer what each of ``count`` amounts, at least one, comes to."""
    mean = total / count
    return _round(mean, abs(mean)) if abs(mean) < _TOO_LARGE else mean


def _round(added: float, size: float) -> float:
    """Answer what was added, to as many decimals as amounts of this size have for sure."""
    return round(added, _DIGITS - 1 - floor(log10(size))) if size else added
