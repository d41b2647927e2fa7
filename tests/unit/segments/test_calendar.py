"""What the clock tells, and until when, where clocks are set at odd times."""

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from edgeseg.segments.calendar import tell_calendar

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@pytest.mark.parametrize("name", ["hour", "weekday", "date"])
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Prague", "2027-03-28"),
        ("Pacific/Chatham", "2027-04-04"),  # from 3:45 back to 2:45
        ("Pacific/Chatham", "2027-09-26"),  # from 2:45 on to 3:45
        ("Australia/Lord_Howe", "2027-04-04"),  # by half an hour
        ("America/Havana", "2027-11-07"),  # from 1:00 back to midnight
        ("America/Santiago", "2027-09-05"),  # from midnight on to 1:00
    ],
)
def test_nothing_that_the_clock_tells_changes_before_the_announced_instant(
    name: str, zone: str, day: str
) -> None:
    """On a day on which clocks are set, whatever the minute."""
    zone_info = ZoneInfo(zone)
    start_ms = round(datetime.fromisoformat(f"{day}T00:00Z").timestamp() * 1_000) - DAY_MS
    for now_ms in range(start_ms, start_ms + 2 * DAY_MS, 5 * MINUTE_MS):
        told, change_ms = tell_calendar({name}, {}, now_ms, zone_info)
        assert change_ms is not None
        assert change_ms > now_ms
        before = range(now_ms, change_ms, 15 * MINUTE_MS)
        assert {_told(name, at_ms, zone_info) for at_ms in (*before, change_ms - 1)} == {told[name]}


def _told(name: str, at_ms: int, zone: tzinfo) -> object:
    return tell_calendar({name}, {}, at_ms, zone)[0][name]
