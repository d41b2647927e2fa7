"""How long and how much of a visitor is kept."""

from edgeseg.profiles.retention import Retention
from tests.conformance.plans import NOW_MS, view

HISTORY = tuple(view(number) for number in range(4))


def test_the_journal_is_bounded_by_number_and_by_age() -> None:
    """Exact to the millisecond; what may stay as it is is the same object."""
    for events, age_ms, now_ms, kept in (
        (4, 3_000, NOW_MS + 3_000, 4),
        (4, 3_000, NOW_MS + 3_001, 3),
        (3, 3_000, NOW_MS + 4_000, 3),
        (2, 1_000, NOW_MS + 3_500, 1),
        (0, 3_000, NOW_MS + 3_000, 0),
    ):
        retention = Retention(journal_events=events, journal_age_ms=age_ms)
        assert retention.trim(HISTORY, now_ms) == HISTORY[4 - kept :]
    assert Retention().trim(HISTORY, NOW_MS) is HISTORY
    assert Retention().trim((), NOW_MS) == ()


def test_the_expiry_slides_up_to_the_cap() -> None:
    """A profile that is past it is gone at once."""
    retention = Retention(retention_ms=10, cap_ms=30)
    assert retention.first_ttl_ms == 10
    assert Retention(retention_ms=10, cap_ms=5).first_ttl_ms == 5
    left_ms = [retention.ttl_ms(100, now_ms) for now_ms in (100, 120, 125, 130, 500)]
    assert left_ms == [10, 10, 5, 1, 1]


def test_a_value_is_due_by_its_events_or_by_its_expiry() -> None:
    """As soon as there are so many; later than so long after the last time."""
    retention = Retention(tail_lines=4, refresh_ms=100)
    assert [retention.is_due(lines, 1_000, 1_000) for lines in (3, 4, 5)] == [False, True, True]
    assert [retention.is_due(0, 1_000, now_ms) for now_ms in (1_100, 1_101)] == [False, True]
