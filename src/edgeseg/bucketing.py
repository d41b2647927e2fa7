"""Deterministic assignment of visitors to fractions of the population.

The hash is version 2 of GrowthBook's published one, so that an assignment can
be checked against public vectors and reproduced by the SDKs people already run:
https://docs.growthbook.io/lib/build-your-own (section "hash").
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from math import inf, log
from typing import Final

REMEMBERED: Final = 8_192
"""Places remembered, about 300 bytes each: visitors view several pages within minutes."""
_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193
_BUCKETS = 10_000


def fnv1a32(text: str, start: int = _FNV_OFFSET) -> int:
    """Hash ``text`` over its UTF-16 code units with 32-bit FNV-1a.

    ``start`` is the hash of what comes before it.
    """
    units = text.encode() if text.isascii() else memoryview(text.encode("utf-16-le")).cast("H")
    digest = start
    for unit in units:
        digest = (digest ^ unit) * _FNV_PRIME
    return digest & 0xFFFFFFFF  # once, since what is above these bits never comes down to them


_hash_of_seed = lru_cache(REMEMBERED)(fnv1a32)
"""Seeds are few: each is hashed once, and the visitor's id after it."""


@lru_cache(REMEMBERED)
def bucket(seed: str, bucket_id: str) -> float:
    """Place ``bucket_id`` in [0, 1) in steps of 1/10,000, independently per ``seed``."""
    digest = fnv1a32(bucket_id, _hash_of_seed(seed))
    return fnv1a32(str(digest)) % _BUCKETS / _BUCKETS


def split_ranges(weights: Sequence[int], coverage: float = 1.0) -> Sequence[tuple[float, float]]:
    """Answer where each weight's part of [0, 1) begins, and where what is covered of it ends.

    As GrowthBook's bucket ranges: each part is filled from its own beginning, so that
    nobody is dealt another part when the coverage grows.

    Args:
        weights: non-negative integers, at least one above zero.
        coverage: 0 to 1.
    """
    total = sum(weights)
    starts = accumulate(weights, initial=0)
    return [
        (start / total, (start + coverage * weight) / total)
        for start, weight in zip(starts, weights, strict=False)
    ]


def pick(ranges: Sequence[tuple[float, float]], position: float) -> int | None:
    """Answer the index of the range that covers ``position``, None for none.

    Args:
        ranges: as `split_ranges` answers them.
        position: in [0, 1).
    """
    index = bisect_right(ranges, (position, inf)) - 1  # the last that begins at or before it
    return index if position < ranges[index][1] else None


def draw(salt: int, ticket: int, weight: int) -> float:
    """Answer the rank of one of several equals for a visitor; the lowest comes first.

    Over all visitors each comes first in proportion to its weight, and for one visitor
    the order of two never depends on a third: rendezvous hashing with weights
    (https://en.wikipedia.org/wiki/Rendezvous_hashing). The bits are mixed by the
    finaliser of MurmurHash3, which is in the public domain.

    Args:
        salt: hash of what is drawn.
        ticket: hash of the visitor.
        weight: at least 1.
    """
    mixed = salt ^ ticket
    mixed = ((mixed ^ (mixed >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return -log((mixed ^ (mixed >> 16)) / 2**32 + 2**-33) / weight
