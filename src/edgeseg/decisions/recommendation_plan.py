"""What has to be known of a visitor to recommend, compiled with the rules."""

from collections.abc import Iterator
from typing import Final

from edgeseg.decisions.campaign import Override, Slot, Variant
from edgeseg.decisions.campaign_reader import Placements
from edgeseg.decisions.recommendation import (
    CATEGORY,
    POPULAR_IN_SEGMENT,
    REMEMBERED,
    Recommendation,
    Remembered,
)
from edgeseg.segments.compiler import Compiler

MAX_SEGMENTS: Final = 50
"""Segments in which it is counted what is popular; the first by their ids."""


def plan_recommendations(
    placements: Placements, compiler: Compiler
) -> tuple[Remembered | None, tuple[str, ...]]:
    """Answer where profiles tell of products, and the segments whose favourites are counted.

    Where nothing is recommended, nothing is remembered.
    """
    wanted = list(_recommendations(placements))
    if not wanted:
        return None, ()
    compiler.need_affinity(CATEGORY)
    keys = {name: compiler.latest_values(*what) for name, what in REMEMBERED.items()}
    segments = {each.segment for each in wanted if POPULAR_IN_SEGMENT in each.strategies}
    return Remembered(**keys), tuple(sorted(segments)[:MAX_SEGMENTS])


def _recommendations(placements: Placements) -> Iterator[Recommendation]:
    variants = [each for campaign in placements.campaigns.values() for each in campaign.variants]
    overrides = [each for variant in variants for each in variant.overrides]
    parts: list[Slot | Variant | Override] = [*placements.slots.values(), *variants, *overrides]
    for part in parts:
        if part.recommend is not None:
            yield part.recommend
