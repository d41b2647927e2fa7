"""Events of clients whose clocks are wrong."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from edgeseg.clock import DAY_MS
from edgeseg.events.decode import MAX_PAST_MS, IncomingEvent, check_event, clock_lag_ms

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1_000)
MINUTE = timedelta(minutes=1)


def _age_ms(timestamp: datetime, sent_at: datetime | None) -> int:
    lag_ms = clock_lag_ms(sent_at, now_ms=NOW_MS, time_zone=ZoneInfo("Europe/Prague"))
    checked = check_event(
        IncomingEvent(event="bought", timestamp=timestamp),
        field="events[0]",
        now_ms=NOW_MS,
        time_zone=ZoneInfo("Europe/Prague"),
        lag_ms=lag_ms,
    )
    return NOW_MS - checked.at_ms


@pytest.mark.parametrize("wrong", [timedelta(days=-900), -MINUTE, timedelta(0), timedelta(hours=5)])
def test_what_a_clock_is_wrong_by_is_taken_off(wrong: timedelta) -> None:
    """An event of a minute ago is of a minute ago, whatever the client takes the time to be."""
    assert _age_ms(NOW + wrong - MINUTE, NOW + wrong) == 60_000


def test_without_the_time_of_sending_the_stamp_is_taken_as_it_is() -> None:
    """As servers send it, whose clocks are right."""
    assert _age_ms(NOW - MINUTE, None) == 60_000
    assert _age_ms(NOW + MINUTE, None) == 0


def test_the_bounds_hold_for_what_is_set_right() -> None:
    """Never later than now, nor older than events may be."""
    assert _age_ms(NOW + MINUTE, NOW) == 0
    assert _age_ms(NOW - timedelta(days=400), NOW) == MAX_PAST_MS
    assert _age_ms(NOW, NOW + timedelta(days=30)) == 30 * DAY_MS


def test_stamps_without_a_zone_are_of_the_site() -> None:
    """Both of them, so that the zone makes no difference between them."""
    naive = NOW.replace(tzinfo=None)
    assert _age_ms(naive - MINUTE, naive) == 60_000
