"""Assignment reproduces GrowthBook's published vectors and keeps to the weights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bucketing import bucket, fnv1a32, pick

# Version 2 rows of "hash" in the test cases that GrowthBook publishes for all its SDKs
# (packages/sdk-js/test/cases.json in growthbook/growthbook, MIT licence).
VECTORS = [
    ("seed", "a", 0.0505),
    ("seed", "b", 0.2696),
    ("foo", "ab", 0.2575),
    ("foo", "def", 0.2019),
    ("89123klj", "8952klfjas09ujkasdf", 0.124),
    ("90850943850283058242805", "123", 0.7516),
    ("()**(%$##$%#$#", '___)((*":&', 0.0128),
]


@pytest.mark.parametrize(("seed", "bucket_id", "expected"), VECTORS)
def test_the_published_vectors_are_reproduced(seed: str, bucket_id: str, expected: float) -> None:
    """The same seed and id give the bucket that every other SDK computes."""
    assert bucket(seed, bucket_id) == expected


def test_the_hash_is_32_bit_fnv_1a() -> None:
    """The reference values of FNV-1a (the hash's own published tests) hold."""
    assert [fnv1a32(text) for text in ("", "a", "foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]


def test_text_beyond_ascii_is_hashed_by_utf_16_units() -> None:
    """As JavaScript sees it: one unit of more than 8 bits is taken in one step."""
    expected = ((0x811C9DC5 ^ 0x20AC) * 0x01000193) & 0xFFFFFFFF
    assert fnv1a32("€") == expected


@given(st.lists(st.integers(0, 10_000), min_size=1).filter(any), st.integers(0, 9_999))
def test_a_position_falls_to_a_weight_above_zero(weights: list[int], step: int) -> None:
    """No position is left over and a weight of zero gets none."""
    assert weights[pick(weights, step / 10_000)] > 0


def test_shares_follow_the_weights() -> None:
    """Over 100,000 ids each share is within the 99.9 % binomial interval of its weight."""
    ids, weights = 100_000, (50, 30, 20)
    counts = [0, 0, 0]
    for number in range(ids):
        counts[pick(weights, bucket("campaign", f"visitor-{number}"))] += 1
    for weight, count in zip(weights, counts, strict=True):
        share = weight / 100
        assert abs(count / ids - share) < 3.29 * (share * (1 - share) / ids) ** 0.5
