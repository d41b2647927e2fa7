"""Copies by themselves; over real servers they are tested by the conformance suite."""

from edgeseg.profiles import codec
from edgeseg.profiles.fold import fold
from edgeseg.profiles.merge import merged_event
from edgeseg.profiles.near_cache import Copy, NearCache
from edgeseg.profiles.profile import EMPTY_PROFILE
from tests.conformance.plans import NOW_MS, VIEW_PLAN, view


def test_whoever_asks_for_a_copy_or_begins_keeps_it_from_making_place() -> None:
    """So do not those that are begun and never kept: they are bounded, too."""
    cache = NearCache(25_000)
    for key in ("found", "begun", "idle", "last"):
        cache.keep(key, cache.begin(key), Copy(b"E", 700, 0, EMPTY_PROFILE, 0))
        cache.find("found")
        cache.begin("begun")
    assert [key for key in ("found", "begun", "idle", "last") if cache.recall(key)] == [
        *("found", "begun", "last")
    ]
    for number in range(100):
        cache.begin(f"k{number}")
    assert cache.recall("found") is None


def take(copy: Copy, *replies: bytes) -> Copy | None:
    """Answer a copy with a page view appended, where this is read back."""
    return copy.take([0, *replies], [view(5)], codec.encode_lines([view(5)]), VIEW_PLAN)


def test_a_copy_goes_on_with_what_was_appended_or_is_read_back() -> None:
    """Its size tells where the next page view has to read."""
    header = codec.build_header(codec.next_generation(1))
    before = fold(EMPTY_PROFILE, [view(3)], VIEW_PLAN)
    copy = Copy(header, 100, 1, before, NOW_MS)
    own, tail = (codec.encode_lines(each) for each in ([view(5)], [view(4), view(5)]))
    assert take(copy, header) == Copy(
        header, 100 + len(own), 2, fold(before, [view(5)], VIEW_PLAN), NOW_MS
    )
    assert take(copy, tail, header) == Copy(
        header, 100 + len(tail), 3, fold(before, [view(4), view(5)], VIEW_PLAN), NOW_MS
    )


def test_a_copy_does_not_go_on_where_the_whole_value_is_needed() -> None:
    """Another value, a late event, a merge, or what does not decode."""
    header, other = (codec.build_header(codec.next_generation(number)) for number in (1, 2))
    copy = Copy(header, 100, 1, fold(EMPTY_PROFILE, [view(3)], VIEW_PLAN), NOW_MS)
    merge = merged_event("other", "mine", "1", header, NOW_MS)
    tails = [codec.encode_lines([each, view(5)]) for each in (view(2), merge)]
    assert take(copy, other) is take(copy, tails[0], other) is None
    assert [take(copy, tail, header) for tail in (*tails, b"[junk\n")] == [None] * 3
