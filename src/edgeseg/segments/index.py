"""The index: evaluates any number of rules at once, at a cost that hardly grows with them.

All rules are laid over each other, see `planes`. Looking up each fact in its table and OR-ing
the masks gives all violated "and" nodes and all satisfied "or" nodes; folding the planes from
the leaves to the root gives the rules that hold.

The same class decides which segments a visitor is in and which metrics an event
feeds.
"""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

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


class Evaluation(msgspec.Struct, Generic[Key], frozen=True, gc=False):
    """Which rules hold.

    Attributes:
        held: keys of the rules that definitely hold, in the order of the rules.
        undecided: keys of those that unknown facts leave open; they are not held.
        change_ms: earliest instant when time alone could change this, None for never.
    """

    held: list[Key]
    undecided: list[Key]
    change_ms: int | None


class Recall(msgspec.Struct, Generic[Key], gc=False):
    """What an index found of one visitor, of use while the visitor's traits stay the same.

    Attributes:
        traits: the bits that the traits raise, None for not looked up yet.
        raised: all bits that were raised last, None before the first time.
        held: keys of the rules that held then.
        instants: those whose ages were looked up last.
        aged: what their ages came to.
        aged_from_ms: the instant that they were looked up at.
        aged_until_ms: when time alone changes that.
    """

    traits: int | None = None
    raised: int | None = None
    held: tuple[Key, ...] = ()
    instants: list[Any] | None = None
    aged: tuple[int, bool, int | None] = (0, False, None)
    aged_from_ms: int = 0
    aged_until_ms: int = 0


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
        tables = [
            (fact, FactTable(placed, memo_size=memo_size, is_multi=is_multi(fact)))
            for fact, placed in placements.items()
            if fact not in aged
        ]
        self._traits = Rows([(fact, table) for fact, table in tables if is_trait(fact)])
        self._others = Rows([(fact, table) for fact, table in tables if not is_trait(fact)])
        self._ages = AgeRows(
            [(fact, AgeTable(placements[fact], memo_size=memo_size)) for fact in aged]
        )

    def prepare(self) -> None:
        """Work out every table now, so that no evaluation has to wait for it."""
        for rows in (self._traits, self._others, self._ages):
            for _fact, table in rows:
                table.prepare()

    def take_apart(self) -> None:
        """Free the tables one by one; the index must not be used any more."""
        for rows in (self._traits, self._others, self._ages):
            rows.take_apart()

    @property
    def recall_bytes(self) -> int:
        """Memory of one `Recall`, about: three integers with a bit for each node of the rules."""
        return self._planes.size * 3 // 8

    @property
    def facts(self) -> frozenset[str]:
        """Keys of the facts that any rule asks about."""
        return frozenset(
            fact for rows in (self._traits, self._others, self._ages) for fact, _table in rows
        )

    def evaluate(
        self,
        facts: Mapping[str, object],
        *,
        now_ms: int = 0,
        absent: object = None,
        undecided: Mapping[str, Sequence[str]] = {},
        recall: Recall[Key] | None = None,
    ) -> Evaluation[Key]:
        """Answer which rules hold.

        Args:
            facts: value of each fact; instants as epoch milliseconds.
            now_ms: the instant that ages are counted from.
            absent: what a fact not in ``facts`` is: None (missing) or `UNKNOWN`.
            undecided: for facts with several values, those that may or may not be there.
            recall: what this index found of a visitor with the same traits, all of them known.
        """
        raised, is_open = self._others.raise_by(facts, absent)
        traits, open_traits = self._look_up_traits(facts, absent, recall)
        aged, open_ages, change_ms = self._look_up_ages(facts, now_ms, absent, recall)
        raised |= traits | aged
        if undecided:
            raised |= self._raised_by_undecided(undecided)
        if recall is not None and raised == recall.raised:
            held = [*recall.held]
        else:
            held = self._keys_of(self._planes.fold(raised))
            if recall is not None:
                recall.raised, recall.held = raised, tuple(held)
        if not (is_open or open_traits or open_ages or undecided):
            return Evaluation(held, [], change_ms)
        possible = self._possible(facts, now_ms, absent, undecided)
        undecided_keys = self._keys_of(possible & ~self._planes.fold(raised))
        return Evaluation(held, undecided_keys, change_ms)

    def _look_up_traits(
        self, facts: Mapping[str, object], absent: object, recall: Recall[Key] | None
    ) -> tuple[int, bool]:
        """Answer the bits raised by traits, and whether one of them is unknown."""
        if recall is None:
            return self._traits.raise_by(facts, absent)
        if recall.traits is None:
            recall.traits, _is_open = self._traits.raise_by(facts, absent)
        return recall.traits, False

    def _look_up_ages(
        self,
        facts: Mapping[str, object],
        now_ms: int,
        absent: object,
        recall: Recall[Key] | None,
    ) -> tuple[int, bool, int | None]:
        """Answer as `AgeRows.raise_by`, from memory as long as the instants are the same."""
        instants = self._ages.instants(facts, absent)
        if recall is None:
            return self._ages.raise_by(instants, now_ms)
        if instants != recall.instants or not recall.aged_from_ms <= now_ms < recall.aged_until_ms:
            recall.aged = _raised, _is_open, change_ms = self._ages.raise_by(instants, now_ms)
            recall.instants, recall.aged_from_ms = instants, now_ms
            recall.aged_until_ms = NEVER_MS if change_ms is None else change_ms
        return recall.aged

    def _raised_by_undecided(self, undecided: Mapping[str, Sequence[str]]) -> int:
        raised = 0
        for fact, table in (*self._traits, *self._others):
            for name in undecided.get(fact, ()):
                raised |= table.undecided(name)
        return raised

    def _possible(
        self,
        facts: Mapping[str, object],
        now_ms: int,
        absent: object,
        undecided: Mapping[str, Sequence[str]],
    ) -> int:
        """Answer the bits of the rules that would hold if every unknown literal did."""
        raised = 0
        value: Any
        for fact, table in (*self._traits, *self._others):
            value = facts.get(fact, absent)
            if value is UNKNOWN:
                raised |= table.possible
            else:
                raised |= table.mask(value)
                for name in undecided.get(fact, ()):
                    raised |= table.mask(name) & table.possible
        for fact, ages in self._ages:
            value = facts.get(fact, absent)
            if value is UNKNOWN:
                raised |= ages.possible
            else:
                raised |= ages.missing if value is None else ages.mask(value, now_ms)[0]
        return self._planes.fold(raised)

    def _keys_of(self, bits: int) -> list[Key]:
        """Answer the keys of the rules of these bits, in the order of the rules."""
        digits = bin(bits)[:1:-1]  # the lowest bit first
        ones = map(re.Match.start, _ONES(digits))
        return [*map(self._keys.__getitem__, sorted(map(self._planes.order.__getitem__, ones)))]


def _memo_size(mask_bytes: int, tables: int) -> int:
    """Answer how many masks each table may remember, so that all fit into `MEMO_BYTES`."""
    return max(16, min(MEMO_SIZE, MEMO_BYTES // (mask_bytes * tables or 1)))
