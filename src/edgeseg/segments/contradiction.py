"""Find formulas that can never hold, or always do, whatever the visitor.

The search is sound, not complete: what it calls impossible is impossible; what it
does not understand (patterns, facts that depend on each other) it takes as possible.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, inf, nextafter
from typing import Final, NamedTuple, TypeAlias

from edgeseg.events.event import Scalar, is_number
from edgeseg.segments.fact_keys import split_nth
from edgeseg.segments.formula import (
    AGE,
    BETWEEN,
    ORDERS,
    PRESENCE,
    And,
    Formula,
    Literal,
    Or,
    identity,
    negate,
)

MAX_BRANCHES: Final = 1_000
"""Combinations of alternatives that are tried for one formula; beyond, it counts as possible."""
MAX_STEPS: Final = 50_000
"""Literals that are looked at for one formula, likewise."""
_EXACT: Final = frozenset({"eq", "in", "is"})
_ORDERS: Final = ORDERS | {BETWEEN}
_BEYOND: Final = "\U0010ffff"
"""Follows a prefix where any text that continues it will do."""

_Known: TypeAlias = dict[str, tuple[Literal, ...]]


class Logic(NamedTuple):
    """What holds of formulas, given what the facts are like.

    Attributes:
        is_multi: tells the facts that may have several values at once.
        is_count: tells those that are whole numbers from 0 and never missing.
    """

    is_multi: Callable[[str], bool]
    is_count: Callable[[str], bool]

    def holds_never(self, formula: Formula) -> bool:
        """Tell whether no visitor can meet the formula."""
        return not self._is_possible([formula])

    def holds_always(self, formula: Formula) -> bool:
        """Tell whether every visitor whose facts are known meets the formula."""
        return self.holds_never(negate(formula))

    def implies(self, formula: Formula, other: Formula) -> bool:
        """Tell whether everyone who meets ``formula`` meets ``other`` as well."""
        return not self._is_possible([formula, negate(other)])

    def _is_possible(self, formulas: list[Formula]) -> bool:
        """Look for literals that make all formulas true and do not clash."""
        branches: list[tuple[_Known, list[Formula]]] = [({}, formulas)]
        steps = 0
        for _ in range(MAX_BRANCHES):
            if not branches:
                return False
            known, pending = branches.pop()
            added, choices = _split(pending)
            changed: dict[str, list[Literal]] = defaultdict(list)
            for literal in added:
                changed[_subject(literal)].append(literal)
            for about, literals in changed.items():
                known[about] = (*known.get(about, ()), *literals)
                steps += len(known[about])
            if steps > MAX_STEPS:
                return True
            if any(self._clash(known[about]) for about in changed):
                continue
            if not choices:
                return True
            first, *rest = choices
            branches += [(dict(known), [*rest, part]) for part in reversed(first.parts)]
        return True

    def _clash(self, literals: Sequence[Literal]) -> bool:
        """Tell whether no state of one fact makes all literals true."""
        fact = literals[0].fact
        if literals[0].op == AGE:
            return _ages_clash(literals)
        if self.is_count(fact):
            return not any(_fits(literals, number) for number in _whole_numbers(literals))
        positives = [literal for literal in literals if literal.positive]
        negatives = [literal for literal in literals if not literal.positive]
        if self.is_multi(fact):  # each may be met by an element of its own
            return any(_value_clash([positive], negatives) for positive in positives)
        return _value_clash(positives, negatives)


def _split(pending: list[Formula]) -> tuple[list[Literal], list[Or]]:
    """Answer what must hold: the literals, and the choices that are left."""
    literals, choices = [], []
    while pending:
        match pending.pop():
            case Literal() as literal:
                literals.append(literal)
            case And(parts):
                pending = [*pending, *parts]
            case Or() as choice:
                choices.append(choice)
    return literals, choices


def _subject(literal: Literal) -> str:
    """Answer what literals must be about to clash: the fact, or all ages of one event."""
    return f"age of {split_nth(literal.fact)[0]}" if literal.op == AGE else literal.fact


def _ages_clash(literals: Iterable[Literal]) -> bool:
    """The n-th event is never younger than those after it."""
    ages = [(*split_nth(each.fact), each.operand, each.positive) for each in literals]
    youngest: float = inf
    # From the oldest event on: what is said of it is true of all that came later.
    for _event, _number, window, is_met in sorted(ages, key=lambda age: (-age[1], not age[3])):
        if not isinstance(window, int):
            continue
        if is_met:
            youngest = min(youngest, window)
        elif window >= youngest:
            return True
    return False


def _value_clash(positives: list[Literal], negatives: list[Literal]) -> bool:
    if not positives:
        return False  # a missing value passes every complement
    if any(negative.op == PRESENCE or negate(negative) in positives for negative in negatives):
        return True
    candidates = _candidates(positives, negatives)
    literals = [*positives, *negatives]
    return bool(candidates) and not any(_fits(literals, value) for value in candidates)


def _candidates(positives: list[Literal], negatives: list[Literal]) -> Sequence[Scalar]:
    """Answer values of which one fits if any value does; none where that is not known."""
    plain = [literal for literal in positives if not literal.ignore_case]
    exact = [literal.constants for literal in plain if literal.op in _EXACT]
    if exact:
        return min(exact, key=len)
    orders = [literal for literal in plain if literal.op in _ORDERS]
    if orders and all(map(is_number, (each for one in orders for each in one.constants))):
        return _numbers([*positives, *negatives])
    prefixes = [each.operand for each in plain if each.op == "starts_with"]
    texts = [prefix for prefix in prefixes if isinstance(prefix, str)]
    if texts and len(texts) == len(positives):  # whatever else is asked may need a longer text
        longest = max(texts, key=len)
        return (longest, longest + _BEYOND)
    return ()


def _numbers(literals: Iterable[Literal]) -> list[Scalar]:
    """Answer every number that is compared with, and one between and beyond each.

    The next float alone would not do: beyond 2**53 there are integers between floats.
    """
    found = sorted(
        {
            value
            for each in literals
            for value in each.constants
            if isinstance(value, int | float) and is_number(value)
        }
    )
    above = [next_up for each in found for next_up in (nextafter(each, inf), floor(each) + 1)]
    return [*found, *above, ceil(found[0]) - 1]


def _whole_numbers(literals: Iterable[Literal]) -> set[int]:
    """Answer the counts next to every constant, and 0."""
    constants = (value for each in literals for value in each.constants)
    near = (
        int(value) + step
        for value in constants
        if isinstance(value, int | float)
        for step in (-1, 0, 1)
    )
    return {0, *(number for number in near if number > 0)}


def _fits(literals: Iterable[Literal], value: Scalar) -> bool:
    return all(_passes(literal, value) in {literal.positive, None} for literal in literals)


def _passes(literal: Literal, value: Scalar) -> bool | None:
    """Tell whether the value passes the test, without its sign; None for not known."""
    if literal.op == PRESENCE:
        return True
    if literal.op in _EXACT:
        return _equals_any(literal.constants, value, ignore_case=literal.ignore_case)
    if literal.op in _ORDERS:
        return _compares(literal, value)
    if literal.op == "starts_with" and not literal.ignore_case:
        prefixes = tuple(each for each in literal.constants if isinstance(each, str))
        return isinstance(value, str) and value.startswith(prefixes)
    return None


def _equals_any(constants: Iterable[Scalar], value: Scalar, *, ignore_case: bool) -> bool | None:
    if not ignore_case or not isinstance(value, str):
        return identity(value) in map(identity, constants)
    folded = value.casefold()
    return any(isinstance(each, str) and each.casefold() == folded for each in constants)


def _compares(literal: Literal, value: Scalar) -> bool | None:
    constants = [each for each in literal.constants if isinstance(each, int | float)]
    if not constants or not all(map(is_number, constants)):
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    low, high = constants[0], constants[-1]
    return {
        "gt": value > low,
        "gte": value >= low,
        "lt": value < low,
        "lte": value <= low,
        BETWEEN: low <= value <= high,
    }[literal.op]
