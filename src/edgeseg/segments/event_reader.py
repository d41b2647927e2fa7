"""Read conditions on events: what happened, how often, when, in which order."""

from collections.abc import Mapping
from typing import Final

import yaml

from edgeseg.segments.condition import EventTest, SequenceTest, Test, Where
from edgeseg.segments.rule_files import RuleReader
from edgeseg.segments.test_reader import TestReader

MAX_KEPT: Final = 1_000
"""Most events that a count within a window may ask for."""

MAX_STEPS: Final = 10
OUTCOMES: Final = ("shown", "clicked", "dismissed", "converted")
"""What may have come of a campaign: events named ``campaign_`` and this."""

_MEASURES: Final = ("count", "sum", "first", "last")
_EVENT: Final = ("event", "where", "within", "between", *_MEASURES)


class EventReader:
    """Reads the conditions on events of one file.

    Attributes:
        campaign_refs: every campaign met, with its variant, None for any, and its place.
    """

    def __init__(self, reader: RuleReader, tests: TestReader) -> None:
        """Read with ``reader``, and tests of properties with ``tests``."""
        self._reader = reader
        self._tests = tests
        self.campaign_refs: list[tuple[yaml.Node, yaml.Node | None, str]] = []

    def event(self, node: yaml.Node, value: yaml.Node) -> EventTest | SequenceTest:
        """Read what happened, or what happened and was not followed by something else."""
        if "not_followed_by" in self._reader.entries(node):
            return self._not_followed(node)
        parts = self._reader.mapping(node, _EVENT)
        for group in (_MEASURES, ("within", "between"), ("within", "first"), ("within", "last")):
            given = [name for name in group if name in parts]
            if len(given) > 1:
                message = "`" + "` and `".join(given) + "` do not go together"
                raise self._reader.fail(parts[given[1]], message)
        sum_of, amounts = self._sum(parts["sum"]) if "sum" in parts else ("", ())
        return EventTest(
            event=self._reader.event_name(value),
            where=self.where(parts["where"]) if "where" in parts else (),
            within_ms=self._tests.duration_ms(parts["within"]) if "within" in parts else None,
            count=self._count(parts["count"]) if "count" in parts else (),
            between=self._tests.span(parts["between"], half_open=True)
            if "between" in parts
            else None,
            sum_of=sum_of,
            sum=amounts,
            first=self._instant_tests(parts["first"]) if "first" in parts else (),
            last=self._instant_tests(parts["last"]) if "last" in parts else (),
        )

    def campaign(self, node: yaml.Node, value: yaml.Node) -> EventTest:
        """Read a condition on what came of a campaign: short for one on its events."""
        parts = self._reader.mapping(node, ("campaign", "outcome", "variant", "within"))
        named = {"campaign": self._reader.identifier(value)}
        if "variant" in parts:
            named["variant"] = self._reader.identifier(parts["variant"])
        self.campaign_refs.append((value, parts.get("variant"), self._reader.at))
        outcome = OUTCOMES[0]
        if "outcome" in parts:
            outcome = self._reader.one_of(parts["outcome"], OUTCOMES)
        return EventTest(
            f"campaign_{outcome}",
            tuple((name, (Test("eq", each),)) for name, each in named.items()),
            self._tests.duration_ms(parts["within"]) if "within" in parts else None,
        )

    def _not_followed(self, node: yaml.Node) -> SequenceTest:
        parts = self._reader.mapping(
            node, ("event", "where", "not_followed_by", "within"), ("event", "within")
        )
        step = self._step_of(parts)
        within_ms = self._tests.duration_ms(parts["within"])
        return SequenceTest((step,), within_ms, self._step(parts["not_followed_by"]))

    def sequence(self, node: yaml.Node, value: yaml.Node) -> SequenceTest:
        """Read events that happened one after the other."""
        parts = self._reader.mapping(node, ("sequence", "within", "not_followed_by"))
        if "not_followed_by" in parts and "within" not in parts:
            raise self._reader.fail(node, "`not_followed_by` needs `within`, how long to wait")
        nodes = self._reader.sequence(value)
        if not 1 < len(nodes) + ("not_followed_by" in parts) <= MAX_STEPS:
            raise self._reader.fail(value, f"a sequence has 2 to {MAX_STEPS} steps")
        return SequenceTest(
            tuple(self._step(each) for each in nodes),
            self._tests.duration_ms(parts["within"]) if "within" in parts else None,
            self._step(parts["not_followed_by"]) if "not_followed_by" in parts else None,
        )

    def where(self, node: yaml.Node) -> Where:
        """Read tests of event properties: a bare value or a mapping of tests per name."""
        return tuple(
            (name, self._tests.value_or_tests(value, "any"))
            for name, (_key, value) in self._reader.entries(node).items()
        )

    def _step(self, node: yaml.Node) -> EventTest:
        return self._step_of(self._reader.mapping(node, ("event", "where"), ("event",)))

    def _step_of(self, parts: Mapping[str, yaml.Node]) -> EventTest:
        where = self.where(parts["where"]) if "where" in parts else ()
        return EventTest(self._reader.event_name(parts["event"]), where)

    def _sum(self, node: yaml.Node) -> tuple[str, tuple[Test, ...]]:
        entries = self._reader.entries(node)
        if "of" not in entries:
            raise self._reader.fail(node, "missing `of`", "the property to add up")
        sum_of = self._reader.text(entries.pop("of")[1])
        return sum_of, self._tests.tests(node, entries, "number")

    def _instant_tests(self, node: yaml.Node) -> tuple[Test, ...]:
        """Read tests of an instant, where ``within`` is short for ``within_last``."""
        entries = self._reader.entries(node)
        if "within" in entries and "within_last" in entries:
            message = "`within` and `within_last` are the same here"
            raise self._reader.fail(entries["within"][0], message, "keep one of them")
        named = {("within_last" if op == "within" else op): at for op, at in entries.items()}
        return self._tests.tests(node, named, "instant")

    def _count(self, node: yaml.Node) -> tuple[Test, ...]:
        tests = self._tests.value_or_tests(node, "number")
        for test in tests:
            operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
            for operand in operands:
                if test.op == "exists" or not (
                    isinstance(operand, int) and 0 <= operand < MAX_KEPT
                ):
                    message = f"a count is a whole number from 0 to {MAX_KEPT - 1}"
                    raise self._reader.fail(node, message)
        return tests
