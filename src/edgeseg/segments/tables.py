"""Fact tables: from the value of one fact to everything it decides, at once.

A *placement* puts a literal on a bit. The bit of an "and" node is raised when
any literal on it is false (the node is violated); the bit of an "or" node is
raised when any literal on it is true (the node is satisfied). Both only ever
need an OR, so the mask of a value is the OR over the families of operators
below, and the masks of several facts, or of several elements of a list, are
OR-ed in turn.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Final, NamedTuple

from edgeseg.events.event import Scalar
from edgeseg.segments.formula import (
    AGE,
    EQUALITIES,
    ORDERS,
    PATTERNS,
    Literal,
    identity,
    is_number,
    matches_pattern,
)

MEMO_SIZE: Final = 1_024
"""Values remembered per fact; the memory of a table is bounded by this many masks."""
_WHOLE_MASKS: Final = 256
"""Whole masks kept for the intervals between the thresholds of one fact, about."""


class Placement(NamedTuple):
    """A literal on a bit; ``violates`` on that of an "and" node, else of an "or" node."""

    literal: Literal
    bit: int
    violates: bool

    def raised(self, *, test_passed: bool) -> bool:
        """Tell whether the bit is raised, given the literal's test without its sign."""
        return (test_passed == self.literal.positive) != self.violates


def bits_mask(bits: Iterable[int]) -> int:
    """Answer the integer with these bits set."""
    positions = set(bits)
    if not positions:
        return 0
    raised = bytearray(max(positions) // 8 + 1)
    for position in positions:
        raised[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(raised, "little")


class FactTable:
    """All literals on one fact.

    Attributes:
        missing: mask of a fact that is absent.
        unknown: mask of a fact that cannot be read: nothing on it holds.
        possible: the same with everything on it taken as holding.
    """

    def __init__(self, placements: Sequence[Placement]) -> None:
        """Precompute the masks; ``placements`` are all on the same fact."""
        self.missing = _mask_of(placements, passed=frozenset())
        self.unknown = bits_mask(at.bit for at in placements if at.violates)
        self.possible = bits_mask(at.bit for at in placements if not at.violates)
        families: dict[str, list[Placement]] = defaultdict(list)
        for placement in placements:
            families[_family(placement.literal.op)].append(placement)
        self._present = _mask_of(families["presence"], passed=None)
        self._equalities = _Equalities(families["equality"])
        self._orders = _Orders(families["order"])
        self._patterns = _Patterns(families["pattern"])
        self._memo: dict[tuple[bool, Scalar], int] = {}

    def mask(self, value: Scalar | Sequence[Scalar]) -> int:
        """Answer the bits that a present ``value`` raises; for a list, any of its elements.

        A list may only come to a table whose placements are all monotone: a
        positive literal on an "or" bit, a negative one on an "and" bit.
        """
        if isinstance(value, list | tuple):
            return reduce(or_, map(self.mask, value), 0)
        key = (value.__class__ is bool, value)
        mask = self._memo.get(key)
        if mask is None:
            mask = self._present | self._equalities.mask(value)
            mask |= self._orders.mask(value) | self._patterns.mask(value)
            if len(self._memo) >= MEMO_SIZE:
                self._memo.clear()
            self._memo[key] = mask
        return mask

    def undecided(self, value: Scalar) -> int:
        """Answer the bits to raise when it is unknown whether a list holds ``value``."""
        return self.mask(value) & self.unknown


class AgeTable:
    """All literals on how long ago one instant was."""

    def __init__(self, placements: Sequence[Placement]) -> None:
        """Precompute one mask per interval between the ages asked about."""
        self.missing = _mask_of(placements, passed=frozenset())
        self.unknown = bits_mask(at.bit for at in placements if at.violates)
        self.possible = bits_mask(at.bit for at in placements if not at.violates)
        changes: dict[int, list[Placement]] = defaultdict(list)
        for placement in placements:
            changes[_number(placement.literal)].append(placement)
        self._ages_ms = sorted(changes)
        passed = {at.literal for at in placements}
        states = [changes[age_ms] for age_ms in self._ages_ms]
        self._sweep = _Sweep(placements, passed, states)

    def mask(self, at_ms: int, now_ms: int) -> tuple[int, int | None]:
        """Answer the raised bits, and the instant when time alone changes them (None: never)."""
        ages_ms = self._ages_ms
        index = bisect_right(ages_ms, max(0, now_ms - at_ms))
        change_ms = at_ms + ages_ms[index] if index < len(ages_ms) else None
        return self._sweep.mask(index), change_ms


class _Equalities:
    """``eq`` and ``in``: a dictionary from value to the few bits that differ from the default."""

    def __init__(self, placements: Sequence[Placement]) -> None:
        self._default = _mask_of(placements, passed=frozenset())
        matching: dict[tuple[bool, Scalar], set[Literal]] = defaultdict(set)
        for placement in placements:
            operand = placement.literal.operand
            for value in operand if isinstance(operand, tuple) else (operand,):
                matching[identity(value)].add(placement.literal)
        by_literal, by_bit = _group(placements)
        default_bits = _raised_bits(placements, frozenset())
        self._differing: Mapping[tuple[bool, Scalar], tuple[int, ...]] = {
            key: tuple(_toggled(passed, passed, by_literal, by_bit, default_bits))
            for key, passed in matching.items()
        }

    def mask(self, value: Scalar) -> int:
        differing = self._differing.get(identity(value))
        return self._default ^ bits_mask(differing) if differing else self._default


class _Orders:
    """``gt gte lt lte``: sorted thresholds, and a state on and between each two of them."""

    def __init__(self, placements: Sequence[Placement]) -> None:
        self._mismatch = _mask_of(placements, passed=frozenset())
        self._thresholds = sorted({_number(at.literal) for at in placements})
        position = {threshold: index for index, threshold in enumerate(self._thresholds)}
        states: list[list[Placement]] = [[] for _ in range(2 * len(self._thresholds))]
        below: set[Literal] = set()
        for placement in placements:
            literal = placement.literal
            reached_at = literal.op in {"gte", "lt"}  # else it changes just after
            states[2 * position[_number(literal)] + (not reached_at)].append(placement)
            if literal.op in {"lt", "lte"}:
                below.add(literal)
        self._sweep = _Sweep(placements, below, states)

    def mask(self, value: Scalar) -> int:
        if not self._thresholds or not is_number(value):
            return self._mismatch
        index = bisect_left(self._thresholds, value)  # type: ignore[type-var]
        on = index < len(self._thresholds) and self._thresholds[index] == value
        return self._sweep.mask(2 * index + on)


class _Sweep:
    """Masks of consecutive states, of which each flips the tests of a few literals.

    With many states only some keep a whole mask, the others the bits that flip,
    so that memory grows with the number of literals, not its square.
    """

    def __init__(
        self,
        placements: Sequence[Placement],
        passed: set[Literal],
        changes: Sequence[Sequence[Placement]],
    ) -> None:
        by_literal, by_bit = _group(placements)
        raised = _raised_bits(placements, passed)
        passed = set(passed)
        self._stride = len(changes) // _WHOLE_MASKS + 1
        self._toggles: list[tuple[int, ...]] = [()]
        self._checkpoints = [bits_mask(raised)]
        for state, flips in enumerate(changes, start=1):
            flipped = {at.literal for at in flips}
            passed ^= flipped
            toggled = tuple(_toggled(flipped, passed, by_literal, by_bit, raised))
            raised.symmetric_difference_update(toggled)
            self._toggles.append(toggled)
            if state % self._stride == 0:
                self._checkpoints.append(bits_mask(raised))

    def mask(self, state: int) -> int:
        whole, rest = divmod(state, self._stride)
        mask = self._checkpoints[whole]
        for toggled in self._toggles[state - rest + 1 : state + 1]:
            mask ^= bits_mask(toggled)
        return mask


class _Patterns:
    """``starts_with`` and ``glob``: tested one by one; `FactTable` remembers the outcome."""

    def __init__(self, placements: Sequence[Placement]) -> None:
        self._placements = placements
        self._mismatch = _mask_of(placements, passed=frozenset())

    def mask(self, value: Scalar) -> int:
        if not self._placements or not isinstance(value, str):
            return self._mismatch
        literals = {at.literal for at in self._placements}
        passed = {
            literal
            for literal in literals
            if matches_pattern(literal.op, str(literal.operand), value)
        }
        return bits_mask(_raised_bits(self._placements, passed))


def _family(op: str) -> str:
    if op in EQUALITIES:
        return "equality"
    if op in ORDERS or op == AGE:
        return "order"
    return "pattern" if op in PATTERNS else "presence"


def _number(literal: Literal) -> int | float:
    operand = literal.operand
    if not isinstance(operand, int | float):
        message = f"{literal.op} compares numbers, not {operand!r}"
        raise TypeError(message)
    return operand


def _raised_bits(
    placements: Iterable[Placement], passed: set[Literal] | frozenset[Literal] | None
) -> set[int]:
    """Answer the raised bits, given the literals whose test passes (None: all)."""
    return {
        at.bit for at in placements if at.raised(test_passed=passed is None or at.literal in passed)
    }


def _mask_of(placements: Iterable[Placement], *, passed: frozenset[Literal] | None) -> int:
    return bits_mask(_raised_bits(placements, passed))


def _group(
    placements: Iterable[Placement],
) -> tuple[dict[Literal, list[int]], dict[int, list[Placement]]]:
    by_literal: dict[Literal, list[int]] = defaultdict(list)
    by_bit: dict[int, list[Placement]] = defaultdict(list)
    for placement in placements:
        by_literal[placement.literal].append(placement.bit)
        by_bit[placement.bit].append(placement)
    return by_literal, by_bit


def _toggled(
    flipped: Iterable[Literal],
    passed: set[Literal],
    by_literal: Mapping[Literal, list[int]],
    by_bit: Mapping[int, list[Placement]],
    raised: set[int],
) -> set[int]:
    """Answer the bits whose state differs from ``raised`` once ``flipped`` tests changed."""
    touched = {bit for literal in flipped for bit in by_literal[literal]}
    return {
        bit
        for bit in touched
        if any(at.raised(test_passed=at.literal in passed) for at in by_bit[bit]) != (bit in raised)
    }
