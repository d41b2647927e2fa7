"""Review segments and metrics that load but may not be what their writer means."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import Final

import msgspec

from edgeseg.segments import fact_keys
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.condition import All, MetricTest, NoneOf
from edgeseg.segments.contradiction import Logic
from edgeseg.segments.formula import FALSE, TRUE, And, Formula, Literal, Or, all_of, any_of
from edgeseg.segments.rule import Definitions, Segment

CODES: Final = {
    "never-true": "A condition that no visitor can meet",
    "always-true": "A condition that every visitor meets",
    "duplicate-segment": "A segment with the same condition as another",
    "unused-metric": "A named metric that no rule asks about",
    "misspelt-event": "An event name used once, very close to one used more often",
    "unknown-event": "An event that the event schema does not declare",
    "unknown-property": "A property that the declaration of its event does not list",
    "high-cost": "A segment that costs far more than segments usually do",
    "empty-slot": "A slot that no campaign fills",
    "hidden-campaign": "A campaign that more important ones always hide",
    "unshared-campaign": "A campaign that copies for many visitors can never show",
    "unshared-values": "Values for a segment that copies for many visitors can never show",
    "unused-goal": "A goal that no campaign has",
}
"""Every kind of remark, with what it is about."""

ALIKE: Final = 0.85
"""Similarity of two event names, 0 to 1, beyond which one may be meant for the other."""
MAX_COMPARED: Final = 50_000
"""Pairs of event names that are compared in one review."""
_WORDS: Final = frozenset({"id", "name", "description", "tags", "priority", "when"})
"""What a segment has besides conditions that restrict it further."""


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is allowed, and probably a mistake.

    Attributes:
        code: one of `CODES`.
        section: of the rule files that the definition stands in.
        id: of the definition.
        word: what to point at within the definition, "" for all of it.
        beside: what stands in the part of the definition that has the word, "" for any part.
    """

    code: str
    section: str
    id: str
    message: str
    suggestion: str
    word: str = ""
    beside: str = ""


def make_logic(compiler: Compiler) -> Logic:
    """Answer the logic of the facts that ``compiler`` asks about."""
    counts = {
        fact_keys.METRIC + metric.id
        for metric in compiler.definitions.metrics.values()
        if metric.aggregate in {"count", "distinct"}
    }
    return Logic(
        is_multi=compiler.is_multi,
        is_count=lambda fact: fact in counts or fact.startswith((fact_keys.TOTAL, fact_keys.COUNT)),
    )


def decided_segments(
    formulas: Mapping[str, Formula], segments: Mapping[str, Segment], logic: Logic
) -> dict[str, Formula]:
    """Answer the segments that never or always hold, id → `FALSE` or `TRUE`.

    Args:
        formulas: of each segment, those that are referred to first.
        segments: by id.
        logic: of the facts.
    """
    decided: dict[str, Formula] = {}
    for id_, formula in formulas.items():
        settled = settle(formula, decided)
        if logic.holds_never(settled):
            decided[id_] = FALSE
        elif not restrictions(segments[id_], _WORDS) and logic.holds_always(settled):
            decided[id_] = TRUE
    return decided


def settle(formula: Formula, decided: Mapping[str, Formula]) -> Formula:
    """Put what is decided in the place of every segment that is asked about."""
    match formula:
        case Literal(fact_keys.SEGMENT, "eq", operand, positive):
            constant = decided.get(str(operand))
            if constant is None:
                return formula
            return TRUE if (constant == TRUE) == positive else FALSE
        case And(parts):
            return all_of(settle(part, decided) for part in parts)
        case Or(parts):
            return any_of(settle(part, decided) for part in parts)
        case _:
            return formula


def review_segments(
    definitions: Definitions, formulas: Mapping[str, Formula], decided: Mapping[str, Formula]
) -> Iterator[Remark]:
    """Remark on segments that are decided beforehand, and on those there are twice."""
    first_of: dict[Hashable, str] = {}
    for id_, segment in definitions.segments.items():
        if id_ in decided:
            if decided[id_] == FALSE:
                yield never_true("segments", id_, "segment")
            elif segment.when not in {All(()), NoneOf(())}:
                yield Remark(
                    code="always-true",
                    section="segments",
                    id=id_,
                    message="this segment holds for every visitor",
                    suggestion="write `when: {all: []}` if everyone is meant",
                )
            continue
        first = first_of.setdefault(_meaning(segment, formulas[id_]), id_)
        if first != id_:
            yield Remark(
                code="duplicate-segment",
                section="segments",
                id=id_,
                message=f"this segment holds for the same visitors as `{first}`",
                suggestion=f"use `{first}`, or change one of them",
            )


def never_true(section: str, id_: str, kind: str) -> Remark:
    """Answer the remark on a condition that nobody can meet."""
    return Remark(
        code="never-true",
        section=section,
        id=id_,
        message=f"this {kind} can never hold",
        suggestion="look for conditions that exclude each other, or an `any` without conditions",
    )


def review_metrics(definitions: Definitions, users: Iterable[object]) -> Iterator[Remark]:
    """Remark on named metrics that none of the users (segments, campaigns) asks about."""
    used = {
        part.name for user in users for part in structs_in(user) if isinstance(part, MetricTest)
    }
    for id_ in definitions.metrics:
        if id_ not in used:
            yield Remark(
                code="unused-metric",
                section="metrics",
                id=id_,
                message=f"nothing uses the metric `{id_}`",
                suggestion="use it in a condition, or take it out",
            )


def review_events(
    sections: Mapping[str, Mapping[str, object]], familiar: Collection[str] = ()
) -> Iterator[Remark]:
    """Remark on event names that one definition alone uses, almost as others spell theirs.

    Args:
        sections: section → definitions by id.
        familiar: names that are right however seldom they are used.
    """
    users: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for section, definitions in sections.items():
        for id_, definition in definitions.items():
            for event in sorted(set(_events_in(definition))):
                users[event].append((section, id_))
    often = Counter({event: len(places) for event, places in users.items()})
    right = sorted({event for event, count in often.items() if count > 1} | set(familiar))
    known = set(right)
    once = [event for event in users if event not in known]
    for event in once[: MAX_COMPARED // (len(right) or 1)]:
        meant = _almost(event, right)
        if meant:
            section, id_ = users[event][0]
            yield Remark(
                code="misspelt-event",
                section=section,
                id=id_,
                message=f"only this asks about the event `{event}`",
                suggestion=f"did you mean `{meant}`?",
                word=event,
            )


def structs_in(definition: object) -> Iterator[msgspec.Struct]:
    """Iterate over a definition and every struct within it."""
    pending = [definition]
    while pending:
        part = pending.pop()
        if isinstance(part, msgspec.Struct):
            yield part
            pending += [getattr(part, name) for name in part.__struct_fields__]
        elif isinstance(part, tuple):
            pending += part


def restrictions(definition: msgspec.Struct, known: Collection[str]) -> tuple[str, ...]:
    """Answer what else a definition says, beyond ``known`` and what it would be by default."""
    return tuple(
        f"{field.name}={value!r}"
        for field in msgspec.structs.fields(definition)
        if field.name not in known
        and (value := getattr(definition, field.name)) != field.default
        and value
    )


def _events_in(definition: object) -> Iterator[str]:
    for part in structs_in(definition):
        event = getattr(part, "event", None)
        if isinstance(event, str) and event:
            yield event


def _almost(event: str, others: Iterable[str]) -> str:
    """Answer the other name that is closest; numbered ones differ on purpose."""
    matcher = SequenceMatcher(b=event, autojunk=False)
    best, meant = ALIKE, ""
    for other in others:
        matcher.set_seq1(other)
        is_close = matcher.quick_ratio() > best and matcher.ratio() > best
        if is_close and _without_digits(other) != _without_digits(event):
            best, meant = matcher.ratio(), other
    return meant


def _without_digits(name: str) -> str:
    return re.sub(r"\d+", "0", name)


def _meaning(segment: Segment, formula: Formula) -> Hashable:
    return (unordered(formula), restrictions(segment, _WORDS))


def unordered(formula: Formula) -> Hashable:
    """Answer a key that does not depend on the order in which conditions were written."""
    match formula:
        case Literal(fact, "in", tuple(operand), positive, ignore_case):
            return (fact, frozenset(operand), positive, ignore_case)
        case Literal(fact, "eq", operand, positive, ignore_case):
            return (fact, frozenset({operand}), positive, ignore_case)
        case And(parts):
            return ("all", frozenset(map(unordered, parts)))
        case Or(parts):
            return ("any", frozenset(map(unordered, parts)))
        case _:
            return formula
