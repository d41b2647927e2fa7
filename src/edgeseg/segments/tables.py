"""Fact tables: from the value of one fact to everything it decides, at once.

What a value decides depends on its type: a boolean has one of two masks, a number
lies on or between thresholds, each with a mask of its own, and a text passes few of
the tests, whose mask is worked out once and remembered.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import reduce
from operator import or_
from typing import Final, TypeVar

from edgeseg.events.event import Scalar, is_number
from edgeseg.segments.formula import BETWEEN, EQUALITIES, ORDERS, PATTERNS, PRESENCE, Literal
from edgeseg.segments.text_tests import TextTest, build_text_test
from edgeseg.segments.wiring import Placement, Sweep, Wiring, bits_mask

MEMO_SIZE: Final = 1_024
"""Texts, and masks of texts, remembered per fact, at most."""
_NOTHING: Final[frozenset[Literal]] = frozenset()

Remembered = TypeVar("Remembered")


class FactTable:
    """All literals on one fact.

    Attributes:
        missing: mask of a fact that is absent.
        unknown: mask of a fact that cannot be read: nothing on it holds.
        possible: the same with everything on it taken as holding.
        known: masks of the texts seen lately.
    """

    def __init__(self, placements: Sequence[Placement], *, memo_size: int = MEMO_SIZE) -> None:
        """Precompute the masks.

        Args:
            placements: all on the same fact.
            memo_size: how many texts, and how many masks of texts, to remember.
        """
        self.unknown, self.possible = _open_masks(placements)
        wiring = Wiring(placements)
        self.missing = wiring.mask(_NOTHING)
        present = {at.literal for at in placements if at.literal.op == PRESENCE}
        self._false, self._true = (
            wiring.mask(present | _equal_to(wiring.literals, constant=constant))
            for constant in (False, True)
        )
        self._numbers = _Numbers(wiring, present)
        self._texts = _Texts(wiring, present, memo_size)
        self.known: Mapping[str, int] = self._texts.known

    def mask(self, value: Scalar | Sequence[Scalar]) -> int:
        """Answer the bits that a present ``value`` raises; for a list, any of its elements.

        A list may only come to a table whose placements are all monotone: a
        positive literal on an "or" bit, a negative one on an "and" bit.
        """
        if isinstance(value, str):
            mask = self.known.get(value)
            return self._texts.mask(value) if mask is None else mask
        if isinstance(value, bool):
            return self._true if value else self._false
        if isinstance(value, list | tuple):
            return reduce(or_, map(self.mask, value), 0)
        return self._numbers.mask(value)  # type: ignore[arg-type]

    def undecided(self, value: Scalar) -> int:
        """Answer the bits to raise when it is unknown whether a list holds ``value``."""
        return self.mask(value) & self.unknown


class AgeTable:
    """All literals on how long ago one instant was."""

    def __init__(self, placements: Sequence[Placement]) -> None:
        """Precompute one mask per interval between the ages asked about."""
        self.unknown, self.possible = _open_masks(placements)
        wiring = Wiring(placements)
        self.missing = wiring.mask(_NOTHING)
        changes: dict[int, set[Literal]] = defaultdict(set)
        for literal in wiring.literals:
            changes[int(_number(literal))].add(literal)
        self._ages_ms = sorted(changes)
        flips = [changes[age_ms] for age_ms in self._ages_ms]
        self._sweep = Sweep(wiring, wiring.literals, flips)

    def mask(self, at_ms: int, now_ms: int) -> tuple[int, int | None]:
        """Answer the raised bits, and the instant when time alone changes them (None: never)."""
        ages_ms = self._ages_ms
        index = bisect_right(ages_ms, now_ms - at_ms)
        change_ms = at_ms + ages_ms[index] if index < len(ages_ms) else None
        return self._sweep.mask(index), change_ms


class _Numbers:
    """Numbers: sorted thresholds, and a state on and between each two of them."""

    def __init__(self, wiring: Wiring, present: AbstractSet[Literal]) -> None:
        flips: dict[int | float, tuple[set[Literal], set[Literal]]]
        flips = defaultdict(lambda: (set(), set()))
        below = set(present)
        for literal in wiring.literals:
            if literal.op in EQUALITIES:
                for number in filter(is_number, _constants(literal)):
                    for changes in flips[number]:  # type: ignore[index]
                        changes.add(literal)
            elif literal.op == BETWEEN:
                low, high = filter(is_number, _constants(literal))
                flips[low][0].add(literal)  # type: ignore[index]
                flips[high][1].add(literal)  # type: ignore[index]
            elif literal.op in ORDERS:
                on, past = flips[_number(literal)]
                (on if literal.op in {"gte", "lt"} else past).add(literal)
                if literal.op in {"lt", "lte"}:
                    below.add(literal)
        self._thresholds = sorted(flips)
        states = [changes for threshold in self._thresholds for changes in flips[threshold]]
        self._sweep = Sweep(wiring, below, states)

    def mask(self, value: float) -> int:
        thresholds = self._thresholds
        index = bisect_left(thresholds, value)
        on = index < len(thresholds) and thresholds[index] == value
        return self._sweep.mask(2 * index + on)


class _Texts:
    """Texts: remembered, and else tested by dictionaries of constants and of prefixes.

    Many texts pass the same tests, such as those of which no rule knows; they share
    one mask.

    Attributes:
        known: masks of the texts that are remembered.
    """

    def __init__(self, wiring: Wiring, present: AbstractSet[Literal], memo_size: int) -> None:
        self._wiring = wiring
        self._size = memo_size
        self._present = present
        self._raised = wiring.raised(present)
        self._equal: Mapping[str, set[Literal]] = defaultdict(set)
        self._prefixes: Mapping[str, set[Literal]] = defaultdict(set)
        self._patterns: list[tuple[Literal, TextTest]] = []
        for literal in wiring.literals:
            prefix = _prefix(literal)
            if prefix is not None:
                self._prefixes[prefix].add(literal)
            elif literal.op in PATTERNS or (literal.ignore_case and literal.op in EQUALITIES):
                self._patterns.append((literal, build_text_test(literal)))
            elif literal.op in EQUALITIES:
                for constant in _constants(literal):
                    if isinstance(constant, str):
                        self._equal[constant].add(literal)
        self._lengths = sorted(set(map(len, self._prefixes)))
        self._masks: dict[frozenset[Literal], int] = {_NOTHING: bits_mask(self._raised)}
        self.known: dict[str, int] = {}

    def mask(self, value: str) -> int:
        """Work out the mask of a text that is not in `known`, and put it there."""
        passed = self._passed(value)
        mask = self._masks.get(passed)
        if mask is None:
            mask = self._mask_of(passed)
            _remember(self._masks, passed, mask, self._size)
        _remember(self.known, value, mask, self._size)
        return mask

    def _passed(self, value: str) -> frozenset[Literal]:
        """Answer the literals whose test a text passes, but for mere presence."""
        passed = set(self._equal.get(value, ()))
        for length in self._lengths:
            passed.update(self._prefixes.get(value[:length], ()))
        passed.update(literal for literal, passes in self._patterns if passes(value))
        return frozenset(passed)

    def _mask_of(self, passed: frozenset[Literal]) -> int:
        toggled = self._wiring.toggled(passed, passed | self._present, self._raised)
        return bits_mask(self._raised.symmetric_difference(toggled))


def _remember(memo: dict[Remembered, int], key: Remembered, mask: int, size: int) -> None:
    """Keep at most ``size`` entries; the oldest goes."""
    if len(memo) >= size:
        del memo[next(iter(memo))]
    memo[key] = mask


def _open_masks(placements: Iterable[Placement]) -> tuple[int, int]:
    """Answer the masks of an unknown fact: nothing on it holds, everything does."""
    unknown = bits_mask(at.bit for at in placements if at.violates)
    return unknown, bits_mask(at.bit for at in placements if not at.violates)


def _constants(literal: Literal) -> tuple[Scalar, ...]:
    operand = literal.operand
    return operand if isinstance(operand, tuple) else (operand,)


def _equal_to(literals: Iterable[Literal], *, constant: bool) -> set[Literal]:
    return {
        literal
        for literal in literals
        if literal.op in EQUALITIES and any(each is constant for each in _constants(literal))
    }


def _prefix(literal: Literal) -> str | None:
    """Answer the text that a pattern is a prefix test of, None if it is more than that."""
    pattern = str(literal.operand)
    if literal.ignore_case:
        return None
    if literal.op == "starts_with":
        return pattern
    start = pattern.removesuffix("**")
    is_plain = literal.op == "glob" and start != pattern and not {"*", "?"}.intersection(start)
    return start if is_plain else None


def _number(literal: Literal) -> int | float:
    operand = literal.operand
    if not isinstance(operand, int | float):
        message = f"{literal.op} compares numbers, not {operand!r}"
        raise TypeError(message)
    return operand
