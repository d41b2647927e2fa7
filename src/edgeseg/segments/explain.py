"""Explain why a visitor is, or is not, in a segment: every condition, expected and found.

The conditions of the segment are compiled as rules of their own and evaluated by
the same evaluator on the same facts, so an explanation cannot diverge.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from edgeseg.clock import instant
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.completeness import COMPLETE, Judge
from edgeseg.segments.condition import (
    All,
    Any,
    CapTest,
    Condition,
    EventTest,
    NoneOf,
    Not,
    SeasonTest,
    SegmentTest,
    ShareTest,
)
from edgeseg.segments.definitions import needed_segments
from edgeseg.segments.describe import describe, describe_segment
from edgeseg.segments.evaluator import Evaluator
from edgeseg.segments.fact_keys import split_nth, without_age
from edgeseg.segments.facts import Facts
from edgeseg.segments.flip_sentences import tell_flips
from edgeseg.segments.formula import AGE, Formula, Literal, literals_of
from edgeseg.segments.rule import Definitions, Segment
from edgeseg.segments.tables import UNKNOWN

_FIRST_MS: Final = -62_135_596_800_000
_LAST_MS: Final = 253_402_300_799_999
"""Years 1 to 9999 of UTC; a day of another zone may begin before, or end after them."""


class ConditionReport(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of an explanation.

    Attributes:
        text: what it asks, in words.
        found: what the visitor has, in words; "" for a group.
        holds: None when unknown facts leave it open.
        complete_since: events before this instant may be missing in what was found, RFC
            3339; "" for none.
        approximate: the bound that it went past, in words; "" for none.
    """

    text: str
    found: str = ""
    holds: bool | None
    complete_since: str = ""
    approximate: str = ""
    children: list["ConditionReport"] = []


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a visitor is, or is not, in a segment.

    Attributes:
        holds: the outcome; None when unknown facts leave it open.
        text: who is in the segment, in words.
        conditions: what the rule finds, whatever decides in the end.
        pinned: whether the visitor was put in, or out, by hand; None for neither.
        excluded_by: segment of the same exclusive group that comes first, "" for none.
        flips: the smallest changes, all of them together, after which it would be the
            other way round; empty where nothing that can change would do.
    """

    segment: str
    name: str
    holds: bool | None
    text: str
    conditions: ConditionReport
    pinned: bool | None = None
    excluded_by: str = ""
    flips: list[str] = []


def explain_segment(
    segment: Segment, definitions: Definitions, facts: Facts, now_ms: int
) -> Explanation:
    """Answer the explanation, given the facts at ``now_ms``."""
    compiler = Compiler(definitions)
    group = _group(segment, definitions)
    needed = dict.fromkeys(
        id_ for each in group for id_ in (each.id, *needed_segments(each.condition, definitions))
    )
    rules = {id_: compiler.formula(definitions.segments[id_].condition) for id_ in needed}
    conditions = dict(_walk(segment.condition, "/"))
    formulas = {path: compiler.formula(condition) for path, condition in conditions.items()}
    evaluation = Evaluator(rules | formulas, is_multi=compiler.is_multi).evaluate(facts, now_ms)
    held, undecided = set(evaluation.held), set(evaluation.undecided)
    judge = None
    if facts.profile is not None:
        judge = Judge(compiler.sources, compiler.metrics, facts.profile, now_ms)

    def holds(path: str) -> bool | None:
        return None if path in undecided else path in held

    def report(path: str) -> ConditionReport:
        condition = conditions[path]
        parts = _parts(condition)
        completeness = COMPLETE
        if judge is not None and not parts:
            completeness = judge.judge(literal.fact for literal in literals_of(formulas[path]))
        return ConditionReport(
            text=_heading(condition) or describe(condition, definitions),
            found=""
            if parts
            else _found(condition, formulas[path], facts, compiler.sources.instants),
            holds=holds(path),
            complete_since=instant(completeness.since_ms) if completeness.since_ms else "",
            approximate=completeness.bound,
            children=[report(f"{path}{index}/") for index in range(len(parts))],
        )

    rivals = _rivals(segment, group, held, facts.pins)
    excluded_by = rivals[0] if rivals and segment.id in held else ""
    pinned = facts.pins.get(segment.id)
    truths = {path: holds(path) for path in conditions}
    return Explanation(
        segment=segment.id,
        name=segment.name,
        holds=False if excluded_by else holds(segment.id),
        text=describe_segment(segment, definitions),
        conditions=report("/"),
        pinned=pinned,
        excluded_by=excluded_by,
        flips=tell_flips(segment.condition, truths, definitions, pinned=pinned, rivals=rivals),
    )


def _group(segment: Segment, definitions: Definitions) -> list[Segment]:
    """Answer the segment, with the others of its exclusive group, most important first."""
    if not segment.exclusive_group:
        return [segment]
    found = [
        each
        for each in definitions.segments.values()
        if each.exclusive_group == segment.exclusive_group
    ]
    return sorted(found, key=lambda each: (-each.priority, each.id))


def _rivals(
    segment: Segment, group: Sequence[Segment], held: Collection[str], pins: Mapping[str, bool]
) -> list[str]:
    """Answer the segments of the group that hold and come before this one."""
    ids = [each.id for each in group if each.id in held or each.id == segment.id]
    ordered = sorted(ids, key=lambda id_: not pins.get(id_, False))
    return ordered[: ordered.index(segment.id)]


def _walk(condition: Condition, path: str) -> Iterator[tuple[str, Condition]]:
    yield path, condition
    for index, part in enumerate(_parts(condition)):
        yield from _walk(part, f"{path}{index}/")


def _parts(condition: Condition) -> tuple[Condition, ...]:
    match condition:
        case All(conditions) | Any(conditions) | NoneOf(conditions):
            return conditions
        case Not(inner):
            return (inner,)
        case _:
            return ()


def _heading(condition: Condition) -> str:
    match condition:
        case All(conditions):
            return "all of these" if conditions else "always"
        case Any():
            return "at least one of these"
        case NoneOf():
            return "none of these"
        case Not():
            return "not"
        case _:
            return ""


def _found(
    condition: Condition, formula: Formula, facts: Facts, instants: Mapping[str, str]
) -> str:
    literal = next(literals_of(formula), None)
    if literal is None or isinstance(condition, SegmentTest | SeasonTest):
        return ""
    value = facts.values.get(literal.fact, facts.absent)
    if value is UNKNOWN:
        return "not known"
    if without_age(literal.fact) in instants:
        return _shown_instants(value)
    if literal.op == AGE:
        return _found_age(literal.fact, value)
    return _found_value(condition, literal, value)


def _found_value(condition: Condition, literal: Literal, value: object) -> str:
    match condition:
        case EventTest() if not condition.sum:
            ever = "" if condition.between else " ever"
            return f"{value} time{'' if value == 1 else 's'}{ever}"
        case ShareTest() if isinstance(value, float):
            return f"at {100 * value:.2f} %"
        case CapTest():
            is_reached = isinstance(value, list) and literal.operand in value
            return f"the cap is {'' if is_reached else 'not '}reached"
        case _:
            return _shown(value)


def _shown_instants(value: object) -> str:
    """Show one instant, or several from the earliest on."""
    if value is None:
        return "nothing"
    several = sorted(value) if isinstance(value, list | tuple) else [int(str(value))]
    return ", ".join(instant(min(max(_FIRST_MS, at_ms), _LAST_MS)) for at_ms in several)


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value) or "none"
    return "nothing" if value is None else str(value)


def _found_age(fact: str, value: object) -> str:
    _events, number = split_nth(fact)
    if value is None:
        return "never" if number == 1 else f"fewer than {number} ever"
    which = "the last" if number == 1 else f"the last but {number - 1}"
    return f"{which} at {instant(int(str(value)))}"
