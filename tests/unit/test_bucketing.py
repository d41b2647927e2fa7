"""Assignment reproduces GrowthBook's published vectors and keeps to the weights."""

from collections import Counter
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bucketing import bucket, draw, fnv1a32, pick, split_ranges

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


# "getBucketRange" in the same file, but for those whose weights are no whole shares.
RANGES = [
    ((1, 1), 1, [(0, 0.5), (0.5, 1)]),
    ((1, 1), 0.5, [(0, 0.25), (0.5, 0.75)]),
    ((1, 1), 0, [(0, 0), (0.5, 0.5)]),
    ((1, 1, 1, 1), 1, [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]),
    ((40, 60), 1, [(0, 0.4), (0.4, 1)]),
    ((20, 30, 50), 1, [(0, 0.2), (0.2, 0.5), (0.5, 1)]),
    ((20, 30, 50), 0.2, [(0, 0.04), (0.2, 0.26), (0.5, 0.6)]),
]


@pytest.mark.parametrize(("weights", "coverage", "expected"), RANGES)
def test_the_published_ranges_are_reproduced(
    weights: tuple[int, ...], coverage: float, expected: list[tuple[float, float]]
) -> None:
    """Weights and coverage cut [0, 1) as every other SDK cuts it."""
    found = split_ranges(weights, coverage)

    assert [pytest.approx(each) for each in expected] == found


def test_a_range_has_its_beginning_and_not_its_end() -> None:
    """Who stands where the coverage ends takes no part; where a part begins, in that one."""
    ranges = split_ranges((1, 1), 0.5)
    assert [pick(ranges, step / 4) for step in range(4)] == [0, None, 1, None]
    assert pick(ranges, 0.2499) == 0
    assert pick(ranges, 0.4999) is None


@given(st.lists(st.integers(0, 10_000), min_size=1).filter(any), st.integers(0, 9_999))
def test_a_position_falls_to_a_weight_above_zero(weights: list[int], step: int) -> None:
    """With full coverage no position is left over, and a weight of zero gets none."""
    index = pick(split_ranges(weights), step / 10_000)

    assert index is not None
    assert weights[index] > 0


@given(
    st.lists(st.integers(0, 10_000), min_size=1).filter(any),
    st.integers(0, 9_999),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_more_coverage_reassigns_nobody(
    weights: list[int], step: int, coverages: tuple[float, float]
) -> None:
    """Who was dealt a part keeps it as the coverage grows."""
    less, more = (pick(split_ranges(weights, each), step / 10_000) for each in sorted(coverages))

    assert less in {None, more}


def _is_within_interval(count: int, ids: int, share: float) -> bool:
    """Tell whether a count is within the 99.9 % binomial interval of its share."""
    return abs(count / ids - share) < 3.29 * (share * (1 - share) / ids) ** 0.5


def test_shares_follow_the_weights() -> None:
    """Over 100,000 ids each share is within the 99.9 % binomial interval of its weight."""
    ids, weights = 100_000, (50, 30, 20)
    ranges = split_ranges(weights)
    counts = Counter(pick(ranges, bucket("campaign", f"visitor-{number}")) for number in range(ids))

    for index, weight in enumerate(weights):
        assert _is_within_interval(counts[index], ids, weight / 100)


def test_draws_follow_the_weights() -> None:
    """Of several equals each comes first for its share of visitors."""
    ids, weights = 100_000, {"light": 1, "middle": 2, "heavy": 5}
    salts = {name: fnv1a32(name) for name in weights}

    def first(ticket: int) -> str:
        return min(weights, key=lambda name: draw(salts[name], ticket, weights[name]))

    counts = Counter(first(fnv1a32(f"visitor-{number}")) for number in range(ids))

    for name, weight in weights.items():
        assert _is_within_interval(counts[name], ids, weight / 8)


# MurmurHash3_x86_32 of no bytes is its finaliser of the seed, for which these are published.
MIXED = [(0, 0), (1, 0x514E28B7), (0xFFFFFFFF, 0x81F16F39)]


@pytest.mark.parametrize(("seed", "mixed"), MIXED)
def test_draws_stay_what_they_are(seed: int, mixed: int) -> None:
    """Of equals a visitor sees the same one after each release."""
    expected = -log((mixed + 0.5) / 2**32)
    salt = 0xDEADBEEF
    assert draw(seed, 0, 1) == draw(salt, salt ^ seed, 1) == pytest.approx(expected, rel=1e-12)
    assert draw(seed, 0, 5) == pytest.approx(expected / 5)
