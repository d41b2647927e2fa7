"""Fact tables: from the value of one fact to everything it decides, at once.

What a value decides depends on its type: a boolean has one of two masks, a number
lies on or between thresholds, each with a mask of its own, and a text passes few of
the tests, whose mask is worked out once and remembered.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, reduce
from operator import or_
from typing import Final

from edgeseg.events.event import Scalar, is_number
from edgeseg.segments.formula import BETWEEN, EQUALITIES, ORDERS, PATTERNS, PRESENCE, Literal
from edgeseg.segments.text_tests import TextTest, build_text_test
from edgeseg.segments.wiring import Placement, Sweep, Wiring, bits_mask, remember

MEMO_SIZE: Final = 1_024
"""Texts, and masks of texts and of states between numbers, remembered per fact, at most."""
NEVER_MS: Final = 1 << 60
"""Instants from here on stand for never."""
_NEVER_REACHED_MS: Final = 1 << 61
"""An age after which any instant is never."""
_NOTHING: Final[frozenset[Literal]] = frozenset()


class FactTable:
    """All literals on one fact. Each part is worked out when it is first needed, or by `prepare`.

    Attributes:
        known: masks of the texts seen lately.
    """

    def __init__(self, placements: Sequence[Placement], *, memo_size: int = MEMO_SIZE) -> None:
        """Take the placements.

        Args:
            placements: all on the same fact.
            memo_size: how many texts, and how many masks of texts, to remember.
        """
        self._placements = placements
        self._memo_size = memo_size
        self._wiring = Wiring(placements)
        self._present = {each for each in self._wiring.literals if each.op == PRESENCE}
        self.known: dict[str, int] = {}

    def prepare(self) -> None:
        """Work out everything now, so that no request has to wait for it."""
        _ = (self.missing, self.unknown, self.possible)
        _ = (self._booleans, self._numbers, self._texts)

    def mask(self, value: Scalar | Sequence[Scalar]) -> int:
        """Answer the bits that a present ``value`` raises; for a list, any of its elements.

        A list may only come to a table whose placements are all monotone: a
        positive literal on an "or" bit, a negative one on an "and" bit.
        """
        if isinstance(value, str):
            mask = self.known.get(value)
            return self._texts.mask(value) if mask is None else mask
        if isinstance(value, bool):
            return self._booleans[value]
        if isinstance(value, list | tuple):
            return reduce(or_, map(self.mask, value), 0)
        return self._numbers.mask(value)  # type: ignore[arg-type]

    @property
    def number(self) -> Callable[[float], int]:
        """The same as `mask` for numbers alone, without asking what a value is."""
        return self._numbers.mask

    def undecided(self, value: Scalar) -> int:
        """Answer the bits to raise when it is unknown whether a list holds ``value``."""
        return self.mask(value) & self.unknown

    @cached_property
    def missing(self) -> int:
        """Mask of a fact that is absent."""
        return self._wiring.mask(_NOTHING)

    @cached_property
    def unknown(self) -> int:
        """Mask of a fact that cannot be read: nothing on it holds."""
        return _unknown_mask(self._placements)

    @cached_property
    def possible(self) -> int:
        """The same with everything on it taken as holding."""
        return _possible_mask(self._placements)

    @cached_property
    def _booleans(self) -> tuple[int, int]:
        """Masks of false and of true."""
        wiring, present = self._wiring, self._present
        false, true = (_equal_to(wiring.literals, constant=each) for each in (False, True))
        return wiring.mask(present | false), wiring.mask(present | true)

    @cached_property
    def _numbers(self) -> "_Numbers":
        return _Numbers(self._wiring, self._present, self._memo_size)

    @cached_property
    def _texts(self) -> "_Texts":
        return _Texts(self._wiring, self._present, self._memo_size, self.known)


class AgeTable:
    """All literals on how long ago one instant was, or any of several; like a `FactTable`."""

    def __init__(self, placements: Sequence[Placement], *, memo_size: int = MEMO_SIZE) -> None:
        """Take the placements, all on the same fact; remember so many masks."""
        self._placements = placements
        self._memo_size = memo_size

    def prepare(self) -> None:
        """Work out everything now, so that no request has to wait for it."""
        _ = (self.missing, self.unknown, self.possible, self._states)

    def mask(self, at_ms: int | Sequence[int], now_ms: int) -> tuple[int, int]:
        """Answer the raised bits, and the instant when time alone changes them.

        From `NEVER_MS` on that stands for never. Several instants may only come to a table
        whose placements are all monotone, as lists to a `FactTable`.
        """
        if not isinstance(at_ms, int):
            return self.mask_of_any(at_ms, now_ms)
        index = bisect_right(self.ages_ms, now_ms - at_ms)
        return self.state(index), at_ms + self.ages_ms[index]

    def mask_of_any(self, instants: Iterable[int], now_ms: int) -> tuple[int, int]:
        """Answer the same of several instants."""
        raised, first_ms = 0, NEVER_MS
        for at_ms in instants:
            mask, change_ms = self.mask(at_ms, now_ms)
            raised |= mask
            first_ms = min(first_ms, change_ms)
        return raised, first_ms

    @property
    def ages_ms(self) -> Sequence[int]:
        """The ages asked about, in order, and one that is never reached."""
        return self._states[0]

    @property
    def state(self) -> Callable[[int], int]:
        """From how many of `ages_ms` are reached to the raised bits."""
        return self._states[1].mask

    @cached_property
    def missing(self) -> int:
        """Mask of an instant that is absent."""
        return self._wiring.mask(_NOTHING)

    @cached_property
    def unknown(self) -> int:
        """Mask of an instant that cannot be read: nothing on it holds."""
        return _unknown_mask(self._placements)

    @cached_property
    def possible(self) -> int:
        """The same with everything on it taken as holding."""
        return _possible_mask(self._placements)

    @cached_property
    def _wiring(self) -> Wiring:
        return Wiring(self._placements)

    @cached_property
    def _states(self) -> tuple[list[int], Sweep]:
        """The ages asked about, and one state per interval between them."""
        wiring = self._wiring
        changes: dict[int, set[Literal]] = defaultdict(set)
        for literal in wiring.literals:
            for age_ms in _constants(literal):
                changes[int(age_ms)].add(literal)
        ages_ms = sorted(changes)
        # With two ages a literal holds from the first on, not before it.
        youngest = {each for each in wiring.literals if not isinstance(each.operand, tuple)}
        flips = [changes[age_ms] for age_ms in ages_ms]
        return [*ages_ms, _NEVER_REACHED_MS], Sweep(wiring, youngest, flips, self._memo_size)


class _Numbers:
    """Numbers: sorted thresholds, and a state on and between each two of them."""

    def __init__(self, wiring: Wiring, present: AbstractSet[Literal], memo_size: int) -> None:
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
        self._state = Sweep(wiring, below, states, memo_size).mask

    def mask(self, value: float) -> int:
        thresholds = self._thresholds
        # The state below a threshold has twice its index, the state on it one more.
        return self._state(bisect_left(thresholds, value) + bisect_right(thresholds, value))


class _Texts:
    """Texts: remembered, and else tested by dictionaries of constants and of prefixes.

    Many texts pass the same tests, such as those of which no rule knows; they share
    one mask.
    """

    def __init__(
        self,
        wiring: Wiring,
        present: AbstractSet[Literal],
        memo_size: int,
        known: dict[str, int],
    ) -> None:
        """Sort the literals by how they test; masks of texts go into ``known``."""
        self._wiring = wiring
        self._size = memo_size
        self._present = present
        self._raised = wiring.raised(present)
        self._equal: Mapping[str, set[Literal]] = defaultdict(set)
        self._prefixes: Mapping[str, set[Literal]] = defaultdict(set)
        self._patterns: list[tuple[Literal, TextTest]] = []
        for literal in wiring.literals:
            prefix = prefix_of(literal)
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
        self._known = known

    def mask(self, value: str) -> int:
        """Work out the mask of a text that is not known, and remember it."""
        passed = self._passed(value)
        mask = self._masks.get(passed)
        if mask is None:
            mask = self._mask_of(passed)
            remember(self._masks, passed, mask, self._size)
        remember(self._known, value, mask, self._size)
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


def _unknown_mask(placements: Iterable[Placement]) -> int:
    return bits_mask(at.bit for at in placements if at.violates)


def _possible_mask(placements: Iterable[Placement]) -> int:
    return bits_mask(at.bit for at in placements if not at.violates)


def _constants(literal: Literal) -> tuple[Scalar, ...]:
    operand = literal.operand
    return operand if isinstance(operand, tuple) else (operand,)


def _equal_to(literals: Iterable[Literal], *, constant: bool) -> set[Literal]:
    return {
        literal
        for literal in literals
        if literal.op in EQUALITIES and any(each is constant for each in _constants(literal))
    }


def prefix_of(literal: Literal) -> str | None:
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
