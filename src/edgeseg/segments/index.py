"""The index: evaluates any number of rules at once, at a cost that hardly grows with them.

All rules are laid over each other. Rule number i owns bit i of every *plane*; a
plane is one position in the rules' trees of "and" and "or" nodes. The masks of
all planes lie in one integer. Looking up each fact in its table and OR-ing the
masks gives all violated "and" nodes and all satisfied "or" nodes; folding the
planes from the leaves to the root gives the rules that hold.

The same class decides which segments a visitor is in and which metrics an event
feeds.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from struct import unpack
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from edgeseg.segments.formula import AGE, And, Formula, Literal, Or
from edgeseg.segments.tables import MEMO_SIZE, AgeTable, FactTable
from edgeseg.segments.wiring import Placement, bits_mask

Key = TypeVar("Key", bound=Hashable)

MEMO_BYTES: Final = 32_000_000
"""Memory for masks of texts that were seen before, of one index, about."""


class Unknown:
    """The one value of a fact that cannot be read."""


UNKNOWN: Final = Unknown()


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


_Row: TypeAlias = tuple[str, Callable[[str], int | None], Callable[[Any], int], int, FactTable]
"""A fact, the masks of its known texts, the mask of a number, that of nothing, the table."""


class Index(Generic[Key]):
    """An immutable index over rules, each a key and a formula."""

    def __init__(
        self,
        rules: Sequence[tuple[Key, Formula]],
        *,
        is_multi: Callable[[str], bool] = lambda _fact: False,
    ) -> None:
        """Compile ``rules``.

        Args:
            rules: key and formula of each; results come in this order.
            is_multi: tells the facts that may have several values at once.
        """
        trees = [_tree(formula, is_multi) for _key, formula in rules]
        # Rules with most nodes get the lowest bits, which keeps deep planes short.
        ranks = sorted(range(len(rules)), key=lambda rule: -trees[rule].size)
        self._keys = tuple(key for key, _formula in rules)
        self._order = tuple(ranks)
        self._root = _Plane(is_or=False)
        pending: list[tuple[_Plane, int, Literal]] = []
        for bit, rule in enumerate(ranks):
            self._root.lay(trees[rule], bit, pending)
        size = self._root.place(0)
        placements: dict[str, list[Placement]] = defaultdict(list)
        for plane, bit, literal in pending:
            at = Placement(literal, plane.start + bit, not plane.is_or)
            placements[literal.fact].append(at)
        aged = {fact for fact, placed in placements.items() if placed[0].literal.op == AGE}
        memo_size = _memo_size(size // 8 + 1, len(placements))
        self._tables = tuple(
            (fact, FactTable(placed, memo_size=memo_size))
            for fact, placed in placements.items()
            if fact not in aged
        )
        self._rows: Sequence[_Row] = ()
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
        self._rows = tuple(
            (fact, table.known.get, table.number, table.missing, table)
            for fact, table in self._tables
        )

    def take_apart(self) -> None:
        """Free the tables one by one; the index must not be used any more."""
        tables, ages = list(self._tables), list(self._ages)
        self._rows, self._tables, self._ages = (), (), ()
        while tables:
            tables.pop()
        while ages:
            ages.pop()

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
    ) -> Outcome[Key]:
        """Answer which rules hold.

        Args:
            facts: value of each fact; instants as epoch milliseconds.
            now_ms: the instant that ages are counted from.
            absent: what a fact not in ``facts`` is: None (missing) or `UNKNOWN`.
            undecided: for facts with several values, those that may or may not be there.
        """
        raised, open_facts = self._look_up(facts, absent)
        raised, open_ages, change_ms = self._look_up_ages(facts, now_ms, absent, raised)
        if undecided:
            for fact, table in self._tables:
                for name in undecided.get(fact, ()):
                    raised |= table.undecided(name)
        bits = self._root.fold(raised)
        if not (open_facts or open_ages or undecided):
            return Outcome(self._keys_of(bits), [], change_ms)
        possible = self._possible(facts, now_ms, absent, undecided)
        return Outcome(self._keys_of(bits), self._keys_of(possible & ~bits), change_ms)

    def _look_up(self, facts: Mapping[str, object], absent: object) -> tuple[int, bool]:
        """Answer the bits raised by all facts but ages, and whether one of them is unknown."""
        if not self._rows:
            return self._look_up_unprepared(facts, absent)
        raised, is_open = 0, False
        get = facts.get
        # Most values are texts seen before, numbers or missing: these spare a call or two.
        for fact, known, number, missing, table in self._rows:
            value: Any = get(fact, absent)
            kind = type(value)
            if kind is str:
                mask = known(value)
                raised |= table.mask(value) if mask is None else mask
            elif value is None:
                raised |= missing
            elif kind is int or kind is float:
                raised |= number(value)
            elif value is UNKNOWN:
                raised |= table.unknown
                is_open = True
            else:
                raised |= table.mask(value)
        return raised, is_open

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
        self, facts: Mapping[str, object], now_ms: int, absent: object, raised: int
    ) -> tuple[int, bool, int | None]:
        """Raise the bits of ages; answer whether one is unknown, and when time changes them."""
        is_open, change_ms = False, None
        for fact, ages in self._ages:
            value = facts.get(fact, absent)
            if value is None:
                raised |= ages.missing
            elif value is UNKNOWN:
                raised |= ages.unknown
                is_open = True
            else:
                mask, at_ms = ages.mask(value, now_ms)  # type: ignore[arg-type]
                raised |= mask
                if at_ms is not None and (change_ms is None or at_ms < change_ms):
                    change_ms = at_ms
        return raised, is_open, change_ms

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
        return self._root.fold(raised)

    def _keys_of(self, bits: int) -> list[Key]:
        """Answer the keys of the rules of these bits, in the order of the rules."""
        found: list[int] = []
        order, first = self._order, -1
        count = (bits.bit_length() + 63) // 64
        # Whatever is done to a number costs its length: so word by word, most of which are 0.
        for word in unpack(f"<{count}Q", bits.to_bytes(count * 8, "little")):
            rest = word
            while rest:
                lowest = rest & -rest
                found.append(order[first + lowest.bit_length()])
                rest ^= lowest
            first += 64
        found.sort()
        return [self._keys[rule] for rule in found]


class _Tree(NamedTuple):
    """One rule's formula with alternating levels, its literals beside its sub-nodes."""

    literals: tuple[Literal, ...]
    nodes: tuple["_Tree", ...]
    size: int


def _tree(formula: Formula, is_multi: Callable[[str], bool], *, is_or: bool = False) -> _Tree:
    kind = Or if is_or else And
    parts = formula.parts if isinstance(formula, kind) else (formula,)
    literals, nodes = [], []
    for part in parts:
        if isinstance(part, Literal) and not _must_nest(part, is_multi, is_or=is_or):
            literals.append(part)
        else:
            nodes.append(_tree(part, is_multi, is_or=not is_or))
    nodes.sort(key=lambda node: -node.size)
    return _Tree(tuple(literals), tuple(nodes), 1 + sum(node.size for node in nodes))


def _must_nest(literal: Literal, is_multi: Callable[[str], bool], *, is_or: bool) -> bool:
    """Tell whether a literal on a fact with several values needs a node of its own.

    Masks of the elements of a list are OR-ed, which is right only for positive
    literals on "or" bits and negative ones on "and" bits (see `FactTable.mask`).
    """
    return literal.positive != is_or and is_multi(literal.fact)


class _Plane:
    """One position in the trees of all rules; one bit per rule that reaches so far."""

    def __init__(self, *, is_or: bool) -> None:
        self.is_or = is_or
        self.start = 0
        self._whole = 0
        self._rules: list[int] = []
        self._below: list[_Plane] = []
        self._present = 0

    def lay(self, tree: _Tree, bit: int, pending: list[tuple["_Plane", int, Literal]]) -> None:
        """Put one rule's node here and its sub-nodes on the planes below."""
        self._rules.append(bit)
        pending.extend((self, bit, literal) for literal in tree.literals)
        for index, node in enumerate(tree.nodes):
            if index == len(self._below):
                self._below.append(_Plane(is_or=not self.is_or))
            self._below[index].lay(node, bit, pending)

    def place(self, start: int) -> int:
        """Take bits from ``start`` for this plane and those below; answer where they end."""
        self._present = bits_mask(self._rules)
        self.start = start
        self._whole = (1 << self._present.bit_length()) - 1
        end = start + self._present.bit_length()
        for plane in self._below:
            end = plane.place(end)
        return end

    def fold(self, raised: int) -> int:
        """Answer the rules whose node here holds."""
        bits = raised >> self.start & self._whole
        if self.is_or:
            for plane in self._below:
                bits |= plane.fold(raised)
            return bits
        for plane in self._below:
            bits |= plane._present & ~plane.fold(raised)  # noqa: SLF001 - the same class
        return self._present & ~bits


def _memo_size(mask_bytes: int, tables: int) -> int:
    """Answer how many masks each table may remember, so that all fit into `MEMO_BYTES`."""
    return max(16, min(MEMO_SIZE, MEMO_BYTES // (mask_bytes * tables or 1)))
