"""The intake counts what nobody declared, and remembers the latest names."""

import pytest

from edgeseg.errors import InputError
from edgeseg.events.admission import Policies, Policy
from edgeseg.events.event import Event
from edgeseg.events.schema import EventType, Writer
from edgeseg.intake import MAX_NAMES, Intake, UnknownName
from edgeseg.segments.rule import Definitions
from edgeseg.telemetry import Telemetry

DEFINITIONS = Definitions(events={"known": EventType(id="known", label="Known")})


def _count(telemetry: Telemetry, labels: str) -> float:
    sample = f"edgeseg_unknown_names_total{{{labels}}} "
    lines = telemetry.exposition().decode().splitlines()
    return sum(float(line.removeprefix(sample)) for line in lines if line.startswith(sample))


def _send(intake: Intake, name: str) -> Event | None:
    return intake.event(Event(name, 0), DEFINITIONS, writer=Writer.BROWSER, path="events[0]")


def test_what_is_declared_is_not_counted() -> None:
    """Nothing to tell of an event that everybody knows."""
    telemetry = Telemetry()
    intake = Intake(Policies(), telemetry)

    assert _send(intake, "known") == Event("known", 0)
    assert intake.unknown_names() == []
    assert _count(telemetry, 'kind="event",outcome="accept"') == 0


def test_the_latest_names_are_told_first() -> None:
    """Each once, with how often it came."""
    telemetry = Telemetry()
    intake = Intake(Policies(events=Policy.DROP), telemetry)

    assert [_send(intake, name) for name in ("a", "b", "a")] == [None, None, None]
    assert intake.unknown_names() == [
        UnknownName("event", "a", "drop", 2),
        UnknownName("event", "b", "drop", 1),
    ]
    assert _count(telemetry, 'kind="event",outcome="drop"') == 3


def test_a_flood_of_names_does_not_grow_the_list() -> None:
    """The names that were not met for longest go; the metric has no label a name."""
    telemetry = Telemetry()
    intake = Intake(Policies(), telemetry)
    for number in range(MAX_NAMES + 50):
        _send(intake, f"name-{number}")

    names = [each.name for each in intake.unknown_names()]
    assert len(names) == MAX_NAMES
    assert (names[0], names[-1]) == (f"name-{MAX_NAMES + 49}", "name-50")
    assert telemetry.exposition().count(b"edgeseg_unknown_names_total{") == 1


def test_a_refusal_counts_and_is_raised() -> None:
    """Both of an event and of an attribute."""
    telemetry = Telemetry()
    intake = Intake(Policies(events=Policy.REFUSE), telemetry)

    with pytest.raises(InputError, match="unknown event"):
        _send(intake, "stranger")
    with pytest.raises(InputError, match="unknown field"):
        intake.attributes({"x": 1}, DEFINITIONS, writer=Writer.SERVER, path="attributes")
    assert _count(telemetry, 'kind="event",outcome="refuse"') == 1
    assert _count(telemetry, 'kind="field",outcome="refuse"') == 1
