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
    start_ms = _milliseconds(f"{day}T00:00Z") - DAY_MS
    for now_ms in range(start_ms, start_ms + 2 * DAY_MS, 5 * MINUTE_MS):
        told, change_ms = tell_calendar({name}, {}, now_ms, zone_info)
        assert change_ms is not None
        assert change_ms > now_ms
        before = range(now_ms, change_ms, 15 * MINUTE_MS)
        assert {_told(name, at_ms, zone_info) for at_ms in (*before, change_ms - 1)} == {told[name]}


@pytest.mark.parametrize(
    ("names", "zone", "changes"),
    [
        ({"hour"}, "Europe/Prague", "2027-01-15T11:00Z"),
        ({"weekday"}, "Europe/Prague", "2027-01-15T23:00Z"),
        ({"date", "hour"}, "Europe/Prague", "2027-01-15T11:00Z"),
        ({"visitor.hour"}, "Asia/Kathmandu", "2027-01-15T10:15Z"),  # 5:45 before UTC
        ({"visitor.date"}, "Asia/Kathmandu", "2027-01-15T18:15Z"),
        ({"hour", "visitor.hour"}, "Asia/Kathmandu", "2027-01-15T10:15Z"),
        ({"hour", "visitor.date"}, "Asia/Kathmandu", "2027-01-15T11:00Z"),
        ({"path"}, "Asia/Kathmandu", None),
        ({"visitor.hour"}, "Nowhere/Else", None),
    ],
)
@pytest.mark.parametrize("second", ["00", "29.999", "30", "47.123"])
def test_an_answer_is_good_until_what_is_asked_about_changes(
    names: set[str], zone: str, changes: str | None, second: str
) -> None:
    """Not a second less, and whoever asks for days only is not bothered by hours."""
    now_ms = _milliseconds(f"2027-01-15T10:05:{second}Z")
    told, change_ms = tell_calendar(names, {"time_zone": zone}, now_ms, ZoneInfo("Europe/Prague"))
    assert change_ms == (None if changes is None else _milliseconds(changes))
    assert names <= told.keys() if changes else not told


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def _told(name: str, at_ms: int, zone: tzinfo) -> object:
    return tell_calendar({name}, {}, at_ms, zone)[0][name]
