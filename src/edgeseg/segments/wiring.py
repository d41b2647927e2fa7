"""Wiring: which literals raise which bits, and the masks of states along an axis.

A *placement* puts a literal on a bit. The bit of an "and" node is raised when
any literal on it is false (the node is violated); the bit of an "or" node is
raised when any literal on it is true (the node is satisfied). Both only ever
need an OR, so the masks of several facts, or of several elements of a list, are
OR-ed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Final, NamedTuple, TypeVar

from edgeseg.segments.formula import Literal

Remembered = TypeVar("Remembered")

MEMO_SIZE: Final = 1_024
"""Texts, and masks of texts and of states between numbers, remembered per fact, at most."""
NO_LITERALS: Final[frozenset[Literal]] = frozenset()
_WHOLE_MASKS: Final = 256
"""Whole masks kept for the states of one sweep, about."""


_FEW: Final = 8
"""Bits that are faster added up than set one by one."""
_ONE: Final = (1).__lshift__


class Placement(NamedTuple):
    """A literal on a bit; ``violates`` on that of an "and" node, else of an "or" node.

    It raises the bit when its test, with its sign, comes out other than ``violates``.
    """

    literal: Literal
    bit: int
    violates: bool


def bits_mask(bits: Iterable[int]) -> int:
    """Answer the integer with these bits set."""
    positions = set(bits)
    if len(positions) <= _FEW:
        return sum(map(_ONE, positions))
    raised = bytearray(max(positions) // 8 + 1)
    for position in positions:
        raised[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(raised, "little")


class Wiring:
    """Which literals raise which bits."""

    def __init__(self, placements: Sequence[Placement]) -> None:
        """Take the placements of one fact."""
        self._placements = placements
        self._on_bit: dict[int, list[Placement]] = defaultdict(list)
        self._bits_of: dict[Literal, list[int]] = defaultdict(list)
        for placement in placements:
            literal, bit, _violates = placement
            self._on_bit[bit].append(placement)
            self._bits_of[literal].append(bit)

    @property
    def literals(self) -> AbstractSet[Literal]:
        """The different ones of all placements."""
        return self._bits_of.keys()

    def raised(self, passed: AbstractSet[Literal]) -> set[int]:
        """Answer the raised bits, given the literals whose test passes."""
        return {
            bit
            for literal, bit, violates in self._placements
            if ((literal in passed) == literal.positive) != violates
        }

    def mask(self, passed: AbstractSet[Literal]) -> int:
        """Answer the same as `raised`, as a mask."""
        return bits_mask(self.raised(passed))

    def toggled(
        self, flipped: Iterable[Literal], passed: AbstractSet[Literal], raised: AbstractSet[int]
    ) -> tuple[int, ...]:
        """Answer the bits whose state is not that in ``raised`` any more.

        Args:
            flipped: the literals whose test changed since.
            passed: those whose test passes now.
            raised: the bits that were raised before.
        """
        touched = {bit for literal in flipped for bit in self._bits_of[literal]}
        return tuple(bit for bit in touched if self._is_raised(bit, passed) != (bit in raised))

    def _is_raised(self, bit: int, passed: AbstractSet[Literal]) -> bool:
        return any(
            ((literal in passed) == literal.positive) != violates
            for literal, _bit, violates in self._on_bit[bit]
        )


class Literals:
    """All literals on one fact, and what they come to where it has no value."""

    def __init__(self, placements: Sequence[Placement], memo_size: int) -> None:
        """Take the placements, all on the same fact, and how many masks to remember."""
        self._placements = placements
        self._memo_size = memo_size

    @cached_property
    def _wiring(self) -> Wiring:
        return Wiring(self._placements)

    @cached_property
    def missing(self) -> int:
        """Mask of a fact that is absent."""
        return self._wiring.mask(NO_LITERALS)

    @cached_property
    def unknown(self) -> int:
        """Mask of a fact that cannot be read: nothing on it holds."""
        return bits_mask(at.bit for at in self._placements if at.violates)

    @cached_property
    def possible(self) -> int:
        """The same with everything on it taken as holding."""
        return bits_mask(at.bit for at in self._placements if not at.violates)


class Sweep:
    """Masks of consecutive states, of which each flips the tests of a few literals.

    With many states only some keep a whole mask, the others the bits that flip,
    so that memory grows with the number of literals, not its square.
    """

    def __init__(
        self,
        wiring: Wiring,
        passed: AbstractSet[Literal],
        flips: Sequence[AbstractSet[Literal]],
        memo_size: int,
    ) -> None:
        """Walk through the states.

        Args:
            wiring: which literals raise which bits.
            passed: the literals whose test passes in the first state.
            flips: those whose test changes, from each state to the next.
            memo_size: how many masks to remember that are not kept whole.
        """
        self._memo_size = memo_size
        self._known: dict[int, int] = {}
        raised = wiring.raised(passed)
        now_passed = set(passed)
        self._stride = len(flips) // _WHOLE_MASKS + 1
        self._toggles: list[tuple[int, ...]] = [()]
        self._checkpoints = [bits_mask(raised)]
        for state, flipped in enumerate(flips, start=1):
            now_passed ^= flipped
            toggled = wiring.toggled(flipped, now_passed, raised)
            raised.symmetric_difference_update(toggled)
            self._toggles.append(toggled)
            if state % self._stride == 0:
                self._checkpoints.append(bits_mask(raised))

    @property
    def mask(self) -> Callable[[int], int]:
        """What answers, from a state, 0 for the first, the bits that are raised in it."""
        # Not kept here: what leads back to itself is not freed with the rules.
        return self._checkpoints.__getitem__ if self._stride == 1 else self._flip_from_checkpoint

    def _flip_from_checkpoint(self, state: int) -> int:
        known = self._known.get(state)
        if known is not None:
            return known
        whole, rest = divmod(state, self._stride)
        mask = self._checkpoints[whole]
        for toggled in self._toggles[state - rest + 1 : state + 1]:
            for bit in toggled:
                mask ^= 1 << bit
        remember(self._known, state, mask, self._memo_size)
        return mask


def remember(memo: dict[Remembered, int], key: Remembered, mask: int, size: int) -> None:
    """Keep at most ``size`` entries; the oldest goes."""
    if len(memo) >= size:
        del memo[next(iter(memo))]
    memo[key] = mask
