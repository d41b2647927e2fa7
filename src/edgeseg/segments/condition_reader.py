"""Read conditions: from located YAML nodes to structs, every problem reported."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, tzinfo
from typing import ClassVar, Final, TypeAlias

import yaml

from edgeseg.events.schema import Field
from edgeseg.segments.condition import (
    AffinityTest,
    All,
    Any,
    Condition,
    ConsentTest,
    ContextTest,
    FieldTest,
    ListTest,
    MetricTest,
    NoneOf,
    Not,
    SegmentTest,
    ShareTest,
    TagTest,
    Test,
)
from edgeseg.segments.context_names import (
    CALENDAR,
    CONTEXT,
    CONTEXT_VALUES,
    VISITORS,
    context_type,
)
from edgeseg.segments.event_reader import EventReader
from edgeseg.segments.rule import OF_INSTANTS, NamedMetric
from edgeseg.segments.rule_files import RuleReader, Unreadable
from edgeseg.segments.test_reader import IGNORE_CASE, Entries, TestReader
from edgeseg.spelling import suggest

MAX_RANK: Final = 32
_WITH_TESTS: Final = frozenset({"field", "metric", "context", "event", "campaign", "sequence"})
"""Kinds beside which more may stand; they look at it themselves."""
_OTHER_WORDS: Final = {"and": "all", "or": "any", "nor": "none", "except": "not"}
"""Kinds as others call them, whose spelling is closer to something else."""
_CONSTANT: Final = frozenset({"eq", "ne", "in", "not_in", "has_any", "has_all", "has_none"})


_ReadKind: TypeAlias = Callable[["ConditionReader", yaml.Node, yaml.Node], Condition]
"""Reads one kind, from the whole condition and the value of the kind's name."""


class ConditionReader:
    """Reads the conditions of one file against the names that are defined.

    Attributes:
        segment_refs: every segment id met, with its place, for `check_references`.
        purpose_refs: every consent purpose met, with its place, for those who know them.
        events: reads the conditions on events.
    """

    def __init__(
        self,
        reader: RuleReader,
        fields: Mapping[str, Field],
        metrics: Mapping[str, NamedMetric],
        time_zone: tzinfo = UTC,
    ) -> None:
        """Read with ``reader``; names of fields and metrics must be among these.

        Instants without a zone are of ``time_zone``.
        """
        self.reader = reader
        self.fields = fields
        self.metrics = metrics
        self._tests = TestReader(reader, time_zone)
        self.segment_refs: list[tuple[str, yaml.Node, str]] = []
        self.purpose_refs: list[tuple[str, yaml.Node, str]] = []
        self.events = EventReader(reader, self._tests)

    def condition(self, node: yaml.Node) -> Condition:
        """Read one condition; raises `Unreadable` after reporting what is wrong."""
        entries = self.reader.entries(node)
        kinds = [name for name in entries if name in self._kinds]
        if not kinds:
            first = next(iter(entries), "")
            message = f"unknown condition `{first}`" if first else "a condition is empty"
            hint = suggest(_OTHER_WORDS.get(first, first), tuple(self._kinds))
            if context_type(first):
                hint = f"write `context: {first}`, and a test such as `eq` beside it"
            elif first == "<<":
                hint = "mappings are not merged; join conditions by `all`"
            raise self.reader.fail(node, message, hint)
        if len(kinds) > 1:
            names = " and ".join(f"`{kind}`" for kind in kinds)
            raise self.reader.fail(node, f"a condition has one kind, not {names}", "join by `all`")
        kind = kinds[0]
        if kind not in _WITH_TESTS:
            self._check_alone(kind, entries)
        return self._kinds[kind](self, node, entries[kind][1])

    def _check_alone(self, kind: str, entries: Entries) -> None:
        """Report what stands beside a kind that takes nothing, lest it be taken as asked."""
        for name, (key, _value) in entries.items():
            if name != kind:
                message = f"`{name}` does not go with `{kind}`"
                self.reader.report(key, message, "write two conditions and join them by `all`")

    def _group(self, node: yaml.Node) -> tuple[Condition, ...]:
        conditions, failed = [], False
        for part in self.reader.sequence(node):
            try:
                conditions.append(self.condition(part))
            except Unreadable:
                failed = True
        if failed:
            raise Unreadable
        return tuple(conditions)

    def _field(self, node: yaml.Node, value: yaml.Node) -> Condition:
        name = self._resolve("field", value, self.fields)
        field = self.fields[name]
        type_ = field.of if field.type == "list" else field.type
        kind = "instant" if type_ == "date" else type_
        tests = self._tests_beside(node, "field", kind, field.values)
        return FieldTest(name, tests)

    def _metric(self, node: yaml.Node, value: yaml.Node) -> Condition:
        name = self._resolve("metric", value, self.metrics)
        kind = "instant" if self.metrics[name].aggregate in OF_INSTANTS else "number"
        return MetricTest(name, self._tests_beside(node, "metric", kind))

    def _context(self, node: yaml.Node, value: yaml.Node) -> Condition:
        name = self.reader.text(value)
        kind = context_type(name)
        if not kind:
            hint = suggest(name, (*CONTEXT, "query.NAME", "custom.NAME"))
            raise self.reader.fail(value, f"unknown context `{name}`", hint)
        zone = self.reader.entries(node).get("time_zone")
        if zone is not None:
            if name not in CALENDAR:
                hint = "it is for hour, weekday and date"
                raise self.reader.fail(zone[0], f"`{name}` has no time zone", hint)
            self.reader.one_of(zone[1], ("visitor",))
        case = self.reader.entries(node).get(IGNORE_CASE)
        if case is not None and name in CONTEXT_VALUES:
            hint = f"`{name}` is always written in lower case"
            raise self.reader.fail(case[0], f"`{IGNORE_CASE}` changes nothing here", hint)
        tests = self._tests_beside(node, "context", kind, CONTEXT_VALUES.get(name, ()))
        if name == "date":
            for test in tests:
                self._check_days(self.reader.entries(node)[test.op][1], test)
        return ContextTest(f"{VISITORS if zone else ''}{name}", tests)

    def page_tests(self, node: yaml.Node) -> Condition:
        """Read a mapping from names of context to a value or tests, all of which must pass."""
        conditions = []
        for name, (key, value) in self.reader.entries(node).items():
            kind = context_type(name)
            if not kind:
                raise self.reader.fail(key, f"unknown context `{name}`", "such as `path` or `host`")
            tests = self._tests.value_or_tests(value, kind)
            for test in tests:
                self._check_values(value, test, CONTEXT_VALUES.get(name, ()))
                if name == "date":
                    self._check_days(value, test)
            conditions.append(ContextTest(name, tests))
        return All(tuple(conditions))

    def segment_reference(self, node: yaml.Node) -> SegmentTest:
        """Read the id of a segment, to be checked once all are known."""
        segment = self.reader.identifier(node)
        self.segment_refs.append((segment, node, self.reader.at))
        return SegmentTest(segment)

    def purpose_reference(self, node: yaml.Node) -> ConsentTest:
        """Read a consent purpose, to be checked where the purposes are known."""
        purpose = self.reader.text(node)
        self.purpose_refs.append((purpose, node, self.reader.at))
        return ConsentTest(purpose)

    def _affinity(self, _node: yaml.Node, value: yaml.Node) -> Condition:
        parts = self.reader.mapping(value, ("to", "value", "rank"), ("to", "value"))
        rank = self.reader.integer(parts["rank"], low=1, high=MAX_RANK) if "rank" in parts else 1
        return AffinityTest(self.reader.text(parts["to"]), self.reader.text(parts["value"]), rank)

    def _share(self, _node: yaml.Node, value: yaml.Node) -> Condition:
        parts = self.reader.mapping(value, ("percent", "salt"), ("percent", "salt"))
        percent = self.reader.scalar(parts["percent"])
        if isinstance(percent, str | bool | None) or not 0 <= percent <= 100:  # noqa: PLR2004
            raise self.reader.fail(parts["percent"], "expected a number from 0 to 100")
        return ShareTest(percent, self.reader.text(parts["salt"]))

    def _tests_beside(
        self, node: yaml.Node, kind: str, type_: str, values: tuple[str | int, ...] = ()
    ) -> tuple[Test, ...]:
        entries = self.reader.entries(node)
        del entries[kind]
        if kind == "context":
            entries.pop("time_zone", None)
        tests = self._tests.tests(node, entries, type_)
        for test in tests:
            self._check_values(entries[test.op][1], test, values)
        return tests

    def _check_values(self, node: yaml.Node, test: Test, values: tuple[str | int, ...]) -> None:
        """Report constants that the fact never has."""
        if test.op not in _CONSTANT or not values:
            return
        operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
        possible = {_folded(value) for value in values} if test.ignore_case else {*values}
        for operand in operands:
            if (_folded(operand) if test.ignore_case else operand) not in possible:
                texts = [value for value in values if isinstance(value, str)]
                hint = suggest(str(operand), texts) if texts else f"{values[0]} to {values[-1]}"
                self.reader.report(node, f"`{operand}` is not an allowed value", hint)

    def _check_days(self, node: yaml.Node, test: Test) -> None:
        """Report constants that are no day as the clock tells it."""
        given = test.operand if isinstance(test.operand, tuple) else (test.operand,)
        for day in given if test.op in _CONSTANT else ():
            if not _is_day(str(day)):
                self.reader.report(node, f"`{day}` is not a day", "write 2026-11-21")

    def _resolve(self, kind: str, node: yaml.Node, known: Mapping[str, object]) -> str:
        """Read the name of a definition without which the rest cannot be read."""
        name = self.reader.text(node)
        if name not in known:
            raise self.reader.fail(node, f"unknown {kind} `{name}`", self.reader.hint(name, known))
        return name

    # Of the class, not of each reader: a reader that refers to itself is left to the collector.
    _kinds: ClassVar[Mapping[str, _ReadKind]] = {
        "all": lambda self, _node, value: All(self._group(value)),
        "any": lambda self, _node, value: Any(self._group(value)),
        "none": lambda self, _node, value: NoneOf(self._group(value)),
        "not": lambda self, _node, value: Not(self.condition(value)),
        "field": lambda self, node, value: self._field(node, value),
        "metric": lambda self, node, value: self._metric(node, value),
        "context": lambda self, node, value: self._context(node, value),
        "event": lambda self, node, value: self.events.event(node, value),
        "campaign": lambda self, node, value: self.events.campaign(node, value),
        "consent": lambda self, _node, value: self.purpose_reference(value),
        "tag": lambda self, _node, value: TagTest(self.reader.text(value)),
        "sequence": lambda self, node, value: self.events.sequence(node, value),
        "affinity": lambda self, node, value: self._affinity(node, value),
        "list": lambda self, _node, value: ListTest(self.reader.text(value)),
        "share": lambda self, node, value: self._share(node, value),
        "segment": lambda self, _node, value: self.segment_reference(value),
    }


def _folded(value: object) -> str:
    return str(value).casefold()


def _is_day(text: str) -> bool:
    with suppress(ValueError):
        return date.fromisoformat(text).isoformat() == text
    return False
