"""Contender: rule-engine, a parsed rule per segment."""

import rule_engine

from benchmarks.segments.attributes import flatten
from benchmarks.segments.expressions import Dialect, write
from benchmarks.segments.population import Evaluate, Facts
from edgeseg.segments.rule import Definitions

_DIALECT = Dialect("and", "or", "not", "{name}.starts_with({prefix})")
prepare = flatten


def build(definitions: Definitions) -> Evaluate:
    """Parse every segment."""
    context = rule_engine.Context()
    rules = [
        (each.id, rule_engine.Rule(write(each.when, _DIALECT), context=context))
        for each in definitions.segments.values()
    ]

    def evaluate(facts: Facts, _now_ms: int) -> list[str]:
        return [id_ for id_, rule in rules if rule.matches(facts)]

    return evaluate
