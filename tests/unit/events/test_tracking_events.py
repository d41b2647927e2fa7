"""What messages of the tracking protocol mean."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgeseg.clock import DAY_MS, MINUTE_MS
from edgeseg.errors import InputError, TooLargeError
from edgeseg.events.decode import MAX_PAST_MS
from edgeseg.events.event import Event
from edgeseg.events.event_names import EVENT_NAMES, name_event
from edgeseg.events.schema import Field
from edgeseg.events.tracking_events import GROUP_JOINED, Meaning, mean, name_traits
from edgeseg.events.tracking_message import Message, consents_of, happened_at_ms

NOW_MS = 1_800_000_000_000
PAGE = Path(__file__).parents[3] / "docs/reference/tracking.md"


def _message(**members: Any) -> Message:
    return msgspec.convert(members, Message)


def _mean(kind: str, **members: Any) -> Meaning:
    return mean(_message(**members), kind, NOW_MS)


def _event(kind: str, **members: Any) -> Event:
    event = _mean(kind, **members).event
    assert event is not None
    return event


def test_the_table_of_names_is_the_documented_one() -> None:
    """The page tells every name that is translated, and no other."""
    _before, _heading, section = PAGE.read_text("utf-8").partition("## Event names")
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    documented = {row[1].strip(" `"): tuple(row[2].strip().split(", ")) for row in rows}

    assert documented == EVENT_NAMES
    assert all(name_event(name) == ours for ours, names in documented.items() for name in names)


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("Product Added", "product_added"),
        ("product added ", "product_added"),
        ("Added Product", "product_added"),
        ("product_added", "product_added"),
        ("Plan Upgraded", "Plan Upgraded"),
    ],
)
def test_names_in_the_table_become_ours_and_others_stay(given: str, ours: str) -> None:
    """A site's own names are asked about as the site writes them."""
    assert _event("track", event=given).name == ours


@pytest.mark.parametrize("more", [{}, {"url": "/reset?mail=a@b.example"}, {"url": "app://x?a=1"}])
def test_a_path_alone_is_stored_without_its_query(more: dict[str, str]) -> None:
    """A query may hold anything, wherever it stands."""
    event = _event("page", properties={"path": "/reset?mail=a@b.example#form", **more})
    assert event.properties == {"path": "/reset"}


def test_a_page_call_is_the_page_view_that_classify_stores() -> None:
    """The same facts of the address, neither the address itself nor its query."""
    event = _event(
        "page",
        name="Home",
        properties={"title": "T", "search": "?q=secret", "path": "/x", "plan": {"id": 1}},
        context={
            "page": {
                "url": "https://bank.example/accounts/a?utm_source=mail&q=secret",
                "referrer": "https://news.example/today",
                "path": "/wrong",
            },
            "campaign": {"name": "spring", "medium": None},
            "ip": "192.0.2.1",
        },
    )

    assert event.name == "page_viewed"
    assert event.properties == {
        "name": "Home",
        "plan.id": 1,
        "path": "/accounts/a",
        "host": "bank.example",
        "referrer_host": "news.example",
        "utm_source": "mail",
        "utm_campaign": "spring",
    }


@pytest.mark.parametrize("url", ["", "myapp://home", "http://[", "x" * 5_000])
def test_a_page_without_a_web_address_keeps_its_path(url: str) -> None:
    """Apps have screens, and servers may know the path only."""
    event = _event("screen", properties={"url": url, "path": "/home", "referrer": 5})

    assert event.properties == {"path": "/home"}


def test_traits_come_from_either_place_and_the_message_wins() -> None:
    """RudderStack's SDKs send them in the context only."""
    meaning = _mean(
        "identify", traits={"a": 1, "b": None}, context={"traits": {"a": 2, "b": {"c": 3}}}
    )

    assert meaning.event is None
    assert meaning.traits == {"a": 1, "b.c": 3}


def test_a_group_is_an_event_and_perhaps_attributes() -> None:
    """Rules may ask for either; fields that nobody declared are no problem of the sender."""
    meaning = _mean("group", groupId=7, traits={"plan": "x"})

    assert meaning.event is not None
    assert meaning.event.name == GROUP_JOINED
    assert meaning.event.properties == {"group_id": "7", "plan": "x"}
    assert meaning.traits == {"group_id": "7", "group_plan": "x"}


@pytest.mark.parametrize(
    ("name", "field"),
    [("firstName", "first_name"), ("address.city", "address_city"), ("Plan-Name", "plan_name")],
)
def test_a_trait_means_the_field_of_its_name_in_snake_case(name: str, field: str) -> None:
    """Segment's reserved traits are in camel case."""
    fields = {field: Field(id=field, label=field, type="text")}

    assert name_traits({name: "x", "other": 1}, fields) == {field: "x", "other": 1}


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat()


@pytest.mark.parametrize("skew_ms", [0, 900 * DAY_MS, -900 * DAY_MS])
def test_the_error_of_the_clients_clock_is_taken_out(skew_ms: int) -> None:
    """Both stamps are of one clock; their difference is right on any."""
    stamp, sent = _iso(NOW_MS - MINUTE_MS + skew_ms), _iso(NOW_MS + skew_ms)

    own = _message(timestamp=stamp, sentAt=sent)
    of_batch = _message(originalTimestamp=stamp)

    assert happened_at_ms(own, None, NOW_MS) == NOW_MS - MINUTE_MS
    assert happened_at_ms(of_batch, sent, NOW_MS) == NOW_MS - MINUTE_MS


@pytest.mark.parametrize(
    ("stamp", "at_ms"),
    [
        (_iso(NOW_MS + DAY_MS), NOW_MS),
        (_iso(0), NOW_MS - MAX_PAST_MS),
        ("0001-01-01T00:00:00+14:00", NOW_MS - MAX_PAST_MS),
        ("9999-12-31T23:59:59-14:00", NOW_MS),
    ],
)
def test_times_are_held_within_the_bounds_of_events(stamp: str, at_ms: int) -> None:
    """Neither the future nor a time before the retention gets in."""
    assert happened_at_ms(_message(timestamp=stamp), None, NOW_MS) == at_ms


def test_without_stamps_it_happened_now_and_without_sent_at_when_it_says() -> None:
    """Whoever writes requests by hand need not send all of them."""
    stamp = _iso(NOW_MS - DAY_MS)

    assert happened_at_ms(_message(), stamp, NOW_MS) == NOW_MS
    assert happened_at_ms(_message(timestamp=stamp), None, NOW_MS) == NOW_MS - DAY_MS
    assert happened_at_ms(_message(timestamp=stamp), "nonsense", NOW_MS) == NOW_MS - DAY_MS
    with pytest.raises(InputError):
        happened_at_ms(_message(timestamp="yesterday"), None, NOW_MS)


def test_repeats_have_the_same_short_id_and_others_another() -> None:
    """Enough to tell the repeats of one visitor apart, at a fifth of the room."""
    one, same, other = (
        _event("track", event="e", messageId=id_).message_id for id_ in ("a" * 36, "a" * 36, "b")
    )

    assert one == same != other
    assert len(one) == 8
    assert _event("track", event="e").message_id == ""


def test_an_id_that_is_too_long_is_refused() -> None:
    """Ids are hashed, and nobody's id is a novel."""
    with pytest.raises(TooLargeError) as refused:
        _message(anonymousId="x" * 300).id_of("anonymous_id")
    assert refused.value.field == "anonymousId"


@pytest.mark.parametrize(
    ("consent", "found"),
    [
        (None, {}),
        ({}, {}),
        ({"categoryPreferences": {"marketing": True, "ads": False, "x": None}},
         {"marketing": True, "ads": False}),
        ({"marketing": True}, {"marketing": True}),
        ({"categoryPreferences": None}, {}),
    ],
)  # fmt: skip
def test_consent_is_read_in_both_forms(consent: Any, found: dict[str, bool]) -> None:
    """As consent tools stamp it, or as our own API has it."""
    assert consents_of(_message(context={"consent": consent}).context) == found


@pytest.mark.parametrize(
    "consent",
    [{"categoryPreferences": 5}, {"marketing": "yes"}, {"marketing": 1}],
)
def test_consent_that_cannot_be_understood_refuses_the_message(consent: Any) -> None:
    """A guess about consent would be a wrong one."""
    with pytest.raises(InputError):
        consents_of(_message(context={"consent": consent}).context)
