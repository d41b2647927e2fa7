"""Read all rule files into definitions: sections, fields, metrics, segments, references.

Any file may hold any section; the usual layout (``fields.yaml``, ``metrics.yaml``,
``segments/*.yaml`` ...) is a habit, not a demand.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol, TypeVar

import yaml

from edgeseg.errors import Problem
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.rule import (
    All,
    Any,
    Condition,
    Definitions,
    Field,
    NamedMetric,
    NoneOf,
    Not,
    Segment,
    SegmentTest,
)
from edgeseg.segments.rule_files import RuleReader, suggest

SECTIONS: Final = ("fields", "metrics", "segments", "slots", "goals", "campaigns")
FIELD_TYPES: Final = ("text", "number", "boolean", "date", "list")
MAX_PRIORITY: Final = 1_000_000
_AGGREGATES: Final = ("count", "sum", "first", "last")


class Identified(Protocol):
    """A definition with an id."""

    @property
    def id(self) -> str:
        """Name that others refer to it by."""
        ...


Definition = TypeVar("Definition", bound=Identified)


class Entry(NamedTuple):
    """One definition as it stands in a file, not read yet."""

    reader: RuleReader
    node: yaml.Node


def read_sections(files: Mapping[str, str], problems: list[Problem]) -> dict[str, list[Entry]]:
    """Split the files into the entries of each section.

    Args:
        files: name → text, in the order that definitions are to have.
        problems: receives whatever is wrong.
    """
    sections: dict[str, list[Entry]] = {section: [] for section in SECTIONS}
    for file, text in files.items():
        reader = RuleReader(file, problems)
        with reader.part():
            document = reader.document(text)
            if document is None:
                continue
            for section, node in reader.mapping(document, SECTIONS).items():
                with reader.part():
                    sections[section] += [Entry(reader, part) for part in reader.sequence(node)]
    return sections


def read_definitions(
    sections: Mapping[str, list[Entry]],
) -> tuple[Definitions, dict[RuleReader, ConditionReader]]:
    """Read fields, metrics and segments; answer them with a reader of conditions per file."""
    fields = collect(sections["fields"], _field)
    metrics = collect(sections["metrics"], _metric)
    readers: dict[RuleReader, ConditionReader] = {}
    for entries in sections.values():
        for entry in entries:
            if entry.reader not in readers:
                readers[entry.reader] = ConditionReader(entry.reader, fields, metrics)
    nodes: dict[str, Entry] = {}

    def read(reader: RuleReader, node: yaml.Node) -> Segment:
        segment = _segment(readers[reader], node)
        nodes.setdefault(segment.id, Entry(reader, node))
        return segment

    segments = collect(sections["segments"], read)
    # A segment that could not be read still counts as known: one problem, not two.
    known = {peek_id(entry.node) for entry in sections["segments"]} - {""}
    check_references(readers.values(), known)
    _check_cycles(segments, nodes)
    return Definitions(fields=fields, metrics=metrics, segments=segments), readers


def collect(
    entries: list[Entry], read: Callable[[RuleReader, yaml.Node], Definition]
) -> dict[str, Definition]:
    """Read every entry of a section by its id; a repeated id is a problem."""
    found: dict[str, Definition] = {}
    for reader, node in entries:
        reader.at = peek_id(node)
        with reader.part():
            definition = read(reader, node)
            if definition.id in found:
                reader.report(node, f"`{definition.id}` is defined twice")
            found.setdefault(definition.id, definition)
        reader.at = ""
    return found


def peek_id(node: yaml.Node) -> str:
    """Answer the id that an entry claims, for problems in the rest of it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "id" and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return ""


def check_references(readers: Iterable[ConditionReader], known: Collection[str]) -> None:
    """Report every segment id that no file defines, and forget the ids met so far."""
    for conditions in readers:
        for segment, node, at in conditions.segment_refs:
            if segment not in known:
                conditions.reader.at = at
                hint = suggest(segment, known)
                conditions.reader.report(node, f"unknown segment `{segment}`", hint)
        conditions.segment_refs.clear()
        conditions.reader.at = ""


def _field(reader: RuleReader, node: yaml.Node) -> Field:
    parts = reader.mapping(node, ("id", "label", "type", "values", "pii"), ("id", "type"))
    id_ = reader.identifier(parts["id"])
    type_ = reader.one_of(parts["type"], FIELD_TYPES)
    values = reader.texts(parts["values"]) if "values" in parts else ()
    if values and type_ not in {"text", "list"}:
        raise reader.fail(parts["values"], f"`values` does not apply to a {type_}")
    return Field(
        id=id_,
        label=reader.text(parts["label"]) if "label" in parts else id_,
        type=type_,
        values=values,
        pii=reader.flag(parts["pii"]) if "pii" in parts else False,
    )


def _metric(reader: RuleReader, node: yaml.Node) -> NamedMetric:
    known = ("id", "label", "event", "where", *_AGGREGATES)
    parts = reader.mapping(node, known, ("id", "event"))
    id_ = reader.identifier(parts["id"])
    given = [name for name in _AGGREGATES if name in parts]
    if len(given) != 1:
        raise reader.fail(node, "a metric has exactly one of `count`, `sum`, `first`, `last`")
    aggregate, of = _aggregate(reader, given[0], parts[given[0]])
    conditions = ConditionReader(reader, {}, {})
    return NamedMetric(
        id=id_,
        label=reader.text(parts["label"]) if "label" in parts else id_,
        event=reader.event_name(parts["event"]),
        aggregate=aggregate,
        of=of,
        where=conditions.where(parts["where"]) if "where" in parts else (),
    )


def _aggregate(reader: RuleReader, name: str, node: yaml.Node) -> tuple[str, str]:
    if name == "sum":
        return name, reader.text(node)
    if name == "count" and isinstance(node, yaml.MappingNode):
        parts = reader.mapping(node, ("distinct",), ("distinct",))
        return "distinct", reader.text(parts["distinct"])
    if name == "count":
        if reader.scalar(node) is not True:
            raise reader.fail(node, "write `count: true` or `count: {distinct: PROPERTY}`")
        return name, ""
    reader.one_of(node, ("timestamp",))
    return name, ""


def _segment(conditions: ConditionReader, node: yaml.Node) -> Segment:
    reader = conditions.reader
    known = ("id", "name", "description", "tags", "priority", "when")
    parts = reader.mapping(node, known, ("id", "when"))
    id_ = reader.identifier(parts["id"])
    priority = parts.get("priority")
    return Segment(
        id=id_,
        name=reader.text(parts["name"]) if "name" in parts else id_,
        description=reader.text(parts["description"]) if "description" in parts else "",
        tags=reader.texts(parts["tags"]) if "tags" in parts else (),
        priority=reader.integer(priority, low=-MAX_PRIORITY, high=MAX_PRIORITY) if priority else 0,
        when=conditions.condition(parts["when"]),
    )


def referenced_segments(condition: Condition) -> Iterator[str]:
    """Iterate over the ids of the segments that a condition asks about."""
    match condition:
        case SegmentTest(segment):
            yield segment
        case Not(inner):
            yield from referenced_segments(inner)
        case All(conditions) | Any(conditions) | NoneOf(conditions):
            for part in conditions:
                yield from referenced_segments(part)


def _check_cycles(segments: Mapping[str, Segment], nodes: Mapping[str, Entry]) -> None:
    """Report each cycle of references once, whole."""
    done: set[str] = set()
    for start in segments:
        trail: list[str] = []
        pending = [(start, iter(referenced_segments(segments[start].when)))]
        while pending:
            id_, references = pending[-1]
            if len(trail) < len(pending):
                trail.append(id_)
            following = next((ref for ref in references if ref in segments), None)
            if following is None:
                done.add(id_)
                pending.pop()
                trail.pop()
            elif following in trail:
                cycle = [*trail[trail.index(following) :], following]
                reader, node = nodes[following]
                reader.at = following
                reader.report(node, "segments refer to each other in a cycle: " + " → ".join(cycle))
                reader.at = ""
            elif following not in done:
                pending.append((following, iter(referenced_segments(segments[following].when))))
