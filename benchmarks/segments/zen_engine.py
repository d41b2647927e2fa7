"""Contender: zen-engine (Rust), one compiled expression that lists what each segment says."""

from itertools import compress

import zen

from benchmarks.segments.attributes import flatten
from benchmarks.segments.expressions import Dialect, write
from benchmarks.segments.population import Evaluate, Facts
from edgeseg.segments.rule import Definitions

_DIALECT = Dialect("and", "or", "not", "startsWith({name}, {prefix})")
prepare = flatten


def build(definitions: Definitions) -> Evaluate:
    """Compile one expression, so that a visitor's variables are converted only once."""
    ids = list(definitions.segments)
    parts = [write(each.when, _DIALECT) for each in definitions.segments.values()]
    expression = zen.compile_expression("[" + ", ".join(parts) + "]")

    def evaluate(facts: Facts, _now_ms: int) -> list[str]:
        return list(compress(ids, expression.evaluate(facts)))

    return evaluate
