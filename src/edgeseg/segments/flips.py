"""Find the smallest changes that would flip a group of conditions. Pure.

Leaves are taken to be independent of each other, unless they are the same condition:
that one condition may stand in several places is respected, that two different ones
may ask about one fact is not.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from itertools import product
from typing import Final, NamedTuple, TypeAlias

MAX_REPEATED: Final = 5
"""Conditions in several places that are tried both ways; further ones stay as they are."""


class Leaf(NamedTuple):
    """A condition without parts.

    Attributes:
        key: equal for the same condition in several places.
        holds: None when unknown facts leave it open.
        is_lasting: whether nothing that happens can change it, such as a share of visitors.
    """

    key: Hashable
    holds: bool | None
    is_lasting: bool = False


class Group(NamedTuple):
    """Conditions joined.

    Attributes:
        of_all: whether it takes every part, else any one of them.
        inverted: whether the group holds when that is not so.
    """

    parts: tuple["Node", ...]
    of_all: bool
    inverted: bool = False


Node: TypeAlias = Leaf | Group
Flips: TypeAlias = Mapping[Hashable, bool]
"""Key of a leaf → what it must become."""


def find_flips(root: Node, *, wanted: bool) -> Flips:
    """Answer a smallest set of changes after which ``root`` is ``wanted``.

    Unknown leaves count as changed when they become known. Lasting leaves change only
    where nothing else helps. Of several smallest sets, the one that comes first in the
    tree; empty if nothing is needed, or nothing was found that helps.
    """
    leaves = {leaf.key: leaf for leaf in iterate_leaves(root)}
    lasting = frozenset(key for key, leaf in leaves.items() if leaf.is_lasting)
    found = _search(root, leaves, lasting, wanted=wanted)
    if found is None and lasting:
        found = _search(root, leaves, frozenset(), wanted=wanted)
    return {key: found[key] for key in leaves if key in found} if found else {}


def iterate_leaves(node: Node) -> Iterator[Leaf]:
    """Iterate over the leaves, in order."""
    if isinstance(node, Leaf):
        yield node
        return
    for part in node.parts:
        yield from iterate_leaves(part)


def _search(
    root: Node, leaves: Mapping[Hashable, Leaf], lasting: frozenset[Hashable], *, wanted: bool
) -> Flips | None:
    """Try the repeated leaves in every way; the others are then independent."""
    places = Counter(leaf.key for leaf in iterate_leaves(root))
    repeated = [key for key, count in places.items() if count > 1 and key not in lasting]
    kept = {key: leaves[key].holds for key in (*lasting, *repeated)}
    tried = repeated[:MAX_REPEATED]
    best: Flips | None = None
    for truths in product(*(_truths(leaves[key].holds) for key in tried)):
        settled = kept | dict(zip(tried, truths, strict=True))
        found = _reach(root, settled, wanted=wanted)
        if found is None:
            continue
        turned = {
            key: truth
            for key, truth in zip(tried, truths, strict=True)
            if truth is not None and truth is not leaves[key].holds
        }
        if best is None or len(found) + len(turned) < len(best):
            best = {**turned, **found}
    return best


def _truths(holds: bool | None) -> tuple[bool | None, ...]:  # noqa: FBT001 - the value itself
    return (holds, True, False) if holds is None else (holds, not holds)


def _reach(node: Node, settled: Mapping[Hashable, bool | None], *, wanted: bool) -> Flips | None:
    """Answer the smallest changes of leaves that are not settled, None if none will do."""
    if isinstance(node, Leaf):
        if node.key in settled:
            return {} if settled[node.key] is wanted else None
        return {} if node.holds is wanted else {node.key: wanted}
    wanted_inside = wanted != node.inverted
    ways = [_reach(part, settled, wanted=wanted_inside) for part in node.parts]
    if node.of_all == wanted_inside:
        return _joined(ways)
    return min((way for way in ways if way is not None), key=len, default=None)


def _joined(ways: list[Flips | None]) -> Flips | None:
    joined: dict[Hashable, bool] = {}
    for way in ways:
        if way is None:
            return None
        joined.update(way)
    return joined
