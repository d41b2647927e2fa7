"""Try a condition on a made-up visitor, without a service or a store. Pure.

A trial says all there is to know about the visitor; condition, events and facts
go through the same reader, compiler, fold and evaluator as those of a live request.
"""

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Final, NamedTuple

import msgspec
import yaml
from cachetools import LRUCache

from edgeseg.errors import InputError, Problem, RulesError
from edgeseg.events.event import Value
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.condition import Condition
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.definitions import check_references, needed_segments
from edgeseg.segments.evaluator import Evaluator
from edgeseg.segments.field_inference import asked_types, infer_fields
from edgeseg.segments.plain_nodes import quick_node
from edgeseg.segments.rule import Definitions
from edgeseg.segments.rule_files import RuleReader
from edgeseg.segments.trial_visitor import (
    Compiled,
    TrialVisitor,
    instant_of,
    read_values,
    trial_facts,
)

MAX_COMPILED: Final = 256
"""Compiled conditions kept for further lines that ask the same."""
TRIED: Final = "trial/"
"""Key of the tried condition among the rules; no segment id has a slash."""
_NOT_YAML: Final = re.compile(
    r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\.|[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
)


class Trial(TrialVisitor, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition and the visitor it is tried on."""

    when: msgspec.Raw


class Verdict(NamedTuple):
    """What a trial came to.

    Attributes:
        now_ms: the instant it was judged at.
        change_ms: when time alone could change it, None for never.
    """

    holds: bool
    now_ms: int
    change_ms: int | None


class Trials:
    """Judges trials against one set of definitions, or against none.

    Without definitions the types of fields are inferred; metrics and segments are unknown.
    """

    def __init__(self, definitions: Definitions | None = None, *, time_zone: tzinfo = UTC) -> None:
        """Take the definitions and the site's time zone."""
        self._definitions = definitions
        self._time_zone = time_zone
        self._asked: LRUCache[bytes, Mapping[str, str]] = LRUCache(MAX_COMPILED)
        self._compiled: LRUCache[object, Compiled] = LRUCache(MAX_COMPILED)

    def judge(self, trial: Trial, *, now_ms: int) -> Verdict:
        """Answer whether the condition holds.

        Args:
            trial: the condition and the visitor.
            now_ms: the instant, unless the trial has its own.

        Raises:
            InputError: the visitor is not acceptable; the error names the member.
            RulesError: the condition is not; problems have line and column within it.
        """
        now_ms = instant_of(trial, now_ms=now_ms, time_zone=self._time_zone)
        compiled = self._compile(bytes(trial.when), read_values(trial.fields, "fields"))
        schema = self._definitions.fields if self._definitions else None
        facts = trial_facts(trial, compiled, schema, now_ms=now_ms, time_zone=self._time_zone)
        evaluation = compiled.evaluator.evaluate(facts, now_ms)
        return Verdict(TRIED in evaluation.held, now_ms, evaluation.change_ms)

    def _compile(self, when: bytes, fields: Mapping[str, Value]) -> Compiled:
        """Answer the compiled condition, for fields of such types."""
        asked = self._asked.get(when)
        if asked is None:
            asked = self._asked[when] = asked_types(_plain(when))
        if self._definitions is not None:
            definitions = self._definitions
        else:
            inferred = infer_fields(asked, fields)
            definitions = Definitions(fields=inferred, time_zone=self._time_zone)
        shape = None if self._definitions else (*definitions.fields.values(),)
        compiled = self._compiled.get((when, shape))
        if compiled is None:
            condition = read_condition(when.decode(), definitions)
            compiled = compile_condition(condition, definitions)
            self._compiled[when, shape] = compiled
        return compiled


def read_condition(text: str, definitions: Definitions) -> Condition:
    """Read a condition written as JSON.

    Raises:
        RulesError: with every problem, at line and column within ``text``.
    """
    quick = quick_node(text)
    if quick is not None:
        condition, problems = _read(quick, definitions)
        if condition is not None and not problems:
            return condition
    condition, problems = _read(_NOT_YAML.sub(_as_yaml, text), definitions)
    if condition is None or problems:
        raise RulesError(problems)
    return condition


def _read(
    source: yaml.Node | str, definitions: Definitions
) -> tuple[Condition | None, list[Problem]]:
    problems: list[Problem] = []
    reader = RuleReader("when", problems)
    known = (definitions.fields, definitions.metrics)
    conditions = ConditionReader(reader, *known, definitions.time_zone)
    condition = None
    with reader.part():
        node = reader.document(source) if isinstance(source, str) else source
        condition = conditions.condition(node) if node is not None else None
    check_references([conditions], definitions.segments)
    return condition, problems


def compile_condition(condition: Condition, definitions: Definitions) -> Compiled:
    """Compile a condition and the segments it depends on.

    Args:
        condition: what to evaluate under the key `TRIED`.
        definitions: with all that it refers to.
    """
    compiler = Compiler(definitions)
    rules = {
        id_: compiler.formula(definitions.segments[id_].condition)
        for id_ in needed_segments(condition, definitions)
    }
    rules[TRIED] = compiler.formula(condition)
    evaluator = Evaluator(rules, is_multi=compiler.is_multi)
    return Compiled(evaluator, compiler.sources, compiler.plan())


def _plain(when: bytes) -> object:
    try:
        plain: object = msgspec.json.decode(when)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", field="when") from error
    return plain


def _as_yaml(match: re.Match[str]) -> str:
    """Write as YAML reads it what JSON allows and YAML does not."""
    text = match[0]
    if text[0] != "\\":
        return f"\\u{ord(text):04x}"
    return str(msgspec.json.decode(f'"{text}"')) if len(text) > 2 else text  # noqa: PLR2004 - \\n
