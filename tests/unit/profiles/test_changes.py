"""Changes in any order of arrival: the latest by its own time wins."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.events.event import Value
from edgeseg.profiles.changes import (
    MAX_CHANGES,
    MAX_PURPOSES,
    MAX_REMOVED,
    Attributes,
    ConsentChange,
    add_consents,
    consent_state,
    consents_at,
    consents_end_ms,
    join_attributes,
    set_attributes,
)

NOTHING = Attributes({}, (), {})
CHANGES = st.lists(
    st.builds(ConsentChange, st.booleans(), st.integers(0, 20), st.sampled_from(["a", "b"])),
    min_size=1,
    max_size=12,
)
CHANGED = st.dictionaries(st.sampled_from("abc"), st.just([]) | st.integers(0, 3), max_size=3)
SETTINGS = st.lists(
    st.tuples(st.integers(0, 20), CHANGED),
    max_size=12,
    unique_by=lambda each: each[0],
)


@given(changes=CHANGES, seed=st.randoms(use_true_random=False))
def test_the_latest_consent_wins_whatever_comes_first(
    changes: list[ConsentChange], seed: random.Random
) -> None:
    """A denial wins a tie; the history is short, and in the order of time."""
    shuffled = list(changes)
    seed.shuffle(shuffled)
    known = add_consents({}, (("m", change) for change in shuffled))["m"]
    expected = max(changes, key=lambda change: (change.at_ms, not change.granted))
    assert (known[0].granted, known[0].at_ms) == (expected.granted, expected.at_ms)
    assert len(known) <= MAX_CHANGES
    assert [change.at_ms for change in known] == sorted(
        (change.at_ms for change in known), reverse=True
    )
    assert all(one.granted != other.granted for one, other in pairwise(known))


TOLD = st.lists(
    st.tuples(
        st.sampled_from([f"p{number}" for number in range(2 * MAX_PURPOSES)]),
        st.builds(ConsentChange, st.booleans(), st.integers(0, 50)),
    ),
    max_size=6 * MAX_PURPOSES,
    unique_by=lambda each: each[0],
)


@given(told=TOLD, seed=st.randoms(use_true_random=False), cut=st.integers(0, 40))
def test_beyond_the_bound_the_same_purposes_stay_whatever_comes_first(
    told: list[tuple[str, ConsentChange]], seed: random.Random, cut: int
) -> None:
    """Alone, in batches and by a merge; no denial makes place for a grant."""
    whole = add_consents({}, told)
    seed.shuffle(told)
    halves = add_consents({}, told[:cut]), add_consents({}, told[cut:])
    one_by_one: dict[str, tuple[ConsentChange, ...]] = {}
    for each in told:
        one_by_one = add_consents(one_by_one, [each])
    changes = ((purpose, each) for purpose, all_ in halves[1].items() for each in all_)
    assert add_consents(halves[0], changes) == one_by_one == whole
    assert len(whole) == min(MAX_PURPOSES, len(told))
    gone = [change for purpose, change in told if purpose not in whole]
    if any(not change.granted for change in gone):
        assert not any(each.granted for changes in whole.values() for each in changes)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=12))
def test_a_new_grant_never_costs_a_denial(given_after: list[tuple[str, bool]]) -> None:
    """Whoever has denied all purposes that fit in can still change their mind about each."""
    full = [(f"p{number}", ConsentChange(granted=False, at_ms=0)) for number in range(MAX_PURPOSES)]
    known = add_consents({}, full)
    assert add_consents(known, [("new", ConsentChange(granted=True, at_ms=99))]) == known
    known = add_consents(known, [("p0", ConsentChange(granted=True, at_ms=99))])
    assert known["p0"][0].granted
    for at_ms, (purpose, granted) in enumerate(given_after, 100):
        known = add_consents(known, [(purpose, ConsentChange(granted=granted, at_ms=at_ms))])
        assert len(known) == MAX_PURPOSES
        assert granted is False or purpose not in known or len(known[purpose]) > 1


def test_a_purpose_is_granted_denied_revoked_or_expired() -> None:
    """Exact to the millisecond; what has expired counts as never given."""
    granted, denied = ConsentChange(granted=True, at_ms=10), ConsentChange(granted=False, at_ms=20)
    assert consent_state((granted,), now_ms=10, valid_ms=0) == "granted"
    assert consent_state((granted,), now_ms=14, valid_ms=5) == "granted"
    assert consent_state((granted,), now_ms=15, valid_ms=5) == "expired"
    assert consent_state((denied,), now_ms=99, valid_ms=5) == "denied"
    assert consent_state((denied, granted), now_ms=99, valid_ms=5) == "revoked"
    known = {"a": (granted,), "b": (denied,)}
    assert consents_at(known, now_ms=14, valid_ms=5) == {"a": True, "b": False}
    assert consents_at(known, now_ms=15, valid_ms=5) == {"b": False}
    assert consents_at(known, now_ms=10**12) == {"a": True, "b": False}
    ends_ms = [consents_end_ms(known, now_ms=now_ms, valid_ms=5) for now_ms in (14, 15)]
    assert ends_ms == [15, 0]
    assert consents_end_ms(known, now_ms=14, valid_ms=0) == 0


@given(settings=SETTINGS, seed=st.randoms(use_true_random=False))
def test_the_latest_value_wins_whatever_comes_first(
    settings: list[tuple[int, dict[str, Value]]], seed: random.Random
) -> None:
    """Also against a removal, and when two halves are joined afterwards."""
    expected: dict[str, Value] = {}
    for _at_ms, changes in sorted(settings, key=lambda each: each[0]):
        expected |= changes
    expected = {name: value for name, value in expected.items() if value != []}
    shuffled = list(settings)
    seed.shuffle(shuffled)
    whole, halves = NOTHING, [NOTHING, NOTHING]
    for number, (at_ms, changes) in enumerate(shuffled):
        whole = set_attributes(whole, changes, at_ms)
        halves[number % 2] = set_attributes(halves[number % 2], changes, at_ms)
    assert whole.values == expected
    assert sum(count for _at_ms, count in whole.set_ms) == len(expected)
    joined = join_attributes(*halves)
    assert joined.values == expected
    assert join_attributes(joined, whole).values == expected


def test_attributes_set_together_share_one_instant() -> None:
    """So that twenty of them cost the store a few bytes, not twenty instants."""
    known = set_attributes(NOTHING, {f"a{n}": n for n in range(20)}, 7)
    assert known.set_ms == ((7, 20),)
    known = set_attributes(known, {"a3": 9}, 8)
    assert known.set_ms == ((7, 19), (8, 1))
    assert list(known.values)[-1] == "a3"


def test_only_so_many_removals_are_remembered() -> None:
    """The latest ones."""
    known = NOTHING
    for number in range(MAX_REMOVED + 5):
        known = set_attributes(known, {f"a{number}": []}, number)
    assert len(known.removed_ms) == MAX_REMOVED
    assert "a4" not in known.removed_ms
