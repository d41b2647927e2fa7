"""Read tests of values: operator, constant and whether case counts."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from functools import partial
from typing import Final, TypeAlias

import re2
import yaml

from edgeseg.clock import DAY_MS, UNITS_MS, epoch_ms, parse_instant
from edgeseg.events.event import Scalar, is_number
from edgeseg.segments.condition import Test
from edgeseg.segments.formula import SEMVER_ORDERS
from edgeseg.segments.rule_files import RuleReader, Unreadable, kind_of
from edgeseg.segments.text_tests import compile_regex, parse_version
from edgeseg.spelling import suggest

MAX_PATTERN: Final = 500
MAX_WINDOW_MS: Final = 3_660 * DAY_MS
DURATION: Final = re.compile(r"([1-9][0-9]{0,8})([smhdw])")

_PLAIN: Final = re.compile(r"[-+]?[0-9.]+|true|false", re.IGNORECASE)
"""Text that would be a number or boolean without quotes."""

_EQUAL: Final = ("eq", "ne")
_AMONG: Final = ("in", "not_in", "has_any", "has_all", "has_none")
_TEXT: Final = ("contains", "starts_with", "ends_with", "glob", "matches")
_PIECES: Final = ("contains", "starts_with", "ends_with")
_ORDER: Final = ("gt", "gte", "lt", "lte")
_SINCE: Final = ("before", "after")
_NEAR: Final = ("within_last", "within_next")
TESTS: Final = (
    *_EQUAL, *_ORDER, "between", *_AMONG, "exists", *_TEXT, *SEMVER_ORDERS, *_SINCE, *_NEAR,
)  # fmt: skip
_OTHER_WORDS: Final = {
    "begins_with": "starts_with", "prefix": "starts_with", "suffix": "ends_with",
    "regex": "matches", "regexp": "matches", "like": "glob",
    "min": "gte", "max": "lte", ">=": "gte", "<=": "lte", ">": "gt", "<": "lt",
    "greater_than": "gt", "less_than": "lt", "is": "eq", "equals": "eq", "not": "ne",
}  # fmt: skip
"""Tests as others call them, whose spelling is closer to something else."""
_PRESENT: Final = "to ask whether there is one, write `exists: true`"
IGNORE_CASE: Final = "ignore_case"
_CASED: Final = frozenset({*_EQUAL, *_AMONG, *_TEXT})
_WITH_CASE: Final = frozenset({"text", "any"})
_KINDS: Final = {"instant": "an instant", "any": "a value whose type nobody declares"}
APPLICABLE: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"exists", *_EQUAL, *_AMONG, *_TEXT, *SEMVER_ORDERS}),
    "number": frozenset({"exists", *_EQUAL, *_AMONG, *_ORDER, "between"}),
    "boolean": frozenset({"exists", *_EQUAL, *_AMONG}),
    "instant": frozenset({"exists", *_EQUAL, "between", *_SINCE, *_NEAR}),
    "any": frozenset({"exists", *_EQUAL, *_AMONG, *_TEXT, *SEMVER_ORDERS, *_ORDER, "between"}),
}
"""Type of a fact → tests that apply; ``any`` is a type that nobody declares."""

Entries: TypeAlias = Mapping[str, tuple[yaml.Node, yaml.Node]]


class TestReader:
    """Reads the tests of one file."""

    __test__ = False  # not a class of tests, whatever its name begins with

    def __init__(self, reader: RuleReader, time_zone: tzinfo = UTC) -> None:
        """Report problems to ``reader``; instants without a zone are of ``time_zone``."""
        self._reader = reader
        self._time_zone = time_zone

    def value_or_tests(self, node: yaml.Node, type_: str) -> tuple[Test, ...]:
        """Read a bare value, which means ``eq``, or a mapping of tests."""
        if isinstance(node, yaml.MappingNode):
            return self.tests(node, self._reader.entries(node), type_)
        return (self._test("eq", node, type_, ignore_case=False),)

    def tests(self, node: yaml.Node, entries: Entries, type_: str) -> tuple[Test, ...]:
        """Read tests that must all pass.

        Args:
            node: what holds them, for problems.
            entries: operator → (node of its name, node of its constant).
            type_: one of the keys of the table of applicable tests.
        """
        given = dict(entries)
        case = given.pop(IGNORE_CASE, None)
        ignore_case = case is not None and self._reader.boolean(case[1])
        if not given:
            hint = "such as `eq: …` or `exists: true`"
            raise self._reader.fail(node, "a test is missing", hint)
        if case is not None and (type_ not in _WITH_CASE or _CASED.isdisjoint(given)):
            hint = "it goes with tests of text, such as `eq` and `contains`"
            self._reader.report(case[0], f"`{IGNORE_CASE}` changes nothing here", hint)
        tests = []
        for op, (key, value) in given.items():
            with self._reader.part():
                self._check_operator(op, key, type_)
                tests.append(self._test(op, value, type_, ignore_case=ignore_case))
        if len(tests) < len(given):
            raise Unreadable
        return tuple(tests)

    def duration_ms(self, node: yaml.Node) -> int:
        """Read ``45s 30m 12h 7d 4w``, at most ten years."""
        is_bare = isinstance(node, yaml.ScalarNode) and is_number(self._reader.scalar(node))
        text = str(node.value) if is_bare else self._reader.text(node)
        found = _parse_duration(text)
        if found is None:
            hint = "write a whole number and s, m, h, d or w, such as 30d; at most 3660d"
            raise self._reader.fail(node, f"`{text}` is not a duration", hint)
        return found

    def instant(self, node: yaml.Node) -> str:
        """Read an RFC 3339 instant or date; without a zone it is of the site's."""
        text = self._reader.text(node)
        try:
            parse_instant(text)
        except ValueError:
            hint = "write 2026-11-21 or 2026-11-21T09:30:00Z"
            raise self._reader.fail(node, f"`{text}` is not an instant", hint) from None
        return text

    def span(self, node: yaml.Node, *, half_open: bool = False) -> tuple[str, str]:
        """Read two instants, the earlier one first; half open, they must differ."""
        parts = self._reader.sequence(node)
        if len(parts) != 2:  # noqa: PLR2004 - both ends
            raise self._reader.fail(node, "`between` needs two instants")
        first, second = (self.instant(part) for part in parts)
        low, high = (epoch_ms(parse_instant(each), self._time_zone) for each in (first, second))
        if low >= high if half_open else low > high:
            raise self._reader.fail(node, "`between` needs the earlier instant first")
        return first, second

    def _check_operator(self, op: str, key: yaml.Node, type_: str) -> None:
        if op not in TESTS:
            hint = suggest(_OTHER_WORDS.get(op, op), TESTS)
            raise self._reader.fail(key, f"unknown test `{op}`", hint)
        if op not in APPLICABLE[type_]:
            kind = _KINDS.get(type_, f"a {type_}")
            some = ", ".join(each for each in TESTS if each in APPLICABLE[type_])
            hint = f"use one of: {some}"
            if type_ == "any" and op in APPLICABLE["instant"]:
                hint = "fields of type `date` and metrics with `instants` are instants"
            raise self._reader.fail(key, f"`{op}` does not apply to {kind}", hint)

    def _test(self, op: str, node: yaml.Node, type_: str, *, ignore_case: bool) -> Test:
        ignore_case = ignore_case and op in _CASED
        if op == "exists":
            return Test(op, self._reader.boolean(node))
        if op in _AMONG:
            parts = self._reader.sequence(node)
            if not parts:
                raise self._reader.fail(node, f"`{op}` needs at least one value")
            constants = tuple(self._constant(part, type_) for part in parts)
            return Test(op, constants, ignore_case)
        if op == "between":
            return Test(op, self._pair(node, type_))
        read = self.instant if op in _EQUAL and type_ == "instant" else self._readers().get(op)
        if read is not None:
            return Test(op, read(node), ignore_case)
        expected = "text" if op in _TEXT else "number" if op in _ORDER else type_
        return Test(op, self._constant(node, expected), ignore_case)

    def _readers(self) -> Mapping[str, Callable[[yaml.Node], Scalar]]:
        """Answer how the constants are read that are more than a value of the fact's type."""
        return {
            "matches": self._regex,
            "glob": self._glob,
            **{op: partial(self._piece, op) for op in _PIECES},
            **dict.fromkeys(SEMVER_ORDERS, self._version),
            **dict.fromkeys(_SINCE, self._instant_or_duration),
            **dict.fromkeys(_NEAR, self.duration_ms),
        }

    def _instant_or_duration(self, node: yaml.Node) -> Scalar:
        """Read an instant, or a duration ago in milliseconds."""
        is_duration = DURATION.fullmatch(str(getattr(node, "value", "")))
        return self.duration_ms(node) if is_duration else self.instant(node)

    def _piece(self, op: str, node: yaml.Node) -> Scalar:
        """Read what a text has to have somewhere; every text has the empty one."""
        piece = self._constant(node, "text")
        if piece == "":
            raise self._reader.fail(node, f"`{op}` an empty text is true of every text", _PRESENT)
        return piece

    def _glob(self, node: yaml.Node) -> Scalar:
        pattern = self._constant(node, "text")
        self._check_length(node, str(pattern))
        return pattern

    def _check_length(self, node: yaml.Node, pattern: str) -> None:
        if len(pattern) > MAX_PATTERN:
            message = f"a pattern has at most {MAX_PATTERN} characters, this has {len(pattern)}"
            raise self._reader.fail(node, message)

    def _regex(self, node: yaml.Node) -> str:
        pattern = self._reader.text(node)
        self._check_length(node, pattern)
        try:
            compile_regex(pattern)
        except re2.error as error:
            what = error.args[0]
            shown = what.decode(errors="replace") if isinstance(what, bytes) else str(what)
            hint = "the syntax is RE2's: no look-around, no back-references"
            raise self._reader.fail(node, f"not a regular expression: {shown}", hint) from None
        return pattern

    def _version(self, node: yaml.Node) -> str:
        text = self._reader.text(node)
        if parse_version(text) is None:
            hint = "write MAJOR.MINOR.PATCH, such as 2.10.0"
            raise self._reader.fail(node, f"`{text}` is not a semantic version", hint)
        return text

    def _pair(self, node: yaml.Node, type_: str) -> tuple[Scalar, ...]:
        parts = self._reader.sequence(node)
        if len(parts) != 2:  # noqa: PLR2004 - both ends
            raise self._reader.fail(node, "`between` needs the two ends, such as [1, 5]")
        if type_ == "instant":
            return self.span(node)
        low, high = (self._constant(part, "number") for part in parts)
        if low > high:  # type: ignore[operator]
            raise self._reader.fail(node, "`between` needs the lower end first")
        return low, high

    def _constant(self, node: yaml.Node, type_: str) -> Scalar:
        if isinstance(node, yaml.SequenceNode):
            raise self._reader.fail(node, "expected a value, found a list", "`in` takes several")
        value = self._reader.scalar(node)
        fits = {
            "text": isinstance(value, str),
            "boolean": isinstance(value, bool),
            "number": is_number(value),
            "any": value is not None,
        }
        if value is None or not fits[type_]:
            message = f"expected a {type_}" if type_ != "any" else "expected a value"
            hint = _hint_at_type(value, type_)
            raise self._reader.fail(node, f"{message}, found {kind_of(node)}", hint)
        return value


def _hint_at_type(value: Scalar | None, type_: str) -> str:
    """Answer how a constant may have been meant that is not of the fact's type."""
    if value is None:
        return "to ask for what is missing, write `exists: false`"
    if type_ == "text":
        return "quote it"
    return "write it without quotes" if isinstance(value, str) and _PLAIN.fullmatch(value) else ""


def _parse_duration(text: str) -> int | None:
    match = DURATION.fullmatch(text)
    if match is None:
        return None
    milliseconds = int(match[1]) * UNITS_MS[match[2]]
    return milliseconds if milliseconds <= MAX_WINDOW_MS else None
