"""Content affinity: what a visitor cares about, by the weight of what they looked at.

Each event adds to the weight of its property's value, and all weights halve every
30 days. Instead of shrinking the old ones, later ones are added larger: the order
is the same, does not depend on the order of arrival, and does not change with time.
"""

from collections.abc import Iterable, Mapping
from heapq import nlargest
from typing import Final

from edgeseg.clock import DAY_MS
from edgeseg.events.event import Event

HALF_LIFE_MS: Final = 30 * DAY_MS
MAX_VALUES: Final = 32
"""Values kept of one property; the lightest goes."""
_ORIGIN_MS: Final = 1_577_836_800_000
"""2020-01-01T00:00:00Z, when the weight of an event was 1."""

Affinities = Mapping[str, dict[str, float]]


def add_affinities(
    known: Affinities, event: Event, properties: Iterable[str]
) -> dict[str, dict[str, float]]:
    """Answer the affinities with one event added.

    Args:
        known: property → value → weight.
        event: what the visitor did.
        properties: those whose values matter.
    """
    added = dict(known)
    for name in properties:
        given = event.properties.get(name)
        if given is None:
            continue
        weight = 2.0 ** ((event.at_ms - _ORIGIN_MS) / HALF_LIFE_MS)
        weights = dict(added.get(name, {}))
        for value in given if isinstance(given, list) else [given]:
            if isinstance(value, str):
                weights[value] = weights.get(value, 0.0) + weight
        if len(weights) > MAX_VALUES:
            weights = dict(nlargest(MAX_VALUES, weights.items(), key=lambda pair: pair[1]))
        if weights:
            added[name] = weights
    return added


def strongest(weights: Mapping[str, float], number: int) -> list[str]:
    """Answer the values with the most weight, the heaviest first; equal ones by name."""
    return sorted(weights, key=lambda value: (-weights[value], value))[:number]
