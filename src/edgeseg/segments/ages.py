"""Age tables: from an instant to all that its age decides, and until when."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Final

from edgeseg.segments.formula import Literal
from edgeseg.segments.wiring import MEMO_SIZE, Literals, Placement, Sweep

NEVER_MS: Final = 1 << 60
"""Instants from here on stand for never."""
_NEVER_REACHED_MS: Final = 1 << 61
"""An age after which any instant is never."""


class AgeTable(Literals):
    """All literals on how long ago one instant was, or any of several; like a `FactTable`."""

    def __init__(self, placements: Sequence[Placement], *, memo_size: int = MEMO_SIZE) -> None:
        """Take the placements, all on the same fact; remember so many masks."""
        super().__init__(placements, memo_size)

    def prepare(self) -> None:
        """Work out everything now, so that no request has to wait for it."""
        _ = (self.missing, self.unknown, self.possible, self.states)

    def mask(self, at_ms: int | Sequence[int], now_ms: int) -> tuple[int, int]:
        """Answer the raised bits, and the instant when time alone changes them.

        From `NEVER_MS` on that stands for never. Several instants may only come to a table
        whose placements are all monotone, as lists to a `FactTable`.
        """
        if not isinstance(at_ms, int):
            return self.mask_of_any(at_ms, now_ms)
        ages_ms, mask_of = self.states
        index = bisect_right(ages_ms, now_ms - at_ms)
        return mask_of(index), at_ms + ages_ms[index]

    def mask_of_any(self, instants: Iterable[int], now_ms: int) -> tuple[int, int]:
        """Answer the same of several instants."""
        raised, first_ms = 0, NEVER_MS
        for at_ms in instants:
            mask, change_ms = self.mask(at_ms, now_ms)
            raised |= mask
            first_ms = min(first_ms, change_ms)
        return raised, first_ms

    @cached_property
    def states(self) -> tuple[Sequence[int], Callable[[int], int]]:
        """The ages asked about, in order, and from how many are reached to the raised bits.

        The last one is never reached.
        """
        wiring = self._wiring
        changes: dict[int, set[Literal]] = defaultdict(set)
        for literal in wiring.literals:
            for age_ms in literal.constants:
                changes[int(age_ms)].add(literal)
        ages_ms = sorted(changes)
        # With two ages a literal holds from the first on, not before it.
        youngest = {each for each in wiring.literals if not isinstance(each.operand, tuple)}
        flips = [changes[age_ms] for age_ms in ages_ms]
        sweep = Sweep(wiring, youngest, flips, self._memo_size)
        return [*ages_ms, _NEVER_REACHED_MS], sweep.mask
