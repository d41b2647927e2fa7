"""Instants as text."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.clock import instant


@given(at_ms=st.integers(-(10**12), 10**14))
def test_an_instant_is_written_in_full(at_ms: int) -> None:
    """RFC 3339 in UTC, with three digits of the second; what is written is what was meant."""
    text = instant(at_ms)
    assert len(text) == len("2026-11-23T20:12:52.401Z")
    meant = datetime.fromisoformat(text)
    assert meant.tzinfo == UTC
    assert round(meant.timestamp() * 1_000) == at_ms
