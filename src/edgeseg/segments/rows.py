"""Rows: prepared tables, asked one after the other in as few steps as Python takes."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, TypeAlias

from edgeseg.segments.tables import NEVER_MS, AgeTable, FactTable


class Unknown:
    """The one value of a fact that cannot be read."""


UNKNOWN: Final = Unknown()

_Row: TypeAlias = tuple[Callable[[str], int | None], Callable[[Any], int], int, FactTable]
"""Of one fact: the masks of its known texts, the mask of a number, that of nothing, the table."""
_AgeRow: TypeAlias = tuple[Sequence[int], Callable[[int], int], int, AgeTable]
"""Of one instant: the ages asked about, the masks between them, that of nothing, the table."""


class Rows:
    """Prepared fact tables."""

    def __init__(self, tables: Sequence[tuple[str, FactTable]] = ()) -> None:
        """Take facts and their tables."""
        self._facts = tuple(fact for fact, _table in tables)
        self._rows: Sequence[_Row] = [
            (table.known.get, table.number, table.missing, table) for _fact, table in tables
        ]

    def raise_by(self, facts: Mapping[str, object], absent: object) -> tuple[int, bool]:
        """Answer the bits that the facts raise, and whether one of them is unknown."""
        raised, is_open = 0, False
        values: Iterator[Any] = map(facts.get, self._facts, repeat(absent))
        # Most values are texts seen before, numbers or missing: these spare a call or two.
        for value, (known, number, missing, table) in zip(values, self._rows, strict=True):
            kind = type(value)
            if kind is str:
                mask = known(value)
                raised |= table.mask(value) if mask is None else mask
            elif value is None:
                raised |= missing
            elif kind is float or kind is int:
                raised |= number(value)
            elif value is UNKNOWN:
                raised |= table.unknown
                is_open = True
            else:
                raised |= table.mask(value)
        return raised, is_open


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
