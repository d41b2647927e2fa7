"""The latest different values of a property, such as the products a visitor looked at. Pure.

In a `MetricState` three parts stand side by side, the latest value first: ``distinct`` the
values, ``recent`` when each was met last, ``amounts`` when it was met before that, 0 for
never. The result does not depend on the order in which events arrive; only of values that
had to make place, the time before is forgotten.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from edgeseg.events.event import Value
from edgeseg.profiles.profile import MetricState

Parts: TypeAlias = tuple[tuple[str, ...], tuple[int, ...], tuple[int | float, ...]]
"""Values, last instants, instants before; all of one length."""


class Met(NamedTuple):
    """When a value was met last, and before that; 0 for never, epoch milliseconds."""

    last_ms: int
    before_ms: int = 0


def latest_of(state: MetricState | None) -> dict[str, Met]:
    """Answer the values of a state, the latest first, and when each was met."""
    if state is None:
        return {}
    parts = zip(state.distinct, state.recent, state.amounts, strict=True)
    return {value: Met(last_ms, int(before)) for value, last_ms, before in parts}


def add(state: MetricState, given: Value | None, at_ms: int, keep: int) -> Parts:
    """Answer the parts with the values of one event added; of a list each counts."""
    found = latest_of(state)
    values = given if isinstance(given, list) else [given]
    for value in dict.fromkeys(str(each) for each in values if _is_name(each)):
        found[value] = _meet(found.get(value), Met(at_ms))
    return _parts(found, keep)


def join(states: Iterable[MetricState], keep: int) -> Parts:
    """Answer the parts of several states together."""
    found: dict[str, Met] = {}
    for state in states:
        for value, met in latest_of(state).items():
            found[value] = _meet(found.get(value), met)
    return _parts(found, keep)


def _is_name(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _meet(known: Met | None, met: Met) -> Met:
    if known is None:
        return met
    late, before = sorted({*known, *met} | {0}, reverse=True)[:2]
    return Met(late, before)


def _parts(found: Mapping[str, Met], keep: int) -> Parts:
    kept = sorted(found.items(), key=lambda pair: (-pair[1].last_ms, pair[0]))[:keep]
    return (
        tuple(value for value, _met in kept),
        tuple(met.last_ms for _value, met in kept),
        tuple(met.before_ms for _value, met in kept),
    )
