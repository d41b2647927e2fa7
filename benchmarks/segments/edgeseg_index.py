"""Contender: edgeseg's own index, through the one evaluator."""

from benchmarks.segments.population import Evaluate, Facts
from edgeseg.segments import facts as evaluated
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.evaluator import Evaluator
from edgeseg.segments.rule import Definitions


def build(definitions: Definitions) -> Evaluate:
    """Compile the segments as the service does."""
    compiler = Compiler(definitions)
    rules = {each.id: compiler.formula(each.when) for each in definitions.segments.values()}
    evaluator = Evaluator(rules, is_multi=compiler.is_multi)
    evaluator.prepare()

    def evaluate(facts: Facts, now_ms: int) -> list[str]:
        return evaluator.evaluate(evaluated.Facts(facts, None, None), now_ms).held

    return evaluate
