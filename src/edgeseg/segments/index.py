"""The index: evaluates any number of rules at once, at a cost that hardly grows with them.

All rules are laid over each other, see `planes`. Looking up each fact in its table and OR-ing
the masks gives all violated "and" nodes and all satisfied "or" nodes; folding the planes from
the leaves to the root gives the rules that hold.

The same class decides which segments a visitor is in and which metrics an event
feeds.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from edgeseg.segments.ages import NEVER_MS, AgeTable
from edgeseg.segments.formula import AGE, Formula
from edgeseg.segments.planes import Planes
from edgeseg.segments.rows import AgeRows, Rows
from edgeseg.segments.tables import UNKNOWN, FactTable
from edgeseg.segments.wiring import MEMO_SIZE

Key = TypeVar("Key", bound=Hashable)

MEMO_BYTES: Final = 32_000_000
"""Memory for masks of texts that were seen before, of one index, about."""
_ONES: Final = re.compile("1").finditer


class Outcome(NamedTuple, Generic[Key]):
    """What `Index.evaluate` finds.

    Attributes:
        held: keys of the rules that definitely hold, in the order of the rules.
        undecided: keys of those that unknown facts leave open.
        change_ms: earliest instant when time alone could change this, None for never.
    """

    held: list[Key]
    undecided: list[Key]
    change_ms: int | None


class Recall(Generic[Key]):
    """What an index found of one visitor, of use while the visitor's traits stay the same.

    Attributes:
        traits: the bits that the traits raise, None for not looked up yet.
        raised: all bits that were raised last, None before the first time.
        held: keys of the rules that held then.
    """

    __slots__ = ("held", "raised", "traits")

    def __init__(self) -> None:
        """Know nothing yet."""
        self.traits: int | None = None
        self.raised: int | None = None
        self.held: tuple[Key, ...] = ()


class Index(Generic[Key]):
    """An immutable index over rules, each a key and a formula."""

    def __init__(
        self,
        rules: Sequence[tuple[Key, Formula]],
        *,
        is_multi: Callable[[str], bool] = lambda _fact: False,
        is_trait: Callable[[str], bool] = lambda _fact: False,
    ) -> None:
        """Compile ``rules``.

        Args:
            rules: key and formula of each; results come in this order.
            is_multi: tells the facts that may have several values at once.
            is_trait: tells the facts that a `Recall` stands for.
        """
        self._keys = tuple(key for key, _formula in rules)
        self._planes = Planes([formula for _key, formula in rules], is_multi)
        placements, size = self._planes.placements, self._planes.size
        aged = {fact for fact, placed in placements.items() if placed[0].literal.op == AGE}
        memo_size = _memo_size(size // 8 + 1, len(placements))
        self._tables = tuple(
            (fact, FactTable(placed, memo_size=memo_size))
            for fact, placed in placements.items()
            if fact not in aged
        )
        self._is_trait = is_trait
        self._traits, self._others, self._aged = Rows(), Rows(), AgeRows()
        self._is_prepared = False
        self._ages = tuple(
            (fact, AgeTable(placements[fact], memo_size=memo_size))
            for fact in placements
            if fact in aged
        )

    def prepare(self) -> None:
        """Work out every table now, so that no evaluation has to wait for it."""
        for _fact, table in self._tables:
            table.prepare()
        for _fact, ages in self._ages:
            ages.prepare()
        traits = [(fact, table) for fact, table in self._tables if self._is_trait(fact)]
        others = [(fact, table) for fact, table in self._tables if not self._is_trait(fact)]
        self._traits, self._others, self._aged = Rows(traits), Rows(others), AgeRows(self._ages)
        self._is_prepared = True

    def take_apart(self) -> None:
        """Free the tables one by one; the index must not be used any more."""
        tables, ages = list(self._tables), list(self._ages)
        self._traits, self._others, self._aged = Rows(), Rows(), AgeRows()
        self._tables, self._ages = (), ()
        while tables:
            tables.pop()
        while ages:
            ages.pop()

    @property
    def recall_bytes(self) -> int:
        """Memory of one `Recall`, about: two integers with a bit for each node of the rules."""
        return self._planes.size // 4

    @property
    def facts(self) -> frozenset[str]:
        """Keys of the facts that any rule asks about."""
        return frozenset(fact for fact, _table in (*self._tables, *self._ages))

    def evaluate(
        self,
        facts: Mapping[str, object],
        *,
        now_ms: int = 0,
        absent: object = None,
        undecided: Mapping[str, Sequence[str]] = {},
        recall: Recall[Key] | None = None,
    ) -> Outcome[Key]:
        """Answer which rules hold.

        Args:
            facts: value of each fact; instants as epoch milliseconds.
            now_ms: the instant that ages are counted from.
            absent: what a fact not in ``facts`` is: None (missing) or `UNKNOWN`.
            undecided: for facts with several values, those that may or may not be there.
            recall: what this index, once prepared, found of a visitor with the same traits.
        """
        raised, open_facts = self._look_up(facts, absent, recall)
        aged, open_ages, change_ms = self._look_up_ages(facts, now_ms, absent)
        raised |= aged
        if undecided:
            for fact, table in self._tables:
                for name in undecided.get(fact, ()):
                    raised |= table.undecided(name)
        held = self._held(raised, recall)
        if not (open_facts or open_ages or undecided):
            return Outcome(held, [], change_ms)
        possible = self._keys_of(self._possible(facts, now_ms, absent, undecided))
        known = frozenset(held)
        return Outcome(held, [key for key in possible if key not in known], change_ms)

    def _held(self, raised: int, recall: Recall[Key] | None) -> list[Key]:
        """Answer the keys of the rules that hold, given all raised bits."""
        if recall is None:
            return self._keys_of(self._planes.fold(raised))
        if raised != recall.raised:
            recall.held = tuple(self._keys_of(self._planes.fold(raised)))
            recall.raised = raised
        return [*recall.held]

    def _look_up(
        self, facts: Mapping[str, object], absent: object, recall: Recall[Key] | None = None
    ) -> tuple[int, bool]:
        """Answer the bits raised by all facts but ages, and whether one of them is unknown."""
        if not self._is_prepared:
            return self._look_up_unprepared(facts, absent)
        raised, is_open = self._others.raise_by(facts, absent)
        if recall is not None and recall.traits is not None:
            return raised | recall.traits, is_open
        traits, is_one_open = self._traits.raise_by(facts, absent)
        if recall is not None:
            recall.traits = traits
        return raised | traits, is_open or is_one_open

    def _look_up_unprepared(self, facts: Mapping[str, object], absent: object) -> tuple[int, bool]:
        """Answer the same, working out of each table only what this one value needs."""
        raised, is_open = 0, False
        for fact, table in self._tables:
            value: Any = facts.get(fact, absent)
            if value is UNKNOWN:
                raised |= table.unknown
                is_open = True
            else:
                raised |= table.missing if value is None else table.mask(value)
        return raised, is_open

    def _look_up_ages(
        self, facts: Mapping[str, object], now_ms: int, absent: object
    ) -> tuple[int, bool, int | None]:
        """Answer the bits raised by ages, whether one is unknown, and when time changes them."""
        if self._is_prepared:
            return self._aged.raise_by(facts, now_ms, absent)
        raised, is_open, change_ms = 0, False, NEVER_MS
        for fact, table in self._ages:
            value: Any = facts.get(fact, absent)
            if value is UNKNOWN:
                raised |= table.unknown
                is_open = True
            elif value is None:
                raised |= table.missing
            else:
                mask, at_ms = table.mask(value, now_ms)
                raised |= mask
                change_ms = min(change_ms, at_ms)
        return raised, is_open, change_ms if change_ms < NEVER_MS else None

    def _possible(
        self,
        facts: Mapping[str, object],
        now_ms: int,
        absent: object,
        undecided: Mapping[str, Sequence[str]],
    ) -> int:
        """Answer the bits of the rules that would hold if every unknown literal did."""
        raised = 0
        for fact, table in self._tables:
            value = facts.get(fact, absent)
            if value is UNKNOWN:
                raised |= table.possible
            else:
                raised |= table.missing if value is None else table.mask(value)  # type: ignore[arg-type]
                for name in undecided.get(fact, ()):
                    raised |= table.mask(name) & table.possible
        for fact, ages in self._ages:
            value = facts.get(fact, absent)
            if value is UNKNOWN:
                raised |= ages.possible
            else:
                raised |= ages.missing if value is None else ages.mask(value, now_ms)[0]  # type: ignore[arg-type]
        return self._planes.fold(raised)

    def _keys_of(self, bits: int) -> list[Key]:
        """Answer the keys of the rules of these bits, in the order of the rules."""
        digits = bin(bits)[:1:-1]  # the lowest bit first
        ones = [one.start() for one in _ONES(digits)]
        return [*map(self._keys.__getitem__, sorted(map(self._planes.order.__getitem__, ones)))]


def _memo_size(mask_bytes: int, tables: int) -> int:
    """Answer how many masks each table may remember, so that all fit into `MEMO_BYTES`."""
    return max(16, min(MEMO_SIZE, MEMO_BYTES // (mask_bytes * tables or 1)))
