"""Contender: common-expression-language (CEL in Rust), a compiled program per segment."""

import cel

from benchmarks.segments.attributes import flatten
from benchmarks.segments.expressions import Dialect, write
from benchmarks.segments.population import Evaluate, Facts
from edgeseg.segments.rule import Definitions

_DIALECT = Dialect("&&", "||", "!", "{name}.startsWith({prefix})")
prepare = flatten


def build(definitions: Definitions) -> Evaluate:
    """Compile every segment; its variables are converted once per visitor."""
    programs = [
        (each.id, cel.compile(write(each.when, _DIALECT))) for each in definitions.segments.values()
    ]

    def evaluate(facts: Facts, _now_ms: int) -> list[str]:
        context = cel.Context(facts)
        return [id_ for id_, program in programs if program.execute(context)]

    return evaluate
