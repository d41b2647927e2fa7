"""Instants as text, as dates and as numbers."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.clock import epoch_ms, instant, local_time, midnight_ms


@given(at_ms=st.integers(-(10**12), 10**14))
def test_an_instant_is_written_in_full(at_ms: int) -> None:
    """RFC 3339 in UTC, with three digits of the second; what is written is what was meant."""
    text = instant(at_ms)
    assert len(text) == len("2026-11-23T20:12:52.401Z")
    meant = datetime.fromisoformat(text)
    assert meant.tzinfo == UTC
    assert epoch_ms(meant) == at_ms


@given(
    at_ms=st.integers(-(10**12), 10**14),
    part=st.integers(0, 999),
    zone=st.sampled_from(["UTC", "Europe/Prague", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_an_instant_is_told_exactly(at_ms: int, part: int, zone: str) -> None:
    """Whatever the clocks say, to the millisecond that the microseconds are part of."""
    local = local_time(at_ms, ZoneInfo(zone))
    assert local.utcoffset() == ZoneInfo(zone).utcoffset(local)
    assert epoch_ms(local + timedelta(microseconds=part)) == at_ms


def test_a_time_without_a_zone_is_told_by_the_one_given() -> None:
    """The first of two where clocks are set back."""
    zone, twice = ZoneInfo("Europe/Prague"), datetime.fromisoformat("2026-10-25T02:30")
    assert epoch_ms(twice, zone) == epoch_ms(datetime.fromisoformat("2026-10-25T00:30Z"))
    assert epoch_ms(datetime.fromisoformat("1970-01-01")) == 0


def test_a_day_begins_by_the_clocks_of_its_zone() -> None:
    """Also where it is not 24 hours after the day before began."""
    zone = ZoneInfo("Europe/Prague")
    days = [date(2026, 10, 25), date(2026, 10, 26)]
    began = [instant(midnight_ms(each, zone)) for each in days]
    assert began == ["2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"]
