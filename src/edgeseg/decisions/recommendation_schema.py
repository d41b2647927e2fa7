"""The JSON Schema of recommendations."""

from edgeseg.decisions.recommendation import (
    EXCLUSIONS,
    MAX_COUNT,
    MAX_FALLBACKS,
    STRATEGIES,
)
from edgeseg.decisions.recommendation_reader import FILTERS, GROUPS
from edgeseg.segments.condition_schema import VALUE
from edgeseg.segments.json_schema import Schema, listed, mapping, name_of, one_of, told, whole


def recommendation_schema() -> Schema:
    """Answer the schema of what stands behind ``recommend``."""
    strategy = one_of(tuple(STRATEGIES))
    parts: dict[str, Schema] = {
        "strategy": told(strategy, "How products are chosen; an override may leave it out."),
        "count": told(whole(1, MAX_COUNT), "How many at most."),
        "at_least": told(whole(1, MAX_COUNT), "With fewer the fallback of the slot is shown."),
        "fallback": told(listed(strategy, 0, MAX_FALLBACKS), "What fills up the rest, in turn."),
        "segment": told(name_of("segment"), "Of popular_in_segment."),
        "where": told(
            mapping(dict.fromkeys(FILTERS, VALUE)), "Tests of the product; all must pass."
        ),
        "exclude": told(
            {**listed(one_of(tuple(EXCLUSIONS))), "uniqueItems": True},
            "What is left out; by default what was bought and what is in the cart.",
        ),
        "diversity": told(
            mapping(dict.fromkeys(GROUPS, whole(1, MAX_COUNT))),
            "How many products of one category or brand at most.",
        ),
    }
    return mapping(parts)
