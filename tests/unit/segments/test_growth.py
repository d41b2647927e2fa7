"""Ten times as many rules on one fact make the index ten times as large, not a hundred times."""

import cProfile
import tracemalloc
from collections.abc import Callable

import pytest

from edgeseg.segments.formula import AGE, BETWEEN, Formula, Literal, all_of, any_of
from edgeseg.segments.index import Index

FEW, MANY = 1_000, 10_000
LINEAR = 1.5 * MANY / FEW
"""Growth that is still called linear: tables of masks, hash tables and bit sets have steps."""
RULES: dict[str, Callable[[int], Formula]] = {
    "thresholds": lambda n: Literal("fact", "gte", n),
    "thresholds from above": lambda n: Literal("fact", "lt", n + 0.5),
    "complements of thresholds": lambda n: Literal("fact", "gt", n, positive=False),
    "spans": lambda n: Literal("fact", BETWEEN, (n, n + 5_000)),
    "numbers": lambda n: Literal("fact", "eq", n),
    "texts": lambda n: Literal("fact", "eq", f"text {n}"),
    "lists of texts": lambda n: Literal("fact", "in", (f"text {n}", f"text {n + 1}", "all")),
    "complements of texts": lambda n: Literal("fact", "eq", f"text {n}", positive=False),
    "prefixes": lambda n: Literal("fact", "starts_with", f"/page/{n:05}"),
    "ages": lambda n: Literal("fact", AGE, n * 1_000),
    "either of two": lambda n: any_of((Literal("fact", "gte", n), Literal("fact", "lt", -n))),
    "both of two": lambda n: all_of((Literal("fact", "gte", n), Literal("fact", "lt", n + 9))),
}
VALUES = (5_000, 2.5, "text 77", "/page/00012/more", "nothing like it", True)


def _build(rule: Callable[[int], Formula], number: int) -> Index[int]:
    index = Index([(n, rule(n)) for n in range(number)])
    index.prepare()
    return index


def _peak_bytes(rule: Callable[[int], Formula], number: int) -> int:
    tracemalloc.start()
    try:
        _build(rule, number)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _calls(work: Callable[[], object]) -> int:
    profile = cProfile.Profile()
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("kind", RULES)
def test_memory_grows_with_the_rules_not_with_their_square(kind: str) -> None:
    """The most that is in use at any time while the index is built."""
    rule = RULES[kind]

    assert _peak_bytes(rule, MANY) <= LINEAR * _peak_bytes(rule, FEW)


@pytest.mark.parametrize("kind", RULES)
def test_work_grows_with_the_rules_not_with_their_square(kind: str) -> None:
    """Function calls, which a loaded machine does not change."""
    rule = RULES[kind]

    assert _calls(lambda: _build(rule, MANY)) <= LINEAR * _calls(lambda: _build(rule, FEW))


@pytest.mark.parametrize("kind", RULES)
def test_a_look_up_does_not_grow_with_the_rules(kind: str) -> None:
    """Another value, of a type that the fact may have, is found by as many calls."""
    values = [1_234_567] if kind == "ages" else VALUES
    few, many = _build(RULES[kind], FEW), _build(RULES[kind], MANY)

    for value in values:
        facts = {"fact": value}
        # The rules that hold are listed one by one, which is the answer and not the look-up.
        assert _calls(lambda: many._look_up(facts, None)) == _calls(  # noqa: B023
            lambda: few._look_up(facts, None)  # noqa: B023
        )
