"""Rows: tables, asked one after the other in as few steps as Python takes."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import repeat
from operator import getitem, or_
from typing import Any, Generic, TypeVar

from edgeseg.segments.ages import NEVER_MS, AgeTable
from edgeseg.segments.tables import UNKNOWN, FactTable

Table = TypeVar("Table")


class _Tables(Generic[Table]):
    """Facts and their tables."""

    def __init__(self, tables: Sequence[tuple[str, Table]]) -> None:
        self._facts = tuple(fact for fact, _table in tables)
        self._tables = [table for _fact, table in tables]

    def __iter__(self) -> Iterator[tuple[str, Table]]:
        """Iterate over facts and tables."""
        return zip(self._facts, self._tables, strict=True)

    def take_apart(self) -> None:
        """Free the tables one by one; they must not be used any more."""
        self._facts = ()
        while self._tables:
            self._tables.pop()


class Rows(_Tables[FactTable]):
    """Fact tables."""

    def raise_by(self, facts: Mapping[str, object], absent: object) -> tuple[int, bool]:
        """Answer the bits that the facts raise, and whether one of them is unknown."""
        values: list[Any] = [*map(facts.get, self._facts, repeat(absent))]
        try:
            raised = reduce(or_, map(getitem, self._tables, values), 0)
        except TypeError:  # one is a list, which cannot be a key
            raised = reduce(or_, map(FactTable.mask, self._tables, values), 0)
        return raised, UNKNOWN in values


class AgeRows(_Tables[AgeTable]):
    """Tables of ages."""

    def instants(self, facts: Mapping[str, object], absent: object) -> list[Any]:
        """Answer the instant of each fact, or several; of one not in ``facts``, ``absent``."""
        return [*map(facts.get, self._facts, repeat(absent))]

    def raise_by(self, instants: Sequence[Any], now_ms: int) -> tuple[int, bool, int | None]:
        """Answer the same of ages, and when time alone changes one of them, None for never."""
        raised, is_open, change_ms = 0, False, NEVER_MS
        for value, table in zip(instants, self._tables, strict=True):
            if type(value) is int:
                ages_ms, mask_of = table.states
                at = bisect_right(ages_ms, now_ms - value)
                raised |= mask_of(at)
                at_ms = value + ages_ms[at]
            elif value is None:
                raised |= table.missing
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
