"""The one evaluator: live requests, preview, recalculation and explain all use it.

Rules that refer to segments are evaluated after those segments: rules are split
into strata by the depth of their references, each stratum is one `Index`.
"""

from collections.abc import Callable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple

from edgeseg.segments.facts import Facts, earlier
from edgeseg.segments.formula import And, Formula, Literal, Or
from edgeseg.segments.index import Index


class Evaluation(NamedTuple):
    """Which rules hold for one visitor and request.

    Attributes:
        held: keys of the rules that definitely hold, in the order of the rules.
        undecided: keys of those that unknown facts leave open; they are not held.
        change_ms: earliest instant when time alone could change this, None for never.
    """

    held: list[str]
    undecided: list[str]
    change_ms: int | None


class Evaluator:
    """Immutable; built once per version of the rules."""

    def __init__(self, rules: Mapping[str, Formula], *, is_multi: Callable[[str], bool]) -> None:
        """Compile ``rules``, key → formula, whose order is that of the results."""
        self._rank = {key: rank for rank, key in enumerate(rules)}
        levels = _levels(rules)
        depth = max(levels.values(), default=0) + 1
        strata: list[list[tuple[str, Formula]]] = [[] for _ in range(depth)]
        for key, formula in rules.items():
            strata[levels[key]].append((key, formula))
        self._strata: Sequence[Index[str]] = [Index(rules, is_multi=is_multi) for rules in strata]

    def evaluate(self, facts: Facts, now_ms: int) -> Evaluation:
        """Answer which rules hold, given the facts at ``now_ms``."""
        first, *later = self._strata
        outcome = first.evaluate(facts.values, now_ms=now_ms, absent=facts.absent)
        held, undecided = outcome.held, outcome.undecided
        change_ms = earlier(facts.change_ms, outcome.change_ms)
        for index in later:
            facts.values["segment"] = held
            outcome = index.evaluate(
                facts.values,
                now_ms=now_ms,
                absent=facts.absent,
                undecided={"segment": undecided} if undecided else {},
            )
            held = held + outcome.held
            undecided = undecided + outcome.undecided
            change_ms = earlier(change_ms, outcome.change_ms)
        if later:
            held.sort(key=self._rank.__getitem__)
        return Evaluation(held, undecided, change_ms)


def referenced(formula: Formula) -> set[str]:
    """Answer the keys of the segments that a formula asks about."""
    found: set[str] = set()
    pending: list[Formula] = [formula]
    while pending:
        match pending.pop():
            case Literal(fact, _op, operand, _positive):
                if fact == "segment":
                    found.add(str(operand))
            case And(parts) | Or(parts):
                pending += parts
    return found


def _levels(rules: Mapping[str, Formula]) -> dict[str, int]:
    references = {key: referenced(formula) for key, formula in rules.items()}
    levels: dict[str, int] = {}
    for key in TopologicalSorter(references).static_order():
        levels[key] = 1 + max((levels[of] for of in references.get(key, ())), default=-1)
    return levels
