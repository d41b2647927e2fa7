"""Which logged requests are page views, whose they are and in which order."""

import random
from typing import NamedTuple

import pytest

from edgeseg.events.access_log import LoggedRequest
from edgeseg.events.log_traffic import Pseudonyms, extension_of, order_by_time, why_skipped

SECRET = "a secret of the tests"


def request(
    target: str = "/",
    *,
    method: str = "GET",
    status: int = 200,
    address: str = "192.0.2.7",
    agent: str = "A",
    visitor: str = "",
) -> LoggedRequest:
    """Answer a request."""
    return LoggedRequest(
        at_ms=0,
        method=method,
        target=target,
        status=status,
        address=address,
        agent=agent,
        visitor=visitor,
    )


class Mark(NamedTuple):
    """Something at an instant."""

    at_ms: int
    name: str = ""


@pytest.mark.parametrize("status", [200, 204, 206, 299, 304])
def test_a_page_that_was_answered_is_a_view(status: int):
    """Any success counts, and so does a page that the browser still had."""
    assert why_skipped(request("/loans", status=status)) == ""


@pytest.mark.parametrize(
    ("skipped", "why"),
    [
        (request(method="HEAD"), "method HEAD"),
        (request(method="quux"), "method unknown"),
        (request(status=301), "status 301"),
        (request(status=404), "status 404"),
        (request("/a.png"), "asset"),
        (request("/a/B.JPG?x=/y"), "asset"),
        (request("https://a.example/s.css"), "asset"),
    ],
)
def test_what_is_no_page_view_is_skipped_with_a_reason(skipped: LoggedRequest, why: str):
    """Other methods, failures, redirects and assets are left out, each by name."""
    assert why_skipped(skipped) == why


def test_assets_count_when_all_requests_are_asked_for():
    """The choice concerns assets alone."""
    assert why_skipped(request("/a.png"), all_requests=True) == ""
    assert why_skipped(request("/a.png", status=404), all_requests=True) == "status 404"


@pytest.mark.parametrize(
    ("target", "extension"),
    [
        ("/", ""),
        ("/a.b/c", ""),
        ("/page.html", "html"),
        ("/page?file=a.css", ""),
        ("/page#a.css", ""),
        ("https://a.png", ""),
        ("https://a.png/", ""),
        ("https://a.example/x.PNG?v=1", "png"),
    ],
)
def test_the_extension_is_of_the_last_part_of_the_path(target: str, extension: str):
    """Neither the host nor the query has one."""
    assert extension_of(target) == extension


def test_what_is_logged_late_is_put_in_its_place():
    """Disorder within the window is healed, whatever it is."""
    marks = [Mark(at_ms) for at_ms in range(100)]
    shuffled = [*random.Random(1).sample(marks[:50], 50), *marks[50:]]
    assert list(order_by_time(shuffled, window=50)) == marks


def test_equal_times_keep_the_order_of_the_log():
    """A log with whole seconds is not shuffled by the sorting."""
    marks = [Mark(1, name) for name in "dbca"]
    assert list(order_by_time(marks, window=2)) == marks


def test_a_visitor_is_an_address_with_an_agent():
    """The same two give the same id, in every run of an installation; others do not."""
    known = Pseudonyms(SECRET).visitor_id(request())
    assert Pseudonyms(SECRET).visitor_id(request("/other")) == known
    others = {
        Pseudonyms(SECRET).visitor_id(request(address="192.0.2.8")),
        Pseudonyms(SECRET).visitor_id(request(agent="B")),
        Pseudonyms("another secret").visitor_id(request()),
    }
    assert len(others - {known}) == 3


def test_nothing_of_the_address_is_in_the_id():
    """The id is a prefix and a hash of 16 bytes."""
    visitor_id = Pseudonyms(SECRET).visitor_id(request())
    assert visitor_id.startswith("log.")
    assert len(bytes.fromhex(visitor_id.removeprefix("log."))) == 16


def test_a_named_visitor_keeps_the_name():
    """What the line says wins."""
    assert Pseudonyms(SECRET).visitor_id(request(visitor="v1")) == "v1"


def test_equal_lines_are_different_messages_and_the_same_ones_again_next_time():
    """A second reading gives the same ids, also from a file that has grown before the line."""
    lines = [b"a\n", b"b\n", b"a\n"]
    first, second = Pseudonyms(SECRET), Pseudonyms(SECRET)
    ids = [first.message_id(line) for line in lines]
    assert len(set(ids)) == 3
    assert [second.message_id(line) for line in (b"new\n", b"a\r\n", b"b", b"a\n")][1:] == ids
