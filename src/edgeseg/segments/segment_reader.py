"""Read a segment: who may be in it, when, by which definition, and who is."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Final

import yaml

from edgeseg.segments.condition import EVERYONE, Any, Condition, ListTest, SegmentTest
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.rule import Segment, Version
from edgeseg.segments.rule_files import RuleReader, peek_id
from edgeseg.segments.schedule_reader import read_schedule

MAX_WEIGHT: Final = 10_000
_KEYS: Final = (
    "id", "name", "description", "tags", "priority", "exclusive_group", "from", "active",
    "experiment", "when", "examples",
)  # fmt: skip


def read_segment(conditions: ConditionReader, node: yaml.Node, time_zone: tzinfo) -> Segment:
    """Read one segment.

    Args:
        conditions: reads the conditions of the file.
        node: the mapping.
        time_zone: of the site, for its season.

    Raises:
        Unreadable: a part is wrong; every problem of it is reported.
    """
    reader = conditions.reader
    before = len(reader.problems)
    parts = reader.mapping(node, _KEYS, ("id",))
    if "when" not in parts and not {"experiment", "from"}.intersection(parts):
        raise reader.fail(node, "missing `when`")
    segment = Segment(
        id=reader.attempt(reader.identifier, parts["id"], ""),
        name=reader.attempt(reader.text, parts.get("name"), peek_id(node)),
        description=reader.attempt(reader.text, parts.get("description"), ""),
        tags=reader.attempt(reader.texts, parts.get("tags"), ()),
        priority=reader.attempt(reader.priority, parts.get("priority"), 0),
        when=reader.attempt(conditions.condition, parts.get("when"), EVERYONE),
        base=reader.attempt(lambda part: _base(conditions, part), parts.get("from"), EVERYONE),
        season=reader.attempt(
            lambda part: read_schedule(reader, part, time_zone), parts.get("active"), None
        ),
        versions=reader.attempt(
            lambda part: _versions(conditions, part), parts.get("experiment"), ()
        ),
        exclusive_group=reader.attempt(reader.identifier, parts.get("exclusive_group"), ""),
    )
    reader.require_sound(before)
    return segment


def _base(conditions: ConditionReader, node: yaml.Node) -> Condition:
    """Read ``from``: a segment, several of which any will do, or a list."""
    reader = conditions.reader
    if isinstance(node, yaml.MappingNode):
        return ListTest(reader.text(reader.mapping(node, ("list",), ("list",))["list"]))
    if isinstance(node, yaml.SequenceNode):
        parts = reader.sequence(node)
        if not parts:
            raise reader.fail(node, "`from` needs at least one segment", "or leave it out")
        return Any(tuple(_references(conditions, parts)))
    return next(iter(_references(conditions, [node])))


def _references(conditions: ConditionReader, nodes: Iterable[yaml.Node]) -> Iterable[SegmentTest]:
    return [conditions.segment_reference(node) for node in nodes]


def _versions(conditions: ConditionReader, node: yaml.Node) -> tuple[Version, ...]:
    reader = conditions.reader
    parts = reader.mapping(node, ("versions",), ("versions",))
    versions = [_version(reader, conditions, part) for part in reader.sequence(parts["versions"])]
    if not sum(version.weight for version in versions):
        raise reader.fail(node, "an experiment needs a version with a weight above 0")
    if len({version.id for version in versions}) < len(versions):
        raise reader.fail(node, "versions of a segment have different ids")
    return tuple(versions)


def _version(reader: RuleReader, conditions: ConditionReader, node: yaml.Node) -> Version:
    parts = reader.mapping(node, ("id", "weight", "when"), ("id", "when"))
    return Version(
        id=reader.identifier(parts["id"]),
        weight=reader.integer(parts["weight"], low=0, high=MAX_WEIGHT) if "weight" in parts else 1,
        when=conditions.condition(parts["when"]),
    )
