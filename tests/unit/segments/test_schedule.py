"""Schedules: what is active when, and when that changes, against a look at every quarter hour."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.segments.schedule import Schedule, Season
from tests.unit.segments.oracle import lasts

QUARTER_MS = 900_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
PRAGUE = ZoneInfo("Europe/Prague")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
SANTIAGO = ZoneInfo("America/Santiago")
MARCH_2027_MS = 1_803_859_200_000
"""2027-03-01T00:00:00Z; the clocks of Prague are set forward on the 28th, those of Lord Howe
and Santiago, where that is at midnight, back on April 4th."""

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
    time_zone=st.sampled_from([UTC, PRAGUE, LORD_HOWE, SANTIAGO]),
)


@settings(max_examples=200, deadline=None)
@given(schedules, instants)
def test_a_schedule_is_active_as_a_naive_reading_has_it(schedule: Schedule, now_ms: int) -> None:
    """Season, hours, days and months all count; a night belongs to the day it begins on."""
    assert schedule.is_active(now_ms) == lasts(schedule, now_ms)


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
        expected = (schedule.is_active(now_ms), schedule.next_change_ms(now_ms))
        assert season.at(now_ms) == expected


def test_hours_follow_the_clocks_of_their_zone() -> None:
    """Eight in Prague is seven in UTC in winter and six in summer."""
    winter_ms, summer_ms = MARCH_2027_MS, MARCH_2027_MS + 30 * DAY_MS
    opens = Schedule(start=time(8), end=time(20), time_zone=PRAGUE)
    assert opens.is_active(winter_ms + 7 * HOUR_MS)
    assert not opens.is_active(winter_ms + 7 * HOUR_MS - 1)
    assert opens.is_active(summer_ms + 6 * HOUR_MS)
    assert opens.next_change_ms(winter_ms) == winter_ms + 7 * HOUR_MS
    noon_ms = winter_ms + 11 * HOUR_MS
    ends = Schedule(until_ms=noon_ms, start=time(8), end=time(20), time_zone=PRAGUE)
    assert ends.next_change_ms(winter_ms + 9 * HOUR_MS) == noon_ms
    assert ends.next_change_ms(noon_ms) is None


def test_without_periods_only_the_bounds_count() -> None:
    """From is included, until is not, and after it nothing changes any more."""
    schedule = Schedule(from_ms=1_000, until_ms=2_000)
    assert [schedule.is_active(at_ms) for at_ms in (999, 1_000, 1_999, 2_000)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert [schedule.next_change_ms(at_ms) for at_ms in (0, 1_000, 2_000)] == [1_000, 2_000, None]


def _changes(schedule: Schedule, since: str, number: int) -> list[str]:
    now_ms, found = _milliseconds(since), []
    for _ in range(number):
        change_ms = schedule.next_change_ms(now_ms)
        assert change_ms is not None
        now_ms = change_ms
        found.append(f"{datetime.fromtimestamp(now_ms / 1_000, UTC):%m-%dT%H:%M}")
    return found


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def test_a_time_of_day_that_clocks_skip_comes_when_they_are_set() -> None:
    """Half past two does not exist in Prague's night of March 28th: three o'clock follows two."""
    opens = Schedule(start=time(2, 30), end=time(4), time_zone=PRAGUE)
    assert _changes(opens, "2027-03-28T00:00:00Z", 2) == ["03-28T01:00", "03-28T02:00"]


def test_a_time_of_day_that_comes_twice_begins_and_ends_twice() -> None:
    """In the night of October 31st it is two o'clock in Prague, and an hour later again."""
    opens = Schedule(start=time(1), end=time(2, 30), time_zone=PRAGUE)
    expected = ["10-30T23:00", "10-31T00:30", "10-31T01:00", "10-31T01:30"]
    assert _changes(opens, "2027-10-30T22:00:00Z", 4) == expected


def test_months_and_days_are_those_in_which_the_hours_begin() -> None:
    """The night of the last Wednesday of a March in Prague lasts until a morning in April."""
    march = Schedule(months=frozenset({3}), time_zone=PRAGUE)
    assert _changes(march, "2027-02-01T00:00:00Z", 2) == ["02-28T23:00", "03-31T22:00"]
    nights = Schedule(
        months=frozenset({3}),
        weekdays=frozenset({2}),
        start=time(22),
        end=time(6),
        time_zone=PRAGUE,
    )
    expected = ["03-31T20:00", "04-01T04:00", "03-01T21:00"]
    assert _changes(nights, "2027-03-30T00:00:00Z", 3) == expected


def test_periods_of_a_season_years_ahead_are_found() -> None:
    """The first Monday after it began, however far that is."""
    begins_ms = _milliseconds("2032-06-01T00:00:00Z")
    schedule = Schedule(from_ms=begins_ms, weekdays=frozenset({0}))
    assert schedule.next_change_ms(MARCH_2027_MS) == _milliseconds("2032-06-07T00:00:00Z")


def test_a_season_that_is_over_is_not_looked_at_again() -> None:
    """Its schedule is asked once, not on every page view for ever after."""
    asked = []

    class Counted(Schedule, frozen=True):
        def next_change_ms(self, now_ms: int) -> int | None:
            asked.append(now_ms)
            return Schedule.next_change_ms(self, now_ms)

    season = Season(Counted(until_ms=MARCH_2027_MS, weekdays=frozenset({0})))
    for later in range(5):
        assert season.at(MARCH_2027_MS + later) == (False, None)
    assert asked == [MARCH_2027_MS]
