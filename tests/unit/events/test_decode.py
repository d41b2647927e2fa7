"""Events of clients: the bounds of what is in them, and clocks that are wrong."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edgeseg.clock import DAY_MS
from edgeseg.errors import InputError
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


def _check(name: str = "e", properties: dict[str, Any] | None = None, id_: str = "") -> Any:
    incoming = IncomingEvent(event=name, properties=properties or {}, message_id=id_)
    checked = check_event(incoming, field="events[0]", now_ms=NOW_MS, time_zone=UTC)
    return checked.name, checked.properties


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({str(number): number for number in range(51)}, "properties"),
        ({"x" * 101: 1}, "properties"),
        ({"": 1}, "properties"),
        ({"p": "x" * 1_001}, "properties.p"),
        ({"p": 2**63}, "properties.p"),
        ({"p": -(2**63) - 1}, "properties.p"),
        ({"p": float("inf")}, "properties.p"),
        ({"p": [0] * 101}, "properties.p"),
        ({"p": [0, "x" * 1_001]}, "properties.p"),
    ],
)
def test_a_value_beyond_its_bound_is_named(properties: dict[str, Any], field: str) -> None:
    """Nothing is cut or left out in silence."""
    with pytest.raises(InputError) as caught:
        _check(properties=properties)
    assert caught.value.field == f"events[0].{field}"


@pytest.mark.parametrize(
    ("name", "id_", "field"),
    [("", "", "event"), ("x" * 101, "", "event"), ("$e", "", "event"), ("a\n", "", "event"),
     ("e", "x" * 101, "messageId")],
)  # fmt: skip
def test_a_name_that_no_event_may_have_is_refused(name: str, id_: str, field: str) -> None:
    """Those with a `$` are our own."""
    with pytest.raises(InputError) as caught:
        _check(name, id_=id_)
    assert caught.value.field == f"events[0].{field}"


def test_what_is_just_within_the_bounds_comes_through() -> None:
    """Without nulls, which count as absent."""
    largest = {"x" * 100: "x" * 1_000, "p": [2**63 - 1, -(2**63)] * 50}
    others: dict[str, Any] = {str(number): True for number in range(48)}
    assert _check("x" * 100, largest | others, "x" * 100) == ("x" * 100, largest | others)
    assert _check(properties={"p": None, "q": 0}) == ("e", {"q": 0})
