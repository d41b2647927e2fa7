"""Fact tables: from the value of one fact to everything it decides, at once.

What a value decides depends on its type: a boolean has one of two masks, a number
lies on or between thresholds, each with a mask of its own, and a text passes few of
the tests, whose mask is worked out once and remembered.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, reduce
from itertools import islice
from operator import or_
from typing import Any, Final

from edgeseg.events.event import Scalar, is_number
from edgeseg.segments.formula import BETWEEN, EQUALITIES, ORDERS, PRESENCE, Literal
from edgeseg.segments.text_masks import TextMasks
from edgeseg.segments.wiring import MEMO_SIZE, Literals, Placement, Sweep


class Unknown:
    """The one value of a fact that cannot be read."""


UNKNOWN: Final = Unknown()
_HELD: Final = 3
"""What a prepared table holds besides texts, and before them."""


class FactTable(Literals, dict[object, int]):
    """All literals on one fact: from a value to the bits that it raises.

    A dictionary, since most values were met before and Python looks them up without a step
    of bytecode. It holds None, `UNKNOWN`, (), and texts; the rest is worked out each time. (A
    number must not be held: 1 and True are the same key.) Each part is worked out when it is
    first needed, or by `prepare`.
    """

    def __init__(
        self,
        placements: Sequence[Placement],
        *,
        memo_size: int = MEMO_SIZE,
        is_multi: bool = True,
    ) -> None:
        """Take the placements.

        Args:
            placements: all on the same fact; if ``is_multi``, all monotone: a positive
                literal on an "or" bit, a negative one on an "and" bit.
            memo_size: how many texts, and how many masks of texts, to remember.
            is_multi: whether the fact may have several values at once.
        """
        super().__init__(placements, memo_size)
        self._is_multi = is_multi
        self._present = {each for each in self._wiring.literals if each.op == PRESENCE}

    def prepare(self) -> None:
        """Work out everything now, so that no request has to wait for it."""
        _ = (self.possible, self._booleans, self._numbers, self._texts)
        self[None] = self.missing
        self[UNKNOWN] = self.unknown
        self[()] = 0

    def mask(self, value: Scalar | Sequence[Scalar]) -> int:
        """Answer the bits that a ``value`` raises; for a list, any of its elements.

        A list that was stored before its field became one of single values is there, and
        passes no other test, like any value of another type.
        """
        if isinstance(value, list):
            if not self._is_multi:
                return self._wiring.mask(self._present) if value else self.missing
            return reduce(or_, map(self.__getitem__, value), 0)
        return self[value]

    def __missing__(self, value: object) -> int:
        """Work out the bits of a value that is not held."""
        kind = type(value)
        if kind is int or kind is float:
            number: Any = value
            thresholds, mask_of = self._numbers
            # The state below a threshold has twice its index, the state on it one more.
            return mask_of(bisect_left(thresholds, number) + bisect_right(thresholds, number))
        if isinstance(value, str):
            return self._remember(value, self._texts.mask(value))
        if isinstance(value, tuple):
            return reduce(or_, map(self.__getitem__, value), 0)
        if isinstance(value, bool):
            return self._booleans[value]
        return self.missing if value is None else self.unknown

    def _remember(self, text: str, mask: int) -> int:
        if len(self) >= self._memo_size:
            del self[next(islice(self, _HELD, None))]  # the oldest text
        self[text] = mask
        return mask

    def undecided(self, value: Scalar) -> int:
        """Answer the bits to raise when it is unknown whether a list holds ``value``."""
        return self.mask(value) & self.unknown

    @cached_property
    def _booleans(self) -> tuple[int, int]:
        """Masks of false and of true."""
        wiring, present = self._wiring, self._present
        false, true = (_equal_to(wiring.literals, constant=each) for each in (False, True))
        return wiring.mask(present | false), wiring.mask(present | true)

    @cached_property
    def _numbers(self) -> tuple[Sequence[int | float], Callable[[int], int]]:
        """Sorted thresholds, and from the number of a state, on or between them, to its mask."""
        wiring = self._wiring
        flips: dict[int | float, tuple[set[Literal], set[Literal]]]
        flips = defaultdict(lambda: (set(), set()))
        below = set(self._present)
        for literal in wiring.literals:
            if literal.op in EQUALITIES:
                for number in filter(is_number, literal.constants):
                    for changes in flips[number]:  # type: ignore[index]
                        changes.add(literal)
            elif literal.op == BETWEEN:
                low, high = filter(is_number, literal.constants)
                flips[low][0].add(literal)  # type: ignore[index]
                flips[high][1].add(literal)  # type: ignore[index]
            elif literal.op in ORDERS:
                on, past = flips[_number(literal)]
                (on if literal.op in {"gte", "lt"} else past).add(literal)
                if literal.op in {"lt", "lte"}:
                    below.add(literal)
        thresholds = sorted(flips)
        states = [changes for threshold in thresholds for changes in flips[threshold]]
        return thresholds, Sweep(wiring, below, states, self._memo_size).mask

    @cached_property
    def _texts(self) -> TextMasks:
        return TextMasks(self._wiring, self._present, self._memo_size)


def _equal_to(literals: Iterable[Literal], *, constant: bool) -> set[Literal]:
    return {
        literal
        for literal in literals
        if literal.op in EQUALITIES and any(each is constant for each in literal.constants)
    }


def _number(literal: Literal) -> int | float:
    operand = literal.operand
    if not isinstance(operand, int | float):
        message = f"{literal.op} compares numbers, not {operand!r}"
        raise TypeError(message)
    return operand
