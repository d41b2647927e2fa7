"""Find why segments of two versions of the rules are not for the same visitors. Pure."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Final

import msgspec

from edgeseg.segments.compiler import Compiler
from edgeseg.segments.condition import FieldTest, MetricTest
from edgeseg.segments.definitions import referenced_segments
from edgeseg.segments.review import structs_in, unordered
from edgeseg.segments.rule import Definitions

CONDITION: Final = "its condition"


def find_causes(before: Definitions, after: Definitions) -> dict[str, list[str]]:
    """Answer the segments of both versions that mean something else, id → why, in words.

    A segment means something else by its own condition, by the metrics and fields that it
    asks about, by segments that it refers to, or by its exclusive group. The order of
    conditions, and how anything is called, do not count.
    """
    causes = _own_causes(before, after)
    _follow_references(causes, after)
    one_sided = before.segments.keys() ^ after.segments.keys()
    # Groups come last: a reference sees a segment before exclusion.
    changed = one_sided | {id_ for id_, found in causes.items() if found}
    for id_, found in _group_causes(before, after, changed).items():
        causes[id_] += found
    return {id_: found for id_, found in causes.items() if found}


def _own_causes(before: Definitions, after: Definitions) -> dict[str, list[str]]:
    old, new = _traits(before), _traits(after)
    return {
        id_: [what for what in new[id_] if what in old[id_] and old[id_][what] != new[id_][what]]
        for id_ in new
        if id_ in old
    }


def _traits(definitions: Definitions) -> dict[str, dict[str, Hashable]]:
    """Answer what decides on each segment's rule, in words → in comparable form."""
    compiler = Compiler(definitions)
    traits: dict[str, dict[str, Hashable]] = {}
    for id_, segment in definitions.segments.items():
        condition = segment.condition
        found: dict[str, Hashable] = {CONDITION: unordered(compiler.formula(condition))}
        for part in structs_in(condition):
            if isinstance(part, MetricTest):
                metric = definitions.metrics[part.name]
                found[f"the metric {part.name}"] = msgspec.structs.replace(metric, label="")
            elif isinstance(part, FieldTest):
                found[f"the field {part.name}"] = definitions.fields[part.name].type
        traits[id_] = found
    return traits


def _follow_references(causes: Mapping[str, list[str]], definitions: Definitions) -> None:
    """Add to the causes of each segment the changed ones that it refers to, at any depth."""
    readers: dict[str, list[str]] = defaultdict(list)
    for id_ in causes:
        for other in dict.fromkeys(referenced_segments(definitions.segments[id_].condition)):
            readers[other].append(id_)
    pending = [id_ for id_, found in causes.items() if found]
    while pending:
        other = pending.pop()
        for id_ in readers[other]:
            if not causes[id_]:
                pending.append(id_)
            causes[id_].append(f"the segment {other}")


def _group_causes(
    before: Definitions, after: Definitions, changed: Collection[str]
) -> dict[str, list[str]]:
    """Answer the segments that others of their exclusive group let hold more or less often."""
    old, new = _rivals(before), _rivals(after)
    causes: dict[str, list[str]] = {}
    for id_ in after.segments:
        if id_ not in before.segments:
            continue
        then, now = old.get(id_, ()), new.get(id_, ())
        moved = set(then) ^ set(now)
        causes[id_] = [
            f"the segment {other} of its exclusive group"
            for other in dict.fromkeys((*then, *now))
            if other in changed or other in moved
        ]
    return causes


def _rivals(definitions: Definitions) -> dict[str, Sequence[str]]:
    """Answer for each segment of an exclusive group those of it that come first."""
    groups: dict[str, list[str]] = defaultdict(list)
    for each in sorted(definitions.segments.values(), key=lambda each: (-each.priority, each.id)):
        if each.exclusive_group:
            groups[each.exclusive_group].append(each.id)
    return {id_: group[:place] for group in groups.values() for place, id_ in enumerate(group)}
