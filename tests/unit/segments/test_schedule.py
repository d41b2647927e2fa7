"""Schedules: what is active when, and when that changes, against a look at every quarter hour."""

from datetime import UTC, time
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.segments.schedule import Schedule, Season

QUARTER_MS = 900_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
PRAGUE = ZoneInfo("Europe/Prague")
MARCH_2027_MS = 1_803_859_200_000
"""2027-03-01T00:00:00Z; the clocks of Prague change on the 28th."""

clocks = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))
instants = st.integers(0, 96 * 40).map(lambda quarter: MARCH_2027_MS + quarter * QUARTER_MS)
schedules = st.builds(
    Schedule,
    from_ms=st.none() | instants,
    until_ms=st.none() | instants,
    weekdays=st.frozensets(st.integers(0, 6), max_size=3),
    months=st.frozensets(st.sampled_from([3, 4]), max_size=1),
    start=clocks,
    end=clocks,
    time_zone=st.sampled_from([UTC, PRAGUE]),
)


@settings(max_examples=60, deadline=None)
@given(schedules, instants)
def test_nothing_changes_before_the_next_change(schedule: Schedule, now_ms: int) -> None:
    """Until then every quarter hour is alike, and then it is the other way."""
    change_ms = schedule.next_change_ms(now_ms)
    active = schedule.is_active(now_ms)
    last_ms = min(change_ms or now_ms + 30 * DAY_MS, now_ms + 30 * DAY_MS)
    assert all(schedule.is_active(at_ms) == active for at_ms in range(now_ms, last_ms, QUARTER_MS))
    if change_ms is not None:
        assert schedule.is_active(change_ms) != active


@settings(max_examples=60, deadline=None)
@given(schedules, st.lists(instants, min_size=1, max_size=5))
def test_a_season_answers_as_its_schedule(schedule: Schedule, looks: list[int]) -> None:
    """What it remembers is never out of date, in whatever order one looks."""
    season = Season(schedule)
    for now_ms in looks:
        active, change_ms = season.at(now_ms)
        assert active == schedule.is_active(now_ms)
        assert change_ms is None or change_ms > now_ms


def test_hours_follow_the_clocks_of_their_zone() -> None:
    """Eight in Prague is seven in UTC in winter and six in summer."""
    winter_ms, summer_ms = MARCH_2027_MS, MARCH_2027_MS + 30 * DAY_MS
    opens = Schedule(start=time(8), end=time(20), time_zone=PRAGUE)
    assert opens.is_active(winter_ms + 7 * HOUR_MS)
    assert not opens.is_active(winter_ms + 7 * HOUR_MS - 1)
    assert opens.is_active(summer_ms + 6 * HOUR_MS)
    assert opens.next_change_ms(winter_ms) == winter_ms + 7 * HOUR_MS


def test_without_periods_only_the_bounds_count() -> None:
    """From is included, until is not, and after it nothing changes any more."""
    schedule = Schedule(from_ms=1_000, until_ms=2_000)
    assert [schedule.is_active(at_ms) for at_ms in (999, 1_000, 1_999, 2_000)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert [schedule.next_change_ms(at_ms) for at_ms in (0, 1_000, 2_000)] == [1_000, 2_000, None]
