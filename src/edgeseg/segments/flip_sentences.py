"""Say in plain English what would have to change for a segment to be the other way round."""

from collections.abc import Mapping, Sequence

from edgeseg.segments.condition import All, Any, Condition, NoneOf, Not, SegmentTest, ShareTest
from edgeseg.segments.describe import describe
from edgeseg.segments.flips import Group, Leaf, Node, find_flips
from edgeseg.segments.rule import Definitions

_SUBJECTS = (
    ("who ", "they "),
    ("whose ", "their "),
    ("one of whose ", "one of their "),
    ("none of whose ", "none of their "),
)


def tell_flips(
    condition: Condition,
    truths: Mapping[str, bool | None],
    definitions: Definitions,
    *,
    pinned: bool | None = None,
    rivals: Sequence[str] = (),
) -> list[str]:
    """Answer the smallest changes that would flip a segment, such as "they are on the list vip".

    Args:
        condition: all that decides on the segment.
        truths: by path, "/" for the condition, "/0/" for its first part and so on.
        definitions: those of the segment.
        pinned: whether the visitor was put in or out by hand; then the pin must go.
        rivals: segments that hold and, by their exclusive group, come before this one.
    """
    rule_holds = truths["/"] is True
    is_in = rule_holds if pinned is None else pinned
    left = [_sentence(SegmentTest(rival), definitions, becomes=False) for rival in rivals]
    if is_in and rivals:
        return left
    freed = [] if pinned is None else [f"they are no longer pinned {'in' if pinned else 'out'}"]
    if rule_holds is not is_in:
        return [*freed, *left]
    changes = _tell_changes(condition, truths, definitions, wanted=not is_in)
    return [*freed, *changes, *left] if changes else []


def _tell_changes(
    condition: Condition,
    truths: Mapping[str, bool | None],
    definitions: Definitions,
    *,
    wanted: bool,
) -> list[str]:
    leaves: dict[Condition, bool | None] = {}
    flips = find_flips(_node(condition, "/", truths, leaves), wanted=wanted)
    return [
        _sentence(leaf, definitions, becomes=flips[leaf])
        + (" (not known now)" if holds is None else "")
        for leaf, holds in leaves.items()
        if leaf in flips
    ]


def _node(
    condition: Condition,
    path: str,
    truths: Mapping[str, bool | None],
    leaves: dict[Condition, bool | None],
) -> Node:
    """Answer the tree of a condition; ``leaves`` receives its simple conditions."""
    match condition:
        case All(parts):
            of_all, inverted = True, False
        case Any(parts):
            of_all, inverted = False, False
        case NoneOf(parts):
            of_all, inverted = False, True
        case Not(inner):
            parts, of_all, inverted = (inner,), False, True
        case _:
            leaves[condition] = truths[path]
            return Leaf(condition, truths[path], is_lasting=isinstance(condition, ShareTest))
    nodes = (_node(part, f"{path}{at}/", truths, leaves) for at, part in enumerate(parts))
    return Group(tuple(nodes), of_all=of_all, inverted=inverted)


def _sentence(condition: Condition, definitions: Definitions, *, becomes: bool) -> str:
    clause = describe(condition, definitions, negated=not becomes)
    for relative, subject in _SUBJECTS:
        if clause.startswith(relative):
            return subject + clause.removeprefix(relative)
    return clause
