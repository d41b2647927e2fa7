"""Changes that arrive in any order: the latest by its own time wins. Pure.

What was set when is kept beside what was set, in as few bytes as will do, so that a late
change loses also after a compaction.
"""

from collections.abc import Iterable, Mapping
from heapq import nlargest
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from edgeseg.events.event import Value

MAX_CHANGES: Final = 5
"""Changes remembered of one purpose, the current one included."""
MAX_PURPOSES: Final = 20
"""Purposes that a request may name, and that a profile remembers."""
MAX_REMOVED: Final = 32
"""Removed attributes whose instant is remembered; the oldest goes first."""

ConsentState: TypeAlias = Literal["granted", "denied", "revoked", "expired"]


class ConsentChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the visitor said about one purpose, once.

    Attributes:
        granted: whether they agreed.
        at_ms: when they said it.
        source: who noted it, such as ``cookie``, ``tcf`` or ``server``; "" where unknown.
    """

    granted: bool
    at_ms: int
    source: str = ""


Consents: TypeAlias = Mapping[str, tuple[ConsentChange, ...]]
"""Purpose → its latest changes, newest first."""


def add_consents(
    known: Consents, changes: Iterable[tuple[str, ConsentChange]]
) -> dict[str, tuple[ConsentChange, ...]]:
    """Answer ``known`` with ``changes`` in their places in time; a denial wins a tie.

    Of neighbours that say the same the earlier goes, but the latest of all stays, since
    its instant decides how long it is good. Beyond `MAX_PURPOSES` those go that were never
    denied, the oldest first, and only then others.
    """
    merged = dict(known)
    for purpose, change in changes:
        told = sorted((*merged.get(purpose, ()), change), key=_by_time, reverse=True)
        kept = [
            each
            for place, each in enumerate(told)
            if not place or each.granted != told[place - 1].granted
        ]
        merged[purpose] = tuple(kept[:MAX_CHANGES])
    if len(merged) > MAX_PURPOSES:
        stay = set(nlargest(MAX_PURPOSES, merged, key=lambda each: _weight(each, merged[each])))
        merged = {purpose: merged[purpose] for purpose in merged if purpose in stay}
    return merged


def _weight(purpose: str, changes: tuple[ConsentChange, ...]) -> tuple[bool, int, str]:
    """Answer how much a purpose is worth keeping.

    It only ever grows with what is learned, so the order of arrival does not matter.
    """
    return any(not each.granted for each in changes), changes[0].at_ms, purpose


def _by_time(change: ConsentChange) -> tuple[int, bool, str]:
    return change.at_ms, not change.granted, change.source


def consent_state(
    changes: tuple[ConsentChange, ...], *, now_ms: int, valid_ms: int
) -> ConsentState:
    """Answer where a purpose stands.

    Args:
        changes: of this purpose, newest first, at least one.
        now_ms: the instant of the question.
        valid_ms: how long a grant is good, 0 for ever.
    """
    current = changes[0]
    if not current.granted:
        return "revoked" if len(changes) > 1 else "denied"
    if valid_ms and now_ms >= current.at_ms + valid_ms:
        return "expired"
    return "granted"


def consents_at(known: Consents, *, now_ms: int, valid_ms: int = 0) -> dict[str, bool]:
    """Answer purpose → granted, without grants that have expired."""
    return {
        purpose: changes[0].granted
        for purpose, changes in known.items()
        if not (changes[0].granted and valid_ms and now_ms >= changes[0].at_ms + valid_ms)
    }


def consents_end_ms(known: Consents, *, now_ms: int, valid_ms: int) -> int:
    """Answer when the first of the grants in force expires, epoch ms; 0 for never."""
    if not valid_ms:
        return 0
    ends_ms = (changes[0].at_ms + valid_ms for changes in known.values() if changes[0].granted)
    return min((end_ms for end_ms in ends_ms if end_ms > now_ms), default=0)


class Attributes(NamedTuple):
    """Attributes and when they were set.

    Attributes:
        values: field → value, the longest unchanged first.
        set_ms: runs of ``values`` that were set together, as (instant, how many).
        removed_ms: field → when it was removed.
    """

    values: dict[str, Value]
    set_ms: tuple[tuple[int, int], ...]
    removed_ms: dict[str, int]


def set_attributes(known: Attributes, changes: Mapping[str, Value], at_ms: int) -> Attributes:
    """Answer ``known`` with what ``changes`` set at ``at_ms``; an empty list removes.

    Of changes of one instant the one folded later wins.
    """
    if not known.values and not known.removed_ms and [] not in changes.values():
        return Attributes(dict(changes), ((at_ms, len(changes)),) if changes else (), {})
    instants = _instants(known)
    values = dict(known.values)
    removed = dict(known.removed_ms)
    for name, value in changes.items():
        if at_ms < max(instants.get(name, at_ms), removed.get(name, at_ms)):
            continue
        values.pop(name, None)
        instants.pop(name, None)
        removed.pop(name, None)
        if value == []:
            removed[name] = at_ms
        else:
            values[name], instants[name] = value, at_ms
    return _pack(values, instants, removed)


def join_attributes(one: Attributes, other: Attributes) -> Attributes:
    """Answer both, of each field the later; on a tie that of ``one``, but a removal first."""
    instants, others = _instants(one), _instants(other)
    removed = dict(one.removed_ms)
    for name, at_ms in other.removed_ms.items():
        removed[name] = max(at_ms, removed.get(name, at_ms))
    values = dict(one.values)
    for name, at_ms in others.items():
        if name not in instants or at_ms > instants[name]:
            values[name], instants[name] = other.values[name], at_ms
    for name, at_ms in list(removed.items()):
        if name not in instants:
            continue
        if instants[name] > at_ms:
            del removed[name]
        else:
            del values[name], instants[name]
    return _pack(values, instants, removed)


def _instants(known: Attributes) -> dict[str, int]:
    names = iter(known.values)
    found = {next(names): at_ms for at_ms, count in known.set_ms for _ in range(count)}
    return found | dict.fromkeys(names, 0)


def _pack(
    values: Mapping[str, Value], instants: Mapping[str, int], removed: Mapping[str, int]
) -> Attributes:
    order = sorted(values, key=instants.__getitem__)
    runs: list[tuple[int, int]] = []
    for name in order:
        at_ms = instants[name]
        if runs and runs[-1][0] == at_ms:
            runs[-1] = (at_ms, runs[-1][1] + 1)
        else:
            runs.append((at_ms, 1))
    latest = sorted(removed.items(), key=lambda pair: pair[1])[-MAX_REMOVED:]
    return Attributes({name: values[name] for name in order}, tuple(runs), dict(latest))
