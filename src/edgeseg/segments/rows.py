"""Rows: prepared tables, asked one after the other in as few steps as Python takes."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import repeat
from operator import getitem, or_
from typing import Any, TypeAlias

from edgeseg.segments.ages import NEVER_MS, AgeTable
from edgeseg.segments.tables import UNKNOWN, FactTable

_AgeRow: TypeAlias = tuple[Sequence[int], Callable[[int], int], int, AgeTable]
"""Of one instant: the ages asked about, the masks between them, that of nothing, the table."""


class Rows:
    """Prepared fact tables."""

    def __init__(self, tables: Sequence[tuple[str, FactTable]] = ()) -> None:
        """Take facts and their tables."""
        self._facts = tuple(fact for fact, _table in tables)
        self._tables = tuple(table for _fact, table in tables)
        self._masks = tuple(table.masks for table in self._tables)

    def raise_by(self, facts: Mapping[str, object], absent: object) -> tuple[int, bool]:
        """Answer the bits that the facts raise, and whether one of them is unknown."""
        values: list[Any] = [*map(facts.get, self._facts, repeat(absent))]
        try:
            raised = reduce(or_, map(getitem, self._masks, values), 0)
        except TypeError:  # one is a list, which cannot be a key
            raised = reduce(or_, map(FactTable.mask, self._tables, values), 0)
        return raised, UNKNOWN in values


class AgeRows:
    """Prepared tables of ages."""

    def __init__(self, tables: Sequence[tuple[str, AgeTable]] = ()) -> None:
        """Take facts and their tables."""
        self._facts = tuple(fact for fact, _table in tables)
        self._rows: Sequence[_AgeRow] = [
            (table.ages_ms, table.state, table.missing, table) for _fact, table in tables
        ]

    def raise_by(
        self, facts: Mapping[str, object], now_ms: int, absent: object
    ) -> tuple[int, bool, int | None]:
        """Answer the same of ages, and when time alone changes one of them, None for never."""
        raised, is_open, change_ms = 0, False, NEVER_MS
        values: Iterator[Any] = map(facts.get, self._facts, repeat(absent))
        for value, (ages_ms, state, missing, table) in zip(values, self._rows, strict=True):
            if type(value) is int:
                at = bisect_right(ages_ms, now_ms - value)
                raised |= state(at)
                at_ms = value + ages_ms[at]
            elif value is None:
                raised |= missing
                continue
            elif value is UNKNOWN:
                raised |= table.unknown
                is_open = True
                continue
            else:
                mask, at_ms = table.mask_of_any(value, now_ms)
                raised |= mask
            change_ms = min(change_ms, at_ms)
        return raised, is_open, change_ms if change_ms < NEVER_MS else None
