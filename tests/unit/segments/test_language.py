"""The whole way from conditions to memberships equals the oracle, for any rules and visitor."""

from collections.abc import Iterator

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg.clock import DAY_MS
from edgeseg.events.event import (
    ATTRIBUTES_SET,
    LISTS_ADDED,
    PINS_CHANGED,
    TAGS_ADDED,
    Event,
)
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.evaluator import Evaluator
from edgeseg.segments.explain import ConditionReport, explain_segment
from edgeseg.segments.facts import Facts, gather_facts
from edgeseg.segments.formula import AGE, Formula, Literal
from edgeseg.segments.index import Evaluation
from edgeseg.segments.rule import Definitions
from tests.unit.profiles.stored_visitor import StoredVisitor
from tests.unit.segments.generate import NOW_MS, definitions, visitors
from tests.unit.segments.oracle import Oracle, Visitor


def changes(visitor: Visitor) -> list[Event]:
    """Answer the events that make a profile what it is besides behaviour."""
    return [
        Event(ATTRIBUTES_SET, 0, visitor.attributes),
        Event(TAGS_ADDED, 0, {"tags": list(visitor.tags)}),
        Event(LISTS_ADDED, 0, {"lists": list(visitor.lists)}),
        Event(PINS_CHANGED, 0, {**visitor.pins}),
    ]


# The first draws build the strategies of the whole language, which takes its time.
_DAYS_MS = 40 * DAY_MS
patient = settings(suppress_health_check=[HealthCheck.too_slow])


class Setup:
    """One rule set compiled, one visitor folded by it."""

    def __init__(self, rules: Definitions, visitor: Visitor) -> None:
        self.rules = rules
        self.visitor = visitor
        compiler = Compiler(rules)
        ordered = sorted(rules.segments.values(), key=lambda each: (-each.priority, each.id))
        self.formulas = {segment.id: compiler.formula(segment.condition) for segment in ordered}
        self.ages = {literal for each in self.formulas.values() for literal in _ages(each)}
        self.groups = {each.id: each.exclusive_group for each in ordered if each.exclusive_group}
        self.is_multi = compiler.is_multi
        self.evaluator = Evaluator(self.formulas, is_multi=self.is_multi, groups=self.groups)
        self.sources = compiler.sources
        self.plan = compiler.plan()
        self.profile = fold(EMPTY_PROFILE, [*changes(visitor), *visitor.events], self.plan)

    def facts(self, now_ms: int) -> Facts:
        """Answer what the rules see at this instant."""
        return gather_facts(
            self.sources,
            profile=self.profile if self.visitor.known else None,
            context=self.visitor.context,
            consents=self.visitor.consents,
            now_ms=now_ms,
            bucket_id=self.visitor.bucket_id,
        )

    def evaluate(self, now_ms: int) -> Evaluation[str]:
        """Answer what edgeseg finds."""
        return self.evaluator.evaluate(self.facts(now_ms), now_ms)

    def asked(self, now_ms: int) -> tuple[object, ...]:
        """Answer all that rules ask about: values of facts, and whether tests of ages hold."""
        values = self.facts(now_ms).values
        ages = [_is_of_age(literal, values.get(literal.fact), now_ms) for literal in self.ages]
        return {key: value for key, value in values.items() if not key.startswith("age")}, ages

    def expected(self, now_ms: int) -> tuple[list[str], set[str]]:
        """Answer what the oracle finds: the segments that hold in order, and the open ones."""
        return self.oracle(now_ms).members()

    def oracle(self, now_ms: int) -> Oracle:
        """Answer the naive reading at this instant."""
        return Oracle(self.rules.segments, self.rules.metrics, self.visitor, now_ms)


@patient
@given(definitions(), visitors)
def test_memberships_equal_the_oracle(rules: Definitions, visitor: Visitor) -> None:
    """What holds is what the naive reading says, in order of priority, then id."""
    setup = Setup(rules, visitor)
    found = setup.evaluate(NOW_MS)
    assert found.held == setup.expected(NOW_MS)[0]


@patient
@given(definitions(), definitions(), visitors, st.sets(st.integers(0, 8)), st.integers(0, 8))
def test_memberships_equal_the_oracle_however_a_profile_came_about(
    rules: Definitions, earlier: Definitions, visitor: Visitor, cuts: set[int], change: int
) -> None:
    """Events one by one in any order, compacted now and then, first by other rules."""
    setup = Setup(rules, visitor)
    others = Setup(earlier, visitor)
    stored = StoredVisitor(50)
    stored.tail += changes(visitor)
    for number, event in enumerate(visitor.events):
        stored.tail.append(event)
        if number in cuts:
            stored.compact((others if number < change else setup).plan)
    setup.profile = stored.read(setup.plan)
    assert setup.evaluate(NOW_MS).held == setup.expected(NOW_MS)[0]


@patient
@given(definitions(), visitors, st.integers(-_DAYS_MS, _DAYS_MS))
def test_what_is_remembered_of_a_visitor_changes_no_answer(
    rules: Definitions, visitor: Visitor, pause_ms: int
) -> None:
    """Event after event, a prepared evaluator that knows the visitor finds what another does.

    So it does when the clock goes on, or back, and nothing else happens.
    """
    setup = Setup(rules, visitor)
    knowing = Evaluator(setup.formulas, is_multi=setup.is_multi, groups=setup.groups)
    knowing.prepare()
    profile = EMPTY_PROFILE
    for event in [*visitor.events, *changes(visitor), *visitor.events]:
        profile = fold(profile, [event], setup.plan)
        for now_ms in (NOW_MS, NOW_MS + pause_ms):
            setup.profile = profile
            found = knowing.evaluate(setup.facts(now_ms), now_ms)
            setup.profile = msgspec.structs.replace(profile)  # remembers nothing
            assert found == setup.evaluate(now_ms)


@patient
@given(definitions(), visitors)
def test_unknown_facts_leave_open_just_what_they_could_decide(
    rules: Definitions, visitor: Visitor
) -> None:
    """A segment that the oracle finds open is undecided, and one it finds true is held."""
    setup = Setup(rules, visitor)
    found = setup.evaluate(NOW_MS)
    assert set(found.undecided) == setup.expected(NOW_MS)[1]


@patient
@given(definitions(), visitors, st.data())
def test_nothing_changes_before_the_announced_instant(
    rules: Definitions, visitor: Visitor, data: st.DataObject
) -> None:
    """Until ``change_ms`` the oracle's answer stays what it is, whenever one looks."""
    setup = Setup(rules, visitor)
    change_ms = setup.evaluate(NOW_MS).change_ms
    last_ms = NOW_MS + 400 * 86_400_000 if change_ms is None else change_ms - 1
    looks = [last_ms, data.draw(st.integers(NOW_MS, last_ms))]
    for now_ms in looks:
        assert setup.expected(now_ms) == setup.expected(NOW_MS)


@patient
@given(definitions(), visitors)
def test_something_asked_about_changes_at_the_announced_instant(
    rules: Definitions, visitor: Visitor
) -> None:
    """An answer is not given up earlier than one of its facts, or a test of an age, changes."""
    setup = Setup(rules, visitor)
    change_ms = setup.evaluate(NOW_MS).change_ms
    if change_ms is not None:
        assert setup.asked(change_ms - 1) != setup.asked(change_ms)


@patient
@given(definitions(), visitors)
def test_explanations_agree_with_the_memberships(rules: Definitions, visitor: Visitor) -> None:
    """The root and every condition of an explanation say what the oracle says."""
    setup = Setup(rules, visitor)
    oracle = setup.oracle(NOW_MS)
    held, undecided = oracle.members()
    for segment in rules.segments.values():
        found = explain_segment(segment, rules, setup.facts(NOW_MS), NOW_MS)
        assert found.holds == (None if segment.id in undecided else segment.id in held)
        assert found.conditions.holds == oracle.meets(segment)
        parts = _parts(segment.condition)
        assert _leaves(found.conditions) == [oracle.holds(part) for part in parts]


def _leaves(report: ConditionReport) -> list[bool | None]:
    if not report.children:
        return [report.holds]
    return [holds for child in report.children for holds in _leaves(child)]


def _parts(condition: object) -> list[object]:
    inner = getattr(condition, "conditions", None)
    if inner is None:
        one = getattr(condition, "condition", None)
        inner = () if one is None else (one,)
    return [leaf for part in inner for leaf in _parts(part)] if inner else [condition]


def _ages(formula: Formula) -> Iterator[Literal]:
    if isinstance(formula, Literal):
        if formula.op == AGE:
            yield formula
        return
    for part in formula.parts:
        yield from _ages(part)


def _is_of_age(literal: Literal, given: object, now_ms: int) -> bool:
    instants = given if isinstance(given, list | tuple) else [given]
    ages = [now_ms - at_ms for at_ms in instants if isinstance(at_ms, int)]
    operand = literal.operand
    if isinstance(operand, tuple):
        low, high = (int(each) for each in operand)
        return any(low <= age < high for age in ages)
    return any(age < int(operand) for age in ages)
