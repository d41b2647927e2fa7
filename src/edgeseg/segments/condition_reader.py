"""Read conditions: from located YAML nodes to the structs of `rule`, every problem reported."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import yaml

from edgeseg.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from edgeseg.events.event import Scalar
from edgeseg.segments.formula import is_number
from edgeseg.segments.rule import (
    All,
    Any,
    Condition,
    ConsentTest,
    ContextTest,
    EventTest,
    Field,
    FieldTest,
    MetricTest,
    NamedMetric,
    NoneOf,
    Not,
    SegmentTest,
    TagTest,
    Test,
)
from edgeseg.segments.rule_files import RuleReader, Unreadable, kind_of, suggest

TESTS: Final = (
    "eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in", "exists", "starts_with", "glob",
)  # fmt: skip
MAX_KEPT: Final = 1_000
"""Most events that a count within a window may ask for."""
MAX_WINDOW_MS: Final = 3_660 * DAY_MS
_TEXT_TESTS: Final = frozenset({"starts_with", "glob"})
_NUMBER_TESTS: Final = frozenset({"gt", "gte", "lt", "lte"})
_UNITS: Final = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}

TEXT_CONTEXT: Final = frozenset(
    {
        "path", "url", "host", "title", "referrer", "referrer_host",
        "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content",
        "country", "region", "city", "language", "time_zone", "device", "os", "browser",
        "weekday", "date", "visit.landing_path", "first.landing_path", "first.referrer_host",
    }
)  # fmt: skip
NUMBER_CONTEXT: Final = frozenset({"hour", "visit.pages", "visit.seconds", "visit.number"})
CONTEXT: Final = TEXT_CONTEXT | NUMBER_CONTEXT

_FIELD_TYPES: Final = {
    "text": "text", "list": "text", "date": "text", "number": "number", "boolean": "boolean",
}  # fmt: skip


class ConditionReader:
    """Reads the conditions of one file against the names that are defined.

    Attributes:
        segment_refs: every segment id met, with its place, for `check_references`.
    """

    def __init__(
        self,
        reader: RuleReader,
        fields: Mapping[str, Field],
        metrics: Mapping[str, NamedMetric],
    ) -> None:
        """Read with ``reader``; names of fields and metrics must be among these."""
        self.reader = reader
        self.fields = fields
        self.metrics = metrics
        self.segment_refs: list[tuple[str, yaml.Node, str]] = []
        self._kinds: Mapping[str, Callable[[yaml.Node, yaml.Node], Condition]] = {
            "all": lambda _node, value: All(self._group(value)),
            "any": lambda _node, value: Any(self._group(value)),
            "none": lambda _node, value: NoneOf(self._group(value)),
            "not": lambda _node, value: Not(self.condition(value)),
            "field": self._field,
            "metric": self._metric,
            "context": self._context,
            "event": self._event,
            "consent": lambda _node, value: ConsentTest(reader.text(value)),
            "tag": lambda _node, value: TagTest(reader.text(value)),
            "segment": self._segment,
        }

    def condition(self, node: yaml.Node) -> Condition:
        """Read one condition; raises `Unreadable` after reporting what is wrong."""
        entries = self.reader.entries(node)
        kinds = [name for name in entries if name in self._kinds]
        if not kinds:
            first = next(iter(entries), "")
            message = f"unknown condition `{first}`" if first else "a condition is empty"
            raise self.reader.fail(node, message, suggest(first, tuple(self._kinds)))
        if len(kinds) > 1:
            names = " and ".join(f"`{kind}`" for kind in kinds)
            raise self.reader.fail(node, f"a condition has one kind, not {names}", "join by `all`")
        return self._kinds[kinds[0]](node, entries[kinds[0]][1])

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
        name = self._known("field", value, self.fields)
        field = self.fields[name]
        tests = self._tests_beside(node, "field", _FIELD_TYPES[field.type], field.values)
        return FieldTest(name, tests)

    def _metric(self, node: yaml.Node, value: yaml.Node) -> Condition:
        name = self._known("metric", value, self.metrics)
        kind = "instant" if self.metrics[name].aggregate in {"first", "last"} else "number"
        return MetricTest(name, self._tests_beside(node, "metric", kind))

    def _context(self, node: yaml.Node, value: yaml.Node) -> Condition:
        name = self.reader.text(value)
        kind = context_type(name)
        if not kind:
            hint = suggest(name, (*CONTEXT, "query.NAME", "custom.NAME"))
            raise self.reader.fail(value, f"unknown context `{name}`", hint)
        return ContextTest(name, self._tests_beside(node, "context", kind))

    def _segment(self, _node: yaml.Node, value: yaml.Node) -> Condition:
        segment = self.reader.identifier(value)
        self.segment_refs.append((segment, value, self.reader.at))
        return SegmentTest(segment)

    def _event(self, node: yaml.Node, value: yaml.Node) -> Condition:
        parts = self.reader.mapping(node, ("event", "where", "within", "count"))
        event = self.reader.event_name(value)
        where = self.where(parts["where"]) if "where" in parts else ()
        within_ms = self.duration_ms(parts["within"]) if "within" in parts else None
        count = self._count(parts["count"]) if "count" in parts else ()
        return EventTest(event, where, within_ms, count)

    def where(self, node: yaml.Node) -> tuple[tuple[str, tuple[Test, ...]], ...]:
        """Read tests of event properties: a bare value or a mapping of tests per name."""
        return tuple(
            (name, self._tests_of(value, "any"))
            for name, (_key, value) in self.reader.entries(node).items()
        )

    def duration_ms(self, node: yaml.Node) -> int:
        """Read ``45s 30m 12h 7d 4w``, at most ten years."""
        text = self.reader.text(node)
        match = re.fullmatch(r"([1-9][0-9]{0,8})([smhdw])", text)
        if not match or int(match[1]) * _UNITS[match[2]] > MAX_WINDOW_MS:
            hint = "write a whole number and s, m, h, d or w, such as 30d; at most 3660d"
            raise self.reader.fail(node, f"`{text}` is not a duration", hint)
        return int(match[1]) * _UNITS[match[2]]

    def _count(self, node: yaml.Node) -> tuple[Test, ...]:
        tests = self._tests_of(node, "number")
        for test in tests:
            operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
            for operand in operands:
                if test.op == "exists" or not (
                    isinstance(operand, int) and 0 <= operand < MAX_KEPT
                ):
                    message = f"a count is a whole number from 0 to {MAX_KEPT - 1}"
                    raise self.reader.fail(node, message)
        return tests

    def _tests_beside(
        self, node: yaml.Node, kind: str, type_: str, values: tuple[str, ...] = ()
    ) -> tuple[Test, ...]:
        entries = self.reader.entries(node)
        del entries[kind]
        tests = self._tests(node, entries, type_)
        for test in tests:
            operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
            for operand in operands if values and test.op in {"eq", "ne", "in", "not_in"} else ():
                if operand not in values:
                    hint = suggest(str(operand), values)
                    self.reader.report(node, f"`{operand}` is not an allowed value", hint)
        return tests

    def _tests_of(self, node: yaml.Node, type_: str) -> tuple[Test, ...]:
        if isinstance(node, yaml.MappingNode):
            return self._tests(node, self.reader.entries(node), type_)
        return (self._test("eq", node, type_),)

    def _tests(
        self,
        node: yaml.Node,
        entries: Mapping[str, tuple[yaml.Node, yaml.Node]],
        type_: str,
    ) -> tuple[Test, ...]:
        if not entries:
            raise self.reader.fail(node, "a test is missing", "such as `eq: …` or `exists: true`")
        tests = []
        for name, (key, value) in entries.items():
            if name not in TESTS:
                self.reader.report(key, f"unknown test `{name}`", suggest(name, TESTS))
                continue
            with self.reader.part():
                tests.append(self._test(name, value, type_))
        if len(tests) < len(entries):
            raise Unreadable
        return tuple(tests)

    def _test(self, op: str, node: yaml.Node, type_: str) -> Test:
        if op == "exists":
            return Test(op, self.reader.flag(node))
        if type_ == "instant":
            raise self.reader.fail(node, f"`{op}` does not apply to an instant", "use `exists`")
        if op in _TEXT_TESTS:
            expected = "text" if type_ in {"any", "text"} else "none"
        elif op in _NUMBER_TESTS:
            expected = "number" if type_ in {"any", "number"} else "none"
        else:
            expected = type_
        if expected == "none":
            raise self.reader.fail(node, f"`{op}` does not apply to a {type_}")
        if op in {"in", "not_in"}:
            parts = self.reader.sequence(node)
            if not parts:
                raise self.reader.fail(node, f"`{op}` needs at least one value")
            return Test(op, tuple(self._constant(part, expected) for part in parts))
        return Test(op, self._constant(node, expected))

    def _constant(self, node: yaml.Node, type_: str) -> Scalar:
        value = self.reader.scalar(node)
        fits = {
            "text": isinstance(value, str),
            "boolean": isinstance(value, bool),
            "number": is_number(value),
            "any": value is not None,
        }
        if value is None or not fits[type_]:
            message = f"expected a {type_}" if type_ != "any" else "expected a value"
            hint = "quote it" if type_ == "text" else ""
            raise self.reader.fail(node, f"{message}, found {kind_of(node)}", hint)
        return value

    def _known(self, kind: str, node: yaml.Node, known: Mapping[str, object]) -> str:
        name = self.reader.text(node)
        if name not in known:
            raise self.reader.fail(node, f"unknown {kind} `{name}`", suggest(name, known))
        return name


def context_type(name: str) -> str:
    """Answer ``text``, ``number`` or ``any`` for a context name, "" for an unknown one."""
    if name in TEXT_CONTEXT:
        return "text"
    if name in NUMBER_CONTEXT:
        return "number"
    prefix, _dot, rest = name.partition(".")
    if not rest:
        return ""
    return {"query": "text", "custom": "any"}.get(prefix, "")
