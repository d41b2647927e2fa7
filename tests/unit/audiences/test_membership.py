"""The tally of memberships, by example and against a naive reading."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.audiences.membership import MembershipTally, SegmentSize

VIEWS = st.lists(st.tuples(st.sampled_from("uvw"), st.frozensets(st.sampled_from("abc"))))


def tally_of(*views: tuple[str, str]) -> MembershipTally:
    """Answer a tally of views: visitor, segments of one letter."""
    tally = MembershipTally()
    for visitor, segments in views:
        tally.add(visitor, segments)
    return tally


def test_counts_who_joined_and_who_left():
    """A visitor who leaves is no longer inside, but was there."""
    tally = tally_of(("u", "ab"), ("v", "a"), ("u", "b"))
    assert tally.size("a") == SegmentSize(inside=1, ever=2, joined=2, left=1)
    assert tally.size("b") == SegmentSize(inside=1, ever=1, joined=1, left=0)


def test_who_comes_back_has_joined_twice_and_is_one_visitor():
    """Movements are counted each, visitors once."""
    tally = tally_of(("u", "a"), ("u", ""), ("u", "a"))
    assert tally.size("a") == SegmentSize(inside=1, ever=1, joined=2, left=1)


def test_visitors_without_any_segment_count_as_visitors():
    """Being nowhere is a view, too."""
    tally = tally_of(("u", ""), ("v", ""), ("u", ""))
    assert tally.visitors == 2
    assert tally.size("a") == SegmentSize(0, 0, 0, 0)


@given(VIEWS)
def test_agrees_with_a_naive_reading(views: list[tuple[str, frozenset[str]]]):
    """Sizes follow from the list of all views, whatever it is."""
    tally = MembershipTally()
    for visitor, segments in views:
        tally.add(visitor, segments)
    for segment in "abc":
        histories = {
            visitor: [False, *(segment in held for who, held in views if who == visitor)]
            for visitor in "uvw"
        }
        moves = [
            (before, after)
            for history in histories.values()
            for before, after in itertools.pairwise(history)
        ]
        assert tally.size(segment) == SegmentSize(
            inside=sum(history[-1] for history in histories.values()),
            ever=sum(any(history) for history in histories.values()),
            joined=moves.count((False, True)),
            left=moves.count((True, False)),
        )
