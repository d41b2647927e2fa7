"""Planes: the trees of all rules laid over each other, folded all at once.

Rule number i owns bit i of every plane; a plane is one position in the rules' trees of "and"
and "or" nodes. The bits of all planes lie in one integer. A bit is *raised* where an "and" node
is violated or an "or" node satisfied, so a node passes on to the one above, whose kind is the
other one, that it is not raised: an "and" node that holds satisfies an "or", an "or" node that
does not violates an "and".
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from edgeseg.segments.formula import And, Formula, Literal, Or
from edgeseg.segments.wiring import Placement, bits_mask


class Planes:
    """The layout of one set of rules.

    Attributes:
        order: bit → number of its rule.
        placements: fact → where the literals on it are.
        size: bits of all planes together.
    """

    def __init__(self, formulas: Sequence[Formula], is_multi: Callable[[str], bool]) -> None:
        """Lay out ``formulas``; ``is_multi`` tells the facts that may have several values."""
        trees = [_tree(formula, is_multi) for formula in formulas]
        # Rules with most nodes get the lowest bits, which keeps deep planes short.
        self.order = tuple(sorted(range(len(trees)), key=lambda rule: -trees[rule].size))
        root = _Plane(is_or=False)
        pending: list[tuple[_Plane, int, Literal]] = []
        for bit, rule in enumerate(self.order):
            root.lay(trees[rule], bit, pending)
        self.size = root.place(0)
        placements: dict[str, list[Placement]] = defaultdict(list)
        for plane, bit, literal in pending:
            at = Placement(literal, plane.start + bit, not plane.is_or)
            placements[literal.fact].append(at)
        self.placements: Mapping[str, Sequence[Placement]] = placements
        self._present = root.present
        self._steps = tuple(root.steps())

    def fold(self, raised: int) -> int:
        """Answer the bits of the rules that hold, given all bits that their literals raise."""
        for start, present, above in self._steps:
            raised |= (present ^ (raised >> start & present)) << above
        return self._present ^ (raised & self._present)


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
        self.present = 0
        self._rules: list[int] = []
        self._below: list[_Plane] = []

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
        self.present = bits_mask(self._rules)
        self.start = start
        end = start + self.present.bit_length()
        for plane in self._below:
            end = plane.place(end)
        return end

    def steps(self) -> list[tuple[int, int, int]]:
        """Answer start, rules and the start above of each plane below, deepest first."""
        found = []
        for plane in self._below:
            found += plane.steps()
            found.append((plane.start, plane.present, self.start))
        return found
