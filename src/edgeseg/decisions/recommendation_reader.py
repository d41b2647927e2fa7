"""Read what a variant, slot or override recommends."""

from collections.abc import Mapping
from typing import Final

import msgspec
import yaml

from edgeseg.decisions.recommendation import (
    EXCLUSIONS,
    FALLBACK,
    MAX_COUNT,
    MAX_FALLBACKS,
    POPULAR_IN_SEGMENT,
    RECENTLY_VIEWED,
    STRATEGIES,
    Recommendation,
)
from edgeseg.segments.condition import All, Condition, SegmentTest, Where
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.test_reader import TestReader

PARTS: Final = (
    "strategy", "count", "at_least", "fallback", "segment", "where", "exclude", "diversity",
)  # fmt: skip
FILTERS: Final = {
    "id": "text",
    "name": "text",
    "category": "text",
    "brand": "text",
    "currency": "text",
    "price": "number",
    "in_stock": "boolean",
}
"""Fields of a product that may be asked about → their type."""
GROUPS: Final = ("category", "brand")
"""Fields of which diversity may be asked."""
_NONE: Final = Recommendation(strategy="")


class RecommendationReader:
    """Reads the recommendations of one file."""

    def __init__(self, conditions: ConditionReader) -> None:
        """Check names of segments by ``conditions``."""
        self._conditions = conditions
        self._reader = conditions.reader
        self._tests = TestReader(conditions.reader)

    def recommendation(
        self, node: yaml.Node, *, base: Recommendation | None = None, segment: str = ""
    ) -> Recommendation:
        """Read one.

        Args:
            node: what stands behind ``recommend``.
            base: whose parts count where this has none, for overrides.
            segment: of `POPULAR_IN_SEGMENT` where none is named.
        """
        reader = self._reader
        parts = reader.mapping(node, PARTS, () if base else ("strategy",))
        known = base or _NONE
        strategy = known.strategy
        if "strategy" in parts:
            strategy = reader.one_of(parts["strategy"], STRATEGIES)
        count = self._count(parts.get("count"), known.count, MAX_COUNT)
        found = Recommendation(
            strategy=strategy,
            count=count,
            at_least=self._count(parts.get("at_least"), min(known.at_least, count), count),
            fallback=self._fallback(parts, strategy, base),
            segment=segment or known.segment,
            where=reader.attempt(self._where, parts.get("where"), known.where),
            exclude=reader.attempt(self._exclusions, parts.get("exclude"), known.exclude),
            diversity=reader.attempt(self._diversity, parts.get("diversity"), known.diversity),
        )
        if "segment" in parts:
            named = self._conditions.segment_reference(parts["segment"]).segment
            found = msgspec.structs.replace(found, segment=named)
        if POPULAR_IN_SEGMENT in found.strategies and not found.segment:
            hint = "name it: `segment: ID`"
            raise reader.fail(node, "popular in which segment?", hint)
        return found

    def _count(self, node: yaml.Node | None, none: int, high: int) -> int:
        return self._reader.integer(node, low=1, high=high) if node else none

    def _fallback(
        self, parts: Mapping[str, yaml.Node], strategy: str, base: Recommendation | None
    ) -> tuple[str, ...]:
        node = parts.get("fallback")
        if node is None:
            if base and "strategy" not in parts:
                return base.fallback
            return () if strategy == RECENTLY_VIEWED else FALLBACK
        named = tuple(self._reader.one_of(part, STRATEGIES) for part in self._reader.sequence(node))
        if len(named) > MAX_FALLBACKS:
            raise self._reader.fail(node, f"at most {MAX_FALLBACKS} strategies to fall back to")
        return named

    def _where(self, node: yaml.Node) -> Where:
        parts = self._reader.mapping(node, FILTERS)
        return tuple(
            (name, self._tests.value_or_tests(part, FILTERS[name])) for name, part in parts.items()
        )

    def _exclusions(self, node: yaml.Node) -> tuple[str, ...]:
        return tuple(self._reader.one_of(part, EXCLUSIONS) for part in self._reader.sequence(node))

    def _diversity(self, node: yaml.Node) -> tuple[tuple[str, int], ...]:
        parts = self._reader.mapping(node, GROUPS)
        return tuple((name, self._count(part, 1, MAX_COUNT)) for name, part in parts.items())


def segment_of(audience: Condition) -> str:
    """Answer the segment that an audience is, or is part of; "" where there is not just one."""
    match audience:
        case SegmentTest(segment):
            return segment
        case All(conditions):
            named = [each.segment for each in conditions if isinstance(each, SegmentTest)]
            return named[0] if len(named) == 1 else ""
    return ""
