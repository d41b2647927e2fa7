"""The tag of all flags: what a client may go on with, and what it may not."""

import pytest

from edgeseg.clock import MINUTE_MS, instant
from edgeseg.delivery.flag_tag import find_good, tag_of

NOON_MS = 1_800_014_400_000
NOW_MS = NOON_MS - 60 * MINUTE_MS


def test_the_tag_is_of_all_but_the_end() -> None:
    """Also where a flag's value looks like it."""
    until, later = instant(NOON_MS), instant(NOON_MS + MINUTE_MS)
    body = b'{"flags":[{"value":"%b"}],"metadata":{"valid_until":"%b","omitted":0}}'
    tag = tag_of(body % (until.encode(), until.encode()), until, NOON_MS)
    longer = tag_of(body % (until.encode(), later.encode()), later, NOON_MS + MINUTE_MS)
    other = tag_of(body % (later.encode(), later.encode()), later, NOON_MS + MINUTE_MS)
    assert find_good([tag], longer, NOW_MS) == tag
    assert not find_good([tag], other, NOW_MS)
    assert not find_good([longer], tag, NOW_MS)
    assert find_good(["", tag, longer], longer, NOW_MS) == tag
    assert not find_good([tag], longer, NOON_MS)
    assert find_good([tag], longer, NOON_MS - 1) == tag


@pytest.mark.parametrize(
    "known", ["", "*", '""', '"-1"', f'"{"0" * 24}-{"9" * 5_000}"', f'"{"0" * 24}-\u0662"']
)
def test_what_is_no_tag_of_ours_is_passed_over(known: str) -> None:
    """Clients may send anything."""
    assert not find_good([known], tag_of(b"{}", "", 0), NOW_MS)
    assert not find_good([known], tag_of(b"{}", "x", NOON_MS), NOW_MS)
