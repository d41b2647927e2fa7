"""How far a YAML file reaches once its anchors are written out: levels and parts.

Text comes from outside, and an alias costs two characters: nine lines of nine aliases
each are 387 million parts, and an anchor within itself never ends.
"""

from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

import yaml

MAX_DEPTH: Final = 40
"""Nesting of one rule file, in levels."""
MAX_REPEATED: Final = 100_000
"""Parts of one rule file that aliases repeat."""


class Extent(NamedTuple):
    """Measures of a node, aliases written out; infinite for an anchor within itself.

    Attributes:
        depth: levels of nesting.
        parts: nodes, itself included.
        repeated: how many of them aliases stand for, beyond those that are written.
    """

    depth: float
    parts: float
    repeated: float = 0


def measure_extent(root: yaml.Node) -> Extent:
    """Measure in time linear in what is written, without recursion."""
    deepest, has_aliases, seen = 0, False, set[int]()
    pending = [(root, 1)]
    while pending:
        node, depth = pending.pop()
        deepest = max(deepest, depth)
        if id(node) in seen:
            has_aliases = True
        elif depth <= MAX_DEPTH and not isinstance(node, yaml.ScalarNode):
            seen.add(id(node))
            pending.extend((part, depth + 1) for part in _parts_of(node))
    # Few files have aliases: the others are spared the thorough way.
    return _measure_written_out(root) if has_aliases else Extent(deepest, len(seen))


def _measure_written_out(root: yaml.Node) -> Extent:
    """Measure each node after its parts, once however often it is repeated."""
    known: dict[int, Extent] = {}
    entered: set[int] = set()
    pending = [root]
    while pending:
        node = pending[-1]
        parts = _parts_of(node)
        if id(node) in known:
            pending.pop()
        elif id(node) not in entered:
            entered.add(id(node))
            waiting = [part for part in parts if id(part) not in known]
            if any(id(part) in entered for part in waiting):
                return Extent(inf, inf, inf)  # entered and not known yet: it is around this one
            pending += waiting
        else:
            extents = [known[id(part)] for part in parts]
            depth = 1 + max((each.depth for each in extents), default=0)
            known[id(node)] = Extent(depth, 1 + sum(each.parts for each in extents))
    whole = known[id(root)]
    return whole._replace(repeated=whole.parts - len(known))


def _parts_of(node: yaml.Node) -> Sequence[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else ()
