"""How counts are named: what is counted, of which variant, in which segment. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

MAX_SEGMENTS: Final = 20
"""Segments that one outcome is counted for: the visitor's most important ones."""
MICRO: Final = 1_000_000
"""Revenue is kept in millionths, so that it adds up exactly."""
MAX_REVENUE: Final = 10**9
"""More than this of one conversion, or less than minus this, is counted as that."""


class Kind(StrEnum):
    """What is counted."""

    SHOWN = "shown"
    """Exposures that a browser, or a server, told of."""
    SERVED = "served"
    """Fragments that held the variant."""
    CLICKED = "clicked"
    DISMISSED = "dismissed"
    CONVERSIONS = "conversions"
    """Goal events credited to the campaign."""
    REVENUE = "revenue"
    """What they earned, in millionths."""
    VISITORS = "visitors"
    """Visitors on the day they saw the variant first, or would have."""
    RESPONDERS = "responders"
    """Those of them who reached the goal within its window; counted on that same day."""


_KINDS: Final = frozenset(map(str, Kind))


class Count(NamedTuple):
    """One count; ``segment`` is "" for all visitors."""

    kind: Kind
    variant: str
    segment: str


def adds(
    amounts: Mapping[Kind, int], variant: str, segments: Sequence[str]
) -> tuple[tuple[str, int], ...]:
    """Answer field → what to add to it, for all visitors and for those of each segment."""
    return tuple(
        (f"{kind}/{variant}/{segment}", amount)
        for segment in ("", *segments[:MAX_SEGMENTS])
        for kind, amount in amounts.items()
        if amount
    )


def read_counts(days: Iterable[Mapping[str, int]]) -> dict[Count, int]:
    """Add up the counts of several days; fields that this version does not know are left out."""
    found: dict[Count, int] = {}
    for day in days:
        for field, amount in day.items():
            kind, _slash, rest = field.partition("/")
            variant, slash, segment = rest.partition("/")
            if slash and kind in _KINDS:
                count = Count(Kind(kind), variant, segment)
                found[count] = found.get(count, 0) + amount
    return found


def revenue_micros(value: object) -> int:
    """Answer an amount in millionths, 0 for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return round(max(-MAX_REVENUE, min(value, MAX_REVENUE)) * MICRO)
