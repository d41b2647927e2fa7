"""Whether events and attributes that come in keep to the schema, and to who may write what. Pure.

`admit_event` and `admit_attributes` judge; every door (classify, visitors, tracking,
replay) asks them by way of `edgeseg.intake.Intake`, which counts what nobody declared.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from edgeseg.errors import InputError
from edgeseg.events.event import Event, Value
from edgeseg.events.schema import (
    OWN_EVENTS,
    SERVER_EVENTS,
    EventType,
    Field,
    Property,
    Writer,
    misfit,
)
from edgeseg.spelling import suggest


class Policy(StrEnum):
    """What becomes of something that nobody declared."""

    ACCEPT = "accept"
    DROP = "drop"
    REFUSE = "refuse"


class Kind(StrEnum):
    """What may be unknown."""

    EVENT = "event"
    PROPERTY = "property"
    FIELD = "field"


class Policies(NamedTuple):
    """One policy a kind."""

    events: Policy = Policy.ACCEPT
    properties: Policy = Policy.ACCEPT
    fields: Policy = Policy.REFUSE


class Unknown(NamedTuple):
    """Something that came in and that nobody declared; a property is named ``event.property``."""

    kind: Kind
    name: str
    policy: Policy


class EventVerdict(NamedTuple):
    """What becomes of an event.

    Attributes:
        event: to be recorded, without the properties that are dropped; None to drop it.
        unknown: what of it nobody declared.
        refusal: why it must not be recorded, None if it may.
    """

    event: Event | None
    unknown: tuple[Unknown, ...] = ()
    refusal: InputError | None = None


class AttributesVerdict(NamedTuple):
    """What becomes of attributes.

    Attributes:
        values: those to be set; an empty list removes the attribute.
        unknown: names that nobody declared.
        refusals: what is wrong with the others, one error each.
    """

    values: dict[str, Value]
    unknown: tuple[Unknown, ...]
    refusals: tuple[InputError, ...]


def admit_event(
    event: Event,
    declared: Mapping[str, EventType],
    policies: Policies,
    *,
    writer: Writer,
    path: str,
) -> EventVerdict:
    """Hold an event to the schema.

    Args:
        event: within the bounds of `events.decode`.
        declared: the schema; where it is empty, every name is taken as known.
        policies: what becomes of names that are not in it.
        writer: who sends the event.
        path: of the event in the request, for refusals.
    """
    type_ = declared.get(event.name)
    if writer is Writer.BROWSER and not _may_send(event.name, type_):
        message = (
            f"only a server key may send `{event.name}`; to let browsers send it, declare it "
            "with `write: browser` in the section `events` of the rules"
        )
        return EventVerdict(None, (), InputError(message, field=f"{path}.event"))
    if type_ is None:
        if not declared or event.name in OWN_EVENTS:
            return EventVerdict(event)
        return _unknown_event(event, declared, policies.events, path)
    if type_.properties is None:
        return EventVerdict(event)
    return _hold_properties(event, type_.properties, policies.properties, f"{path}.properties")


def _may_send(name: str, type_: EventType | None) -> bool:
    return type_.write is Writer.BROWSER if type_ else name not in SERVER_EVENTS


def _unknown_event(
    event: Event, declared: Mapping[str, EventType], policy: Policy, path: str
) -> EventVerdict:
    unknown = (Unknown(Kind.EVENT, event.name, policy),)
    match policy:
        case Policy.ACCEPT:
            return EventVerdict(event, unknown)
        case Policy.DROP:
            return EventVerdict(None, unknown)
        case Policy.REFUSE:
            hint = suggest(event.name, tuple(declared))
            message = f"unknown event `{event.name}`; {hint}"
            return EventVerdict(None, unknown, InputError(message, field=f"{path}.event"))


def _hold_properties(
    event: Event, properties: Mapping[str, Property], policy: Policy, path: str
) -> EventVerdict:
    missing = [id_ for id_, each in properties.items() if each.required]
    missing = [id_ for id_ in missing if id_ not in event.properties]
    if missing:
        message = f"`{event.name}` needs the property `{missing[0]}`"
        return EventVerdict(None, (), InputError(message, field=f"{path}.{missing[0]}"))
    own = OWN_EVENTS.get(event.name, ())
    strangers = [name for name in event.properties if name not in properties and name not in own]
    unknown = tuple(Unknown(Kind.PROPERTY, f"{event.name}.{name}", policy) for name in strangers)
    if strangers and policy is Policy.REFUSE:
        hint = suggest(strangers[0], (*properties, *own))
        message = f"unknown property `{strangers[0]}`; {hint}"
        return EventVerdict(None, unknown, InputError(message, field=f"{path}.{strangers[0]}"))
    for name, value in event.properties.items():
        wrong = name in properties and misfit(value, properties[name], "property")
        if wrong:
            return EventVerdict(None, unknown, InputError(wrong, field=f"{path}.{name}"))
    if strangers and policy is Policy.DROP:
        kept = {name: event.properties[name] for name in event.properties if name not in strangers}
        event = msgspec.structs.replace(event, properties=kept)
    return EventVerdict(event, unknown)


def admit_attributes(
    values: Mapping[str, Value | None],
    declared: Mapping[str, Field],
    policy: Policy,
    *,
    writer: Writer,
    path: str,
) -> AttributesVerdict:
    """Hold attributes to the schema, each for itself.

    Args:
        values: attribute → value, within the bounds of `events.decode`; None removes it.
        declared: the schema.
        policy: what becomes of names that are not in it. Browsers may set none of those.
        writer: who sets them. A server may remove what is not declared any more.
        path: of ``values`` in the request, for refusals.
    """
    admitted: dict[str, Value] = {}
    unknown, refusals = [], []
    for name, value in values.items():
        field = declared.get(name)
        if field is None and not (value is None and writer is Writer.SERVER):
            unknown.append(Unknown(Kind.FIELD, name, policy))
            if policy is Policy.DROP:
                continue
        wrong = _wrong_attribute(name, value, declared, policy, writer)
        if wrong:
            refusals.append(InputError(wrong, field=f"{path}.{name}"))
        else:
            admitted[name] = [] if value is None else value  # which is how a profile forgets it
    return AttributesVerdict(admitted, tuple(unknown), tuple(refusals))


def _wrong_attribute(
    name: str,
    value: Value | None,
    declared: Mapping[str, Field],
    policy: Policy,
    writer: Writer,
) -> str:
    """Answer why an attribute must not be set so, "" if it may."""
    field = declared.get(name)
    if field is None and value is not None and policy is Policy.REFUSE:
        return f"unknown field `{name}`; {suggest(name, tuple(declared))}"
    if writer is Writer.BROWSER and (field is None or field.write is not Writer.BROWSER):
        return f"only a server key may set the field `{name}`"
    return misfit(value, field, "field") if field is not None and value is not None else ""
