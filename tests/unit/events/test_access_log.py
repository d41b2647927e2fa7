"""Lines of access logs, as servers write them and as they get broken."""

import json
from datetime import UTC, datetime

import pytest

from edgeseg.errors import InputError, TooLargeError
from edgeseg.events.access_log import MAX_LINE_BYTES, parse_line

AT_MS = int(datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC).timestamp()) * 1_000
LINE = (
    '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /loans?utm_source=news HTTP/1.1" 200 512 '
    '"http://other.example/a" "Mozilla/5.0 (X11)"'
)


def combined(**parts: str) -> bytes:
    """Answer a line of the combined log format with some parts changed."""
    given = {
        "address": "192.0.2.7",
        "time": "17/May/2015:10:05:03 +0000",
        "request": "GET /loans HTTP/1.1",
        "status": "200",
        "size": "512",
        "referrer": "-",
        "agent": "Mozilla/5.0",
        "more": "",
    } | parts
    return (
        ('{address} - - [{time}] "{request}" {status} {size} "{referrer}" "{agent}"{more}\n')
        .format(**given)
        .encode()
    )


def page_view(**members: object) -> bytes:
    """Answer a line of JSON with some members changed, those of None left out."""
    given = {"visitor": "v1", "timestamp": "2015-05-17T10:05:03Z", "url": "https://a.example/"}
    return json.dumps({k: v for k, v in (given | members).items() if v is not None}).encode()


def test_reads_every_part_of_a_combined_line():
    """A line as Apache writes it gives the instant, the request and who made it."""
    request = parse_line(LINE.encode())
    assert request.at_ms == AT_MS
    assert (request.method, request.target, request.status) == (
        "GET",
        "/loans?utm_source=news",
        200,
    )
    assert request.referrer == "http://other.example/a"
    assert (request.address, request.agent) == ("192.0.2.7", "Mozilla/5.0 (X11)")
    assert (request.visitor, request.events) == ("", ())


def test_takes_a_dash_for_nothing():
    """The dash that stands for a missing referrer or agent is no value."""
    request = parse_line(combined(referrer="-", agent="-", size="-"))
    assert (request.referrer, request.agent) == ("", "")


def test_ignores_fields_that_a_site_appends():
    """Response times and the like after the agent are common."""
    assert parse_line(combined(more=' 0.003 "upstream"')).agent == "Mozilla/5.0"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"a \"quoted\" agent", 'a "quoted" agent'),
        (r"back\\slash", "back\\slash"),
        (r"caf\xc3\xa9", "café"),
        (r"\\x41", r"\x41"),
        (r"tab\tend", "tab\tend"),
        (r"broken \xc3 byte", "broken \ufffd byte"),
    ],
)
def test_takes_escapes_back(written: str, meant: str):
    """What the server escaped reads as it was sent."""
    assert parse_line(combined(agent=written)).agent == meant


@pytest.mark.parametrize(
    ("time", "at_ms"),
    [
        ("17/May/2015:12:05:03 +0200", AT_MS),
        ("17/May/2015:05:35:03 -0430", AT_MS),
        ("30/Jun/2015:23:59:60 +0000", 1_435_708_799_000),
    ],
)
def test_reads_times_with_offset_and_leap_second(time: str, at_ms: int):
    """Offsets count, and a leap second is the one before it."""
    assert parse_line(combined(time=time)).at_ms == at_ms


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "combined log format"),
        (b"what is this", "combined log format"),
        (LINE.encode()[:-1], "combined log format"),  # the quote was never closed
        (LINE.encode().partition(b' "http')[0], "combined log format"),  # common, not combined
        (combined(request="-"), "METHOD PATH"),
        (combined(request=r"\x16\x03\x01"), "METHOD PATH"),
        (combined(request="GET /a b HTTP/1.1"), "METHOD PATH"),
        (combined(time="17/Mai/2015:10:05:03 +0000"), "17/May/2015"),
        (combined(time="31/Feb/2015:10:05:03 +0000"), "no such time"),
        (combined(time="17/May/2015:10:05:03 +9900"), "no such time"),
        (combined(time="17/May/1915:10:05:03 +0000"), "before 1970"),
        (b"{", "JSON"),
        (b'{"timestamp": 1}', "JSON"),
        (b"\xff{", "combined log format"),
        (page_view(user="x"), "unknown field `user`"),
        (page_view(timestamp="2015-05-17T10:05:03"), "timezone"),
        (page_view(visitor="a b"), "visitor"),
        (page_view(visitor="a\n"), "visitor"),
        (page_view(events=[{"event": "x", "props": {}}]), "unknown field `props`"),
        (page_view(visitor=None), "`visitor` or a `user_agent`"),
        (b'{"a":' * 10_000, "JSON"),
    ],
)
def test_refuses_a_malformed_line_and_says_why(line: bytes, why: str):
    """No malformed line is guessed at."""
    with pytest.raises(InputError, match=why):
        parse_line(line)


def test_refuses_a_line_beyond_the_limit():
    """An endless line is not looked at, and the limit is named."""
    with pytest.raises(TooLargeError, match="65,536"):
        parse_line(combined(agent="x" * MAX_LINE_BYTES))


def test_reads_a_page_view_in_json():
    """A line of JSON gives the same struct as one of an access log."""
    event = {"event": "order_completed", "properties": {"revenue": 12}, "messageId": "m1"}
    request = parse_line(page_view(referrer="https://b.example/", user_agent="A", events=[event]))
    assert request.at_ms == AT_MS
    assert (request.method, request.target, request.status) == ("GET", "https://a.example/", 200)
    assert (request.visitor, request.referrer, request.agent) == ("v1", "https://b.example/", "A")
    assert request.events[0].event == "order_completed"
    assert request.events[0].message_id == "m1"


def test_knows_visitors_of_json_by_agent_when_none_is_named():
    """Without a visitor the agent must do, as it would in an access log."""
    request = parse_line(page_view(visitor=None, user_agent="A"))
    assert (request.visitor, request.agent, request.address) == ("", "A", "")
