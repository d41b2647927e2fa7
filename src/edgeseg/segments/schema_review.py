"""Review rules that ask about events and properties which the event schema does not have."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from edgeseg.events.schema import OWN_EVENTS, EventType
from edgeseg.segments.review import Remark, structs_in
from edgeseg.spelling import suggest


class Asked(NamedTuple):
    """One event that a definition asks about, and the properties of it."""

    event: str
    properties: Sequence[str]


def review_schema(
    sections: Mapping[str, Mapping[str, object]], declared: Mapping[str, EventType]
) -> Iterator[Remark]:
    """Remark on names that are not in the schema; where there is none, on nothing.

    Args:
        sections: section → definitions by id.
        declared: the events of the schema.
    """
    if not declared:
        return
    for section, definitions in sections.items():
        for id_, definition in definitions.items():
            for asked in dict.fromkeys(_asked_by(definition)):
                yield from _review(section, id_, asked, declared)


def _review(
    section: str, id_: str, asked: Asked, declared: Mapping[str, EventType]
) -> Iterator[Remark]:
    event, own = declared.get(asked.event), OWN_EVENTS.get(asked.event)
    if event is None and own is None:
        yield Remark(
            code="unknown-event",
            section=section,
            id=id_,
            message=f"no event `{asked.event}` is declared",
            suggestion=suggest(asked.event, (*declared, *OWN_EVENTS)),
            word=asked.event,
        )
        return
    if event is not None and event.properties is None:
        return
    known = {*(event.properties or () if event else ()), *(own or ())}
    for name in asked.properties:
        if name not in known:
            yield Remark(
                code="unknown-property",
                section=section,
                id=id_,
                message=f"the event `{asked.event}` declares no property `{name}`",
                suggestion=suggest(name, known),
                word=name,
                beside=asked.event,
            )


def _asked_by(definition: object) -> Iterator[Asked]:
    """Iterate over the events in a definition: of conditions, steps, metrics, goals."""
    for part in structs_in(definition):
        event = getattr(part, "event", None)
        if isinstance(event, str) and event:
            names = [name for name, _tests in getattr(part, "where", ())]
            measured = getattr(part, "sum_of", "") or getattr(part, "of", "")
            yield Asked(event, tuple(names) + ((measured,) if measured else ()))
