"""Read all rule files into definitions: sections, schema, metrics, segments, references.

Any file may hold any section; the usual layout (``fields.yaml``, ``metrics.yaml``,
``segments/*.yaml`` ...) is a habit, not a demand.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Final, NamedTuple, Protocol, TypeVar

import yaml

from edgeseg.errors import Problem
from edgeseg.segments.condition import All, Any, Condition, NoneOf, Not, SegmentTest
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.event_reader import EventReader
from edgeseg.segments.rule import Definitions, NamedMetric, Segment
from edgeseg.segments.rule_files import RuleReader, peek_id
from edgeseg.segments.schema_reader import read_event_type, read_field
from edgeseg.segments.segment_reader import read_segment
from edgeseg.segments.test_reader import TestReader

SECTIONS: Final = (
    "fields", "events", "metrics", "segments", "slots", "goals", "campaigns",
    "caps", "holdouts", "languages", "layers", "purposes", "sites",
)  # fmt: skip
_AGGREGATES: Final = ("count", "sum", "average", "first", "last", "instants")
_OF_PROPERTIES: Final = frozenset({"sum", "average", "instants"})


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
    sections: Mapping[str, list[Entry]], time_zone: tzinfo = UTC
) -> tuple[Definitions, dict[RuleReader, ConditionReader]]:
    """Read schema, metrics and segments; answer them with a reader of conditions per file."""
    fields = collect(sections["fields"], read_field)
    events = collect(sections["events"], read_event_type)
    metrics = collect(sections["metrics"], _metric)
    readers: dict[RuleReader, ConditionReader] = {}
    for entries in sections.values():
        for entry in entries:
            if entry.reader not in readers:
                readers[entry.reader] = ConditionReader(entry.reader, fields, metrics, time_zone)
    nodes: dict[str, Entry] = {}

    def read(reader: RuleReader, node: yaml.Node) -> Segment:
        segment = read_segment(readers[reader], node, time_zone)
        nodes.setdefault(segment.id, Entry(reader, node))
        return segment

    segments = collect(sections["segments"], read)
    # A segment that could not be read still counts as known: one problem, not two.
    known = {peek_id(entry.node) for entry in sections["segments"]} - {""}
    check_references(readers.values(), known)
    _check_cycles(segments, nodes)
    definitions = Definitions(
        events=events, fields=fields, metrics=metrics, segments=segments, time_zone=time_zone
    )
    return definitions, readers


def collect(
    entries: list[Entry], read: Callable[[RuleReader, yaml.Node], Definition]
) -> dict[str, Definition]:
    """Read every entry of a section by its id; a repeated id is a problem."""
    found: dict[str, Definition] = {}
    met: set[str] = set()
    for reader, node in entries:
        id_ = reader.at = peek_id(node)
        if id_ and id_ in met:
            reader.report(node, f"`{id_}` is defined twice")
        met.add(id_)
        with reader.part():
            definition = read(reader, node)
            found.setdefault(definition.id, definition)
        reader.at = ""
    return found


def check_references(readers: Iterable[ConditionReader], known: Collection[str]) -> None:
    """Report every segment id that no file defines, and forget the ids met so far."""
    for conditions in readers:
        for segment, node, at in conditions.segment_refs:
            if segment not in known:
                conditions.reader.at = at
                hint = conditions.reader.hint(segment, known)
                conditions.reader.report(node, f"unknown segment `{segment}`", hint)
        conditions.segment_refs.clear()
        conditions.reader.at = ""


def _metric(reader: RuleReader, node: yaml.Node) -> NamedMetric:
    before = len(reader.problems)
    known = ("id", "label", "event", "where", *_AGGREGATES)
    parts = reader.mapping(node, known, ("id", "event"))
    given = [name for name in _AGGREGATES if name in parts]
    if len(given) != 1:
        one_of = ", ".join(f"`{aggregate}`" for aggregate in _AGGREGATES)
        reader.report(node, f"a metric has exactly one of {one_of}")
    name = given[0] if given else ""
    aggregate, of = reader.attempt(
        lambda part: _aggregate(reader, name, part), parts.get(name), ("", "")
    )
    metric = NamedMetric(
        id=reader.attempt(reader.identifier, parts["id"], ""),
        label=reader.attempt(reader.text, parts.get("label"), peek_id(node)),
        event=reader.attempt(reader.event_name, parts["event"], ""),
        aggregate=aggregate,
        of=of,
        where=reader.attempt(EventReader(reader, TestReader(reader)).where, parts.get("where"), ()),
    )
    reader.require_sound(before)
    return metric


def _aggregate(reader: RuleReader, name: str, node: yaml.Node) -> tuple[str, str]:
    if name in _OF_PROPERTIES:
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


def needed_segments(condition: Condition, definitions: Definitions) -> list[str]:
    """Answer the ids of all segments that a condition depends on."""
    needed: dict[str, None] = {}
    pending = list(referenced_segments(condition))
    while pending:
        id_ = pending.pop()
        if id_ not in needed:
            needed[id_] = None
            pending += referenced_segments(definitions.segments[id_].condition)
    return list(needed)


def _check_cycles(segments: Mapping[str, Segment], nodes: Mapping[str, Entry]) -> None:
    """Report each cycle of references once, whole."""
    done: set[str] = set()
    for start in segments:
        trail: dict[str, Iterator[str]] = {start: _references(segments[start])}
        while trail:
            id_, references = next(reversed(trail.items()))
            following = next((ref for ref in references if ref in segments), None)
            if following is None:
                done.add(id_)
                del trail[id_]
            elif following in trail:
                names = list(trail)
                cycle = [*names[names.index(following) :], following]
                reader, node = nodes[following]
                reader.at = following
                reader.report(node, "segments refer to each other in a cycle: " + " → ".join(cycle))
                reader.at = ""
            elif following not in done:
                trail[following] = _references(segments[following])


def _references(segment: Segment) -> Iterator[str]:
    return referenced_segments(segment.condition)
