"""Texts: from a text to all that it decides."""

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from edgeseg.segments.formula import EQUALITIES, PATTERNS, Literal
from edgeseg.segments.text_tests import TextTest, build_text_test
from edgeseg.segments.wiring import NO_LITERALS, Wiring, bits_mask, remember


class TextMasks:
    """Texts, tested by dictionaries of constants and of prefixes, and one by one by patterns.

    Many texts pass the same tests, such as those of which no rule knows; they share
    one mask.
    """

    def __init__(
        self,
        wiring: Wiring,
        present: AbstractSet[Literal],
        memo_size: int,
    ) -> None:
        """Sort the literals by how they test."""
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
                for constant in literal.constants:
                    if isinstance(constant, str):
                        self._equal[constant].add(literal)
        self._lengths = sorted(set(map(len, self._prefixes)))
        self._masks: dict[frozenset[Literal], int] = {NO_LITERALS: bits_mask(self._raised)}

    def mask(self, value: str) -> int:
        """Answer the bits that a text raises."""
        passed = self._passed(value)
        mask = self._masks.get(passed)
        if mask is None:
            mask = self._mask_of(passed)
            remember(self._masks, passed, mask, self._size)
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
