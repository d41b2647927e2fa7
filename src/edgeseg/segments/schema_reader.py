"""Read the schema from rule files: fields of profiles, events and their properties."""

from collections.abc import Mapping
from typing import Final, TypedDict

import yaml

from edgeseg.events.schema import ELEMENT_TYPES, TYPES, EventType, Field, Property, Writer
from edgeseg.segments.rule_files import RuleReader, peek_id

_DECLARATION: Final = ("id", "label", "type", "of", "values", "pii")
FIELD: Final = (*_DECLARATION, "source", "write")
PROPERTY: Final = (*_DECLARATION, "required")
EVENT: Final = ("id", "label", "properties", "source", "write")
MAX_PROPERTIES: Final = 200
"""Properties that one event may declare."""


class _Declared(TypedDict):
    """What fields and properties have in common."""

    id: str
    label: str
    type: str
    of: str
    values: tuple[str, ...]
    pii: bool


def read_field(reader: RuleReader, node: yaml.Node) -> Field:
    """Read one field of the profile."""
    before = len(reader.problems)
    parts = reader.mapping(node, FIELD, ("id", "type"))
    field = Field(
        **_declaration(reader, node, parts, reader.attempt(reader.identifier, parts["id"], "")),
        source=reader.attempt(reader.text, parts.get("source"), ""),
        write=_writer(reader, parts, Writer.SERVER),
    )
    reader.require_sound(before)
    return field


def read_event_type(reader: RuleReader, node: yaml.Node) -> EventType:
    """Read one event of the schema."""
    before = len(reader.problems)
    parts = reader.mapping(node, EVENT, ("id",))
    event = EventType(
        id=reader.attempt(reader.event_name, parts["id"], ""),
        label=reader.attempt(reader.text, parts.get("label"), peek_id(node)),
        properties=_properties(reader, parts["properties"]) if "properties" in parts else None,
        source=reader.attempt(reader.text, parts.get("source"), ""),
        write=_writer(reader, parts, Writer.BROWSER),
    )
    reader.require_sound(before)
    return event


def _properties(reader: RuleReader, node: yaml.Node) -> dict[str, Property]:
    found: dict[str, Property] = {}
    none: list[yaml.Node] = []
    nodes = reader.attempt(reader.sequence, node, none)
    if len(nodes) > MAX_PROPERTIES:
        reader.report(node, f"an event has at most {MAX_PROPERTIES} properties")
    for part in nodes[:MAX_PROPERTIES]:
        with reader.part():
            declared = _property(reader, part)
            if declared.id in found:
                reader.report(part, f"the property `{declared.id}` is given twice")
            found[declared.id] = declared
    return found


def _property(reader: RuleReader, node: yaml.Node) -> Property:
    parts = reader.mapping(node, PROPERTY, ("id", "type"))
    return Property(
        **_declaration(reader, node, parts, reader.text(parts["id"])),
        required=reader.attempt(reader.boolean, parts.get("required"), none=False),
    )


def _declaration(
    reader: RuleReader, node: yaml.Node, parts: Mapping[str, yaml.Node], id_: str
) -> _Declared:
    type_ = reader.attempt(lambda part: reader.one_of(part, TYPES), parts["type"], "")
    of = reader.attempt(
        lambda part: reader.one_of(part, ELEMENT_TYPES), parts.get("of"), ELEMENT_TYPES[0]
    )
    if "of" in parts and type_ not in {"list", ""}:
        reader.report(parts["of"], f"`of` is the type of a list's elements, this is a {type_}")
    if "values" in parts and (of if type_ == "list" else type_) not in {"text", ""}:
        shown = f"list of {of}" if type_ == "list" else type_
        reader.report(parts["values"], f"`values` does not apply to a {shown}")
    return _Declared(
        id=id_,
        label=reader.attempt(reader.text, parts.get("label"), peek_id(node)),
        type=type_,
        of=of,
        values=reader.attempt(reader.texts, parts.get("values"), ()),
        pii=reader.attempt(reader.boolean, parts.get("pii"), none=False),
    )


def _writer(reader: RuleReader, parts: Mapping[str, yaml.Node], default: Writer) -> Writer:
    name = reader.attempt(
        lambda part: reader.one_of(part, tuple(Writer)), parts.get("write"), default.value
    )
    return Writer(name)
