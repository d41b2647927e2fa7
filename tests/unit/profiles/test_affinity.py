"""The weights of what a visitor looked at."""

import pytest

from edgeseg.events.event import Event, Value
from edgeseg.profiles.affinity import HALF_LIFE_MS, MAX_VALUES, add_affinities, strongest
from tests.conformance.plans import NOW_MS


def look(at_ms: int = NOW_MS, **properties: Value) -> Event:
    """Answer that something with these properties was looked at."""
    return Event("page_viewed", at_ms, properties)


def test_each_text_of_each_property_counts() -> None:
    """Also where a property before it is missing; numbers and truth are no interests."""
    event = look(topic=["art", "sport", 7], brand="acme", size=7)
    found = add_affinities({}, event, ["missing", "topic", "brand", "size"])
    assert {name: set(weights) for name, weights in found.items()} == {
        "topic": {"art", "sport"},
        "brand": {"acme"},
    }


def test_after_a_half_life_one_look_weighs_as_much_as_two_before() -> None:
    """Whichever is told first."""
    early, late = look(topic="art"), look(NOW_MS + HALF_LIFE_MS, topic="sport")
    for events in ((early, early, late), (late, early, early)):
        found: dict[str, dict[str, float]] = {}
        for event in events:
            found = add_affinities(found, event, ["topic"])
        assert found["topic"]["sport"] == pytest.approx(found["topic"]["art"])


def test_the_lightest_value_makes_place() -> None:
    """Only where there are too many."""
    full = add_affinities({}, look(topic=[*map(str, range(MAX_VALUES))]), ["topic"])
    assert len(full["topic"]) == MAX_VALUES
    heavier = add_affinities(full, look(topic=["0", "1"]), ["topic"])
    beyond = add_affinities(heavier, look(NOW_MS - HALF_LIFE_MS, topic="light"), ["topic"])
    assert beyond == heavier


def test_the_heaviest_values_come_first_and_equal_ones_by_name() -> None:
    """So that the answer is the same each time."""
    weights = {"c": 1.0, "b": 2.0, "a": 1.0, "d": 0.5}
    assert strongest(weights, 3) == ["b", "a", "c"]
