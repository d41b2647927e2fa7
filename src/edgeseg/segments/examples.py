"""Run the examples that segments carry: visitors said to be in it, or out of it. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import yaml

from edgeseg.errors import InputError, Problem
from edgeseg.segments.condition import All, Any, Condition, NoneOf, Not, SegmentTest
from edgeseg.segments.definitions import Entry
from edgeseg.segments.explain import ConditionReport, explain_segment
from edgeseg.segments.rule import Definitions, Segment
from edgeseg.segments.rule_files import RuleReader, peek_id
from edgeseg.segments.trial import TRIED, compile_condition
from edgeseg.segments.trial_visitor import Compiled, TrialVisitor, instant_of, trial_facts

SIDES: Final = ("in", "out")
MAX_REASONS: Final = 3
"""Conditions that a failed example names."""


def run_examples(
    segments: Iterable[Entry], definitions: Definitions, *, now_ms: int
) -> list[Problem]:
    """Answer a problem for every example that is not as its segment says.

    Args:
        segments: the segments as they stand in their files.
        definitions: what the same files define, without problems.
        now_ms: the instant of examples that name none.
    """
    problems: list[Problem] = []
    for entry in segments:
        segment = definitions.segments.get(peek_id(entry.node))
        reader = RuleReader(entry.reader.file, problems)
        with reader.part():
            node = reader.entries(entry.node).get("examples")
            if segment is not None and node is not None:
                reader.at = segment.id
                _Bench(reader, segment, definitions, now_ms).run(node[1])
    return problems


class _Bench:
    """Runs the examples of one segment, reporting to the reader of its file."""

    def __init__(
        self, reader: RuleReader, segment: Segment, definitions: Definitions, now_ms: int
    ) -> None:
        self._reader = reader
        self._segment = segment
        self._definitions = definitions
        self._now_ms = now_ms
        # Asked about as another rule would, so that whatever belongs to a segment counts.
        self._compiled: Compiled = compile_condition(SegmentTest(segment.id), definitions)

    def run(self, examples: yaml.Node) -> None:
        for side, node in self._reader.mapping(examples, SIDES).items():
            with self._reader.part():
                for example in self._reader.sequence(node):
                    with self._reader.part():
                        self._try(example, expected=side == "in")

    def _try(self, node: yaml.Node, *, expected: bool) -> None:
        trial = self._read(node)
        time_zone = self._definitions.time_zone
        try:
            now_ms = instant_of(trial, now_ms=self._now_ms, time_zone=time_zone)
            check = self._compiled
            facts = trial_facts(
                trial, check, self._definitions.fields, now_ms=now_ms, time_zone=time_zone
            )
        except InputError as error:
            place = _find_path(node, error.field)
            message = f"{error.field}: {error}" if error.field else str(error)
            raise self._reader.fail(place, message) from error
        held = TRIED in check.evaluator.evaluate(facts, now_ms).held
        if held is expected:
            return
        found = explain_segment(self._segment, self._definitions, facts, now_ms)
        deciding = list(find_deciding(self._segment.condition, found.conditions))
        reasons = [_say(each) for each in deciding[:MAX_REASONS]]
        verdict = "is in the segment" if held else "is not in the segment"
        because = "; ".join(reasons)
        self._reader.report(node, f"the visitor of this example {verdict}: {because}")

    def _read(self, node: yaml.Node) -> TrialVisitor:
        try:
            return msgspec.convert(_plain(self._reader, node), TrialVisitor)
        except msgspec.ValidationError as error:
            message, _at, path = str(error).partition(" - at `$")
            place = _find_path(node, path.rstrip("`").removeprefix("."))
            raise self._reader.fail(place, message[0].lower() + message[1:]) from error


def find_deciding(condition: Condition, report: ConditionReport) -> Iterator[ConditionReport]:
    """Iterate over the simple conditions that make a condition hold, or not hold."""
    match condition:
        case Not(inner):
            parts, settled_by = (inner,), None
        case All(parts):
            settled_by = False
        case Any(parts) | NoneOf(parts):
            settled_by = True
        case _:
            yield report
            return
    pairs = list(zip(parts, report.children, strict=False))
    # One part is enough to settle a group; where none does, it took all of them.
    settling = next((pair for pair in pairs if pair[1].holds is settled_by), None)
    for part, child in [settling] if settling else pairs:
        yield from find_deciding(part, child)


def _say(report: ConditionReport) -> str:
    found = f" (found: {report.found})" if report.found else ""
    return f"`{report.text}` {'holds' if report.holds else 'does not hold'}{found}"


def _plain(reader: RuleReader, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        entries = reader.entries(node)
        return {name: _plain(reader, value) for name, (_key, value) in entries.items()}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(reader, part) for part in reader.sequence(node)]
    return reader.scalar(node)


def _find_path(node: yaml.Node, path: str) -> yaml.Node:
    """Answer the node at a path such as ``events[2].timestamp``, as far as there is one."""
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        match node:
            case yaml.MappingNode() if name:
                found = [value for key, value in node.value if key.value == name]
            case yaml.SequenceNode() if number:
                found = node.value[int(number) : int(number) + 1]
            case _:
                found = []
        if not found:
            return node
        node = found[0]
    return node
