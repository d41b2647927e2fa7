"""A recalculation is shared by pages, of which each counts once."""

from edgeseg.audiences.sweep_progress import (
    LEASE_MS,
    Counts,
    Page,
    advance,
    begin,
    finish,
    renew,
    take,
)

FIRST = Page("a:1", "life", "0")
SECOND = Page("a:1", "life", "7")
THIRD = Page("a:1", "life", "3")
BEGUN = begin("id", "rules", [FIRST], total=9, now_ms=0)


def test_two_processes_take_different_pages() -> None:
    """As soon as one has found out where the next page begins, the other may take that."""
    progress, page = take(BEGUN, 1)
    assert page == FIRST
    assert take(progress, 2)[1] is None
    progress = advance(progress, FIRST, SECOND)
    assert take(progress, 2)[1] == SECOND


def test_a_page_of_a_process_that_ended_is_taken_by_another() -> None:
    """Nobody finished it in time, so it is done again."""
    progress, _page = take(BEGUN, 1)
    assert take(progress, LEASE_MS)[1] is None
    assert take(progress, 1 + LEASE_MS)[1] == FIRST


def test_a_page_that_is_renewed_stays() -> None:
    """A page that takes long is not taken from whoever is at it."""
    progress, page = take(BEGUN, 1)
    assert page is not None
    progress = renew(progress, page, LEASE_MS)
    assert take(progress, 2 * LEASE_MS - 1)[1] is None
    assert take(progress, 2 * LEASE_MS)[1] == FIRST


def test_a_page_that_was_done_twice_counts_once() -> None:
    """A process that was only slow finishes what another has done meanwhile."""
    progress = finish(BEGUN, FIRST, Counts(5, 2))
    assert finish(progress, FIRST, Counts(5, 1)) is progress
    assert progress.counts == Counts(5, 2)


def test_a_page_that_was_read_twice_is_followed_once() -> None:
    """The walk goes on from one place, not from two."""
    progress = advance(BEGUN, FIRST, SECOND)
    assert advance(progress, FIRST, SECOND) is progress
    further = advance(progress, SECOND, THIRD)
    assert advance(further, FIRST, SECOND) is further


def test_it_is_done_when_the_last_page_is() -> None:
    """The end of the walk opens no page."""
    progress = finish(advance(BEGUN, FIRST, SECOND), FIRST, Counts(1, 1, segments={"s": 1}))
    assert not progress.is_done
    progress = finish(advance(progress, SECOND, None), SECOND, Counts(2, 0, segments={"s": 2}))
    assert progress.is_done
    assert progress.counts == Counts(3, 1, segments={"s": 3})
