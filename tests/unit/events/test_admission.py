"""What comes in keeps to the schema, and to who may write what."""

import pytest

from edgeseg.errors import InputError
from edgeseg.events.admission import Kind, Policies, Policy, Unknown, admit_attributes, admit_event
from edgeseg.events.event import Event, Value
from edgeseg.events.schema import SERVER_EVENTS, EventType, Field, Property, Writer

PROPERTIES = {
    each.id: each
    for each in (
        Property(id="form", label="Form", type="text", required=True),
        Property(id="amount", label="Amount", type="number"),
        Property(id="plan", label="Plan", type="text", values=("gold", "silver")),
        Property(id="parts", label="Parts", type="list", of="number"),
    )
}
DECLARED = {
    each.id: each
    for each in (
        EventType(id="form_submitted", label="Sent", properties=PROPERTIES),
        EventType(id="deposit_made", label="Deposit", write=Writer.SERVER),
        EventType(id="video_played", label="Video"),
        EventType(id="page_viewed", label="Page", properties={}),
    )
}
FIELDS = {
    each.id: each
    for each in (
        Field(id="points", label="Points", type="number"),
        Field(id="news", label="News", type="boolean", write=Writer.BROWSER),
        Field(id="sizes", label="Sizes", type="list", of="number"),
        Field(id="since", label="Since", type="date"),
    )
}
REFUSED = Policies(events=Policy.REFUSE, properties=Policy.REFUSE)
DROPPED = Policies(events=Policy.DROP, properties=Policy.DROP)


def _event(name: str, **properties: Value) -> Event:
    return Event(name, 0, properties)


def _refused(event: Event, writer: Writer = Writer.SERVER) -> InputError | None:
    return admit_event(event, DECLARED, REFUSED, writer=writer, path="events[0]").refusal


@pytest.mark.parametrize("policies", [Policies(), DROPPED, REFUSED])
def test_without_a_schema_every_event_is_known(policies: Policies) -> None:
    """Who declares nothing has said nothing about what is right."""
    event = _event("anything", at="all")

    assert admit_event(event, {}, policies, writer=Writer.BROWSER, path="") == (event, (), None)


def test_an_unknown_event_goes_as_the_policy_says() -> None:
    """It is told in any case; what refuses it names the place and a name that is close."""
    event = _event("form_submited")

    def judged(policy: Policy) -> tuple[Event | None, tuple[Unknown, ...], InputError | None]:
        policies = Policies(events=policy)
        return admit_event(event, DECLARED, policies, writer=Writer.BROWSER, path="events[3]")

    def unknown(policy: Policy) -> tuple[Unknown, ...]:
        return (Unknown(Kind.EVENT, "form_submited", policy),)

    assert judged(Policy.ACCEPT) == (event, unknown(Policy.ACCEPT), None)
    assert judged(Policy.DROP) == (None, unknown(Policy.DROP), None)
    nothing, told, refusal = judged(Policy.REFUSE)
    assert (nothing, told) == (None, unknown(Policy.REFUSE))
    assert refusal is not None
    assert (refusal.field, "did you mean `form_submitted`?" in str(refusal)) == (
        "events[3].event",
        True,
    )


def test_an_unknown_property_goes_as_the_policy_says() -> None:
    """Dropped alone, or the event is refused for it."""
    event = _event("form_submitted", form="a", colour="red")

    def judged(policy: Policy) -> Event | InputError | None:
        policies = Policies(properties=policy)
        verdict = admit_event(event, DECLARED, policies, writer=Writer.BROWSER, path="e")
        assert verdict.unknown == (Unknown(Kind.PROPERTY, "form_submitted.colour", policy),)
        return verdict.refusal or verdict.event

    assert judged(Policy.ACCEPT) == event
    assert judged(Policy.DROP) == _event("form_submitted", form="a")
    refusal = judged(Policy.REFUSE)
    assert isinstance(refusal, InputError)
    assert refusal.field == "e.properties.colour"


def test_an_event_without_declared_properties_may_have_any() -> None:
    """Nothing is said of them, which is not the same as that it has none."""
    assert _refused(_event("video_played", anything=1)) is None


def test_edgesegs_own_events_and_properties_are_known() -> None:
    """A page view has the properties that edgeseg itself gives it."""
    assert _refused(_event("page_viewed", path="/", utm_source="news")) is None
    assert _refused(_event("page_viewed", colour="red")) is not None


@pytest.mark.parametrize(
    ("properties", "field", "words"),
    [
        ({"amount": 1}, "events[0].properties.form", "needs the property"),
        ({"form": 7}, "events[0].properties.form", "a string is needed"),
        ({"form": "a", "amount": "1"}, "events[0].properties.amount", "a number is needed"),
        ({"form": "a", "amount": True}, "events[0].properties.amount", "a number is needed"),
        ({"form": "a", "plan": "golden"}, "events[0].properties.plan", "did you mean `gold`?"),
        ({"form": "a", "parts": [1, "2"]}, "events[0].properties.parts", "a list of number"),
        ({"form": "a", "parts": 1}, "events[0].properties.parts", "a list of number"),
    ],
)
def test_a_property_that_does_not_fit_is_named(
    properties: dict[str, Value], field: str, words: str
) -> None:
    """Missing, of another type, or not among the allowed values."""
    refusal = _refused(_event("form_submitted", **properties))

    assert refusal is not None
    assert refusal.field == field
    assert words in str(refusal)


@pytest.mark.parametrize("name", ["deposit_made", *sorted(SERVER_EVENTS)])
def test_a_browser_may_not_send_what_is_the_servers(name: str) -> None:
    """Events that say so, and orders where nothing is said."""
    refusal = _refused(_event(name), Writer.BROWSER)

    assert refusal is not None
    assert "only a server key may send" in str(refusal)
    for declared in ({}, DECLARED):
        verdict = admit_event(_event(name), declared, Policies(), writer=Writer.SERVER, path="e")
        assert verdict.event is not None


def test_a_site_may_let_browsers_send_orders() -> None:
    """As the demo does, whose shop has no server."""
    declared = {"order_completed": EventType(id="order_completed", label="Ordered")}
    event = _event("order_completed", revenue=5)

    verdict = admit_event(event, declared, REFUSED, writer=Writer.BROWSER, path="e")

    assert verdict == (event, (), None)


def _judge(
    writer: Writer, policy: Policy = Policy.REFUSE, **values: Value | None
) -> tuple[dict[str, Value], list[str]]:
    verdict = admit_attributes(values, FIELDS, policy, writer=writer, path="traits")
    return verdict.values, [refusal.field for refusal in verdict.refusals]


def test_a_server_may_set_every_declared_field() -> None:
    """Each value that fits; the others are named, one by one."""
    values: dict[str, Value] = {
        "points": 3, "news": True, "sizes": [1, 2.5], "since": "2026-11-21",
    }  # fmt: skip
    assert _judge(Writer.SERVER, **values) == (values, [])
    wrong: dict[str, Value] = {"points": "3", "news": 1, "sizes": ["1"], "since": "today"}
    assert _judge(Writer.SERVER, **wrong) == ({}, [f"traits.{name}" for name in wrong])


def test_a_browser_may_set_what_is_open_to_it() -> None:
    """And nothing else, not even to remove it; the good ones are told apart."""
    assert _judge(Writer.BROWSER, points=3, news=True) == ({"news": True}, ["traits.points"])
    assert _judge(Writer.BROWSER, points=None, news=None) == ({"news": []}, ["traits.points"])


def test_an_unknown_field_goes_as_the_policy_says() -> None:
    """Never by a browser's word; a server may always remove it."""
    assert _judge(Writer.SERVER, Policy.ACCEPT, x=1) == ({"x": 1}, [])
    assert _judge(Writer.SERVER, Policy.DROP, x=1) == ({}, [])
    assert _judge(Writer.SERVER, Policy.REFUSE, x=1) == ({}, ["traits.x"])
    assert _judge(Writer.SERVER, Policy.REFUSE, x=None) == ({"x": []}, [])
    assert _judge(Writer.BROWSER, Policy.ACCEPT, x=1) == ({}, ["traits.x"])
    assert _judge(Writer.BROWSER, Policy.DROP, x=1) == ({}, [])
