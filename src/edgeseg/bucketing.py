"""Deterministic assignment of visitors to fractions of the population.

The hash is version 2 of GrowthBook's published one, so that an assignment can
be checked against public vectors and reproduced by the SDKs people already run:
https://docs.growthbook.io/lib/build-your-own (section "hash").
"""

from collections.abc import Sequence
from itertools import accumulate

_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193
_BUCKETS = 10_000


def fnv1a32(text: str) -> int:
    """Hash ``text`` over its UTF-16 code units with 32-bit FNV-1a."""
    units = text.encode() if text.isascii() else memoryview(text.encode("utf-16-le")).cast("H")
    digest = _FNV_OFFSET
    for unit in units:
        digest = ((digest ^ unit) * _FNV_PRIME) & 0xFFFFFFFF
    return digest


def bucket(seed: str, bucket_id: str) -> float:
    """Place ``bucket_id`` in [0, 1) in steps of 1/10,000, independently per ``seed``."""
    return fnv1a32(str(fnv1a32(seed + bucket_id))) % _BUCKETS / _BUCKETS


def pick(weights: Sequence[int], position: float) -> int:
    """Answer the index of the weight whose share of the total covers ``position``.

    Args:
        weights: non-negative integers, at least one above zero.
        position: in [0, 1), as `bucket` answers it.
    """
    bounds = list(accumulate(weights))
    target = position * bounds[-1]
    return next(index for index, bound in enumerate(bounds) if target < bound)
