"""The one evaluator: live requests, preview, recalculation and explain all use it.

Rules that refer to segments are evaluated after those segments: rules are split
into strata by the depth of their references, each stratum is one `Index`.
"""

from collections.abc import Callable, Mapping, Sequence
from graphlib import TopologicalSorter

from edgeseg.segments.fact_keys import SEGMENT
from edgeseg.segments.facts import Facts, earlier
from edgeseg.segments.formula import And, Formula, Literal, Or
from edgeseg.segments.index import Evaluation, Index, Recall
from edgeseg.segments.traits import is_trait


class Evaluator:
    """Immutable; built once per version of the rules.

    Its tables are worked out as they are needed, or all at once by `prepare`.
    """

    def __init__(
        self,
        rules: Mapping[str, Formula],
        *,
        is_multi: Callable[[str], bool],
        groups: Mapping[str, str] = {},
    ) -> None:
        """Compile the rules.

        Args:
            rules: key → formula; the order is that of the results.
            is_multi: tells the facts that may have several values at once.
            groups: key → exclusive group, of which only the first rule holds.
        """
        self._rank = {key: rank for rank, key in enumerate(rules)}
        self._groups = groups
        levels = levels_of(rules)
        depth = max(levels.values(), default=0) + 1
        strata: list[list[tuple[str, Formula]]] = [[] for _ in range(depth)]
        for key, formula in rules.items():
            strata[levels[key]].append((key, formula))
        self._levels = levels
        self._strata: Sequence[Index[str]] = [
            Index(rules, is_multi=is_multi, is_trait=is_trait) for rules in strata
        ]
        self._unknown = (None,) * depth
        self._mark: object = None
        """Stands for this evaluator in what visitors remember of it, once it is prepared."""

    def prepare(self) -> None:
        """Work out every table now, so that no request has to wait for it."""
        for index in self._strata:
            index.prepare()
        self._mark = object()

    def take_apart(self) -> None:
        """Free the tables one by one; it must not be used any more."""
        for index in self._strata:
            index.take_apart()

    @property
    def recall_bytes(self) -> int:
        """Memory that it takes to remember what was found of one visitor, about."""
        return sum(index.recall_bytes for index in self._strata)

    def evaluate(self, facts: Facts, now_ms: int, *, exclude: bool = True) -> Evaluation[str]:
        """Answer which rules hold, given the facts at ``now_ms``.

        Pins override a rule's result where other rules see it; exclusive groups are
        applied at the end, so that a rule sees a segment before exclusion. Without
        ``exclude`` they are left out: the answer is what rules see of each other.
        """
        held: list[str] = []
        undecided: list[str] = []
        change_ms = facts.change_ms
        recalls: Sequence[Recall[str] | None] = self._unknown
        if facts.traits is not None and self._mark is not None:
            recalls = facts.traits.recalls(self._mark, len(self._strata))
        for level, index in enumerate(self._strata):
            if level:
                facts.values[SEGMENT] = held
            found = index.evaluate(
                facts.values,
                now_ms=now_ms,
                absent=facts.absent,
                undecided={SEGMENT: undecided} if undecided else {},
                recall=recalls[level],
            )
            held = held + found.held if held else found.held
            undecided = undecided + found.undecided if undecided else found.undecided
            if found.change_ms is not None:
                change_ms = earlier(change_ms, found.change_ms)
            if facts.pins:
                held, undecided = self._pin(held, undecided, facts.pins, level)
        if facts.pins or len(self._strata) > 1:
            held.sort(key=self._rank.__getitem__)
        if self._groups and exclude:
            held = self._exclude(held, facts.pins)
        return Evaluation(held, undecided, change_ms)

    def _pin(
        self, held: list[str], undecided: list[str], pins: Mapping[str, bool], level: int
    ) -> tuple[list[str], list[str]]:
        """Put in and take out what is pinned, among the rules of one stratum."""
        here = {key: is_in for key, is_in in pins.items() if self._levels.get(key) == level}
        pinned_in = [key for key, is_in in here.items() if is_in]
        rest = [key for key in held if key not in here]
        return rest + pinned_in, [key for key in undecided if key not in here]

    def _exclude(self, held: list[str], pins: Mapping[str, bool]) -> list[str]:
        """Leave one rule of each exclusive group: pinned before others, then by order."""
        winners: dict[str, str] = {}
        for key in sorted(held, key=lambda key: not pins.get(key, False)) if pins else held:
            if key in self._groups:
                winners.setdefault(self._groups[key], key)
        return [key for key in held if key not in self._groups or winners[self._groups[key]] == key]


def referenced(formula: Formula) -> set[str]:
    """Answer the keys of the segments that a formula asks about."""
    found: set[str] = set()
    pending: list[Formula] = [formula]
    while pending:
        match pending.pop():
            case Literal(fact, _op, operand, _positive):
                if fact == SEGMENT:
                    found.add(str(operand))
            case And(parts) | Or(parts):
                pending += parts
    return found


def levels_of(rules: Mapping[str, Formula]) -> dict[str, int]:
    """Answer of each rule how many levels of rules it refers to."""
    references = {key: referenced(formula) for key, formula in rules.items()}
    if not any(references.values()):
        return dict.fromkeys(rules, 0)
    levels: dict[str, int] = {}
    for key in TopologicalSorter(references).static_order():
        levels[key] = 1 + max((levels[of] for of in references.get(key, ())), default=-1)
    return levels
