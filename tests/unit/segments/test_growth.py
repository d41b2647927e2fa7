"""Ten times as many rules take ten times as much memory and work, not a hundred times."""

import cProfile
import gc
import tracemalloc
from collections.abc import Callable
from functools import partial

import pytest

from edgeseg.segments.formula import AGE, BETWEEN, Formula, Literal, all_of
from edgeseg.segments.index import Index
from edgeseg.segments.rule_files import RuleReader

FEW, MANY = 400, 4_000
LINEAR = 1.5 * MANY / FEW
"""Growth that is still called linear: tables of masks, hash tables and bit sets have steps."""
RULES: dict[str, Callable[[int], Formula]] = {
    "thresholds": lambda n: Literal("fact", "gte", n),
    "spans": lambda n: Literal("fact", BETWEEN, (n, n + 5_000)),
    "texts": lambda n: Literal("fact", "eq", f"text {n}"),
    "lists of texts": lambda n: Literal("fact", "in", (f"text {n}", f"text {n + 1}", "all")),
    "complements of texts": lambda n: Literal("fact", "eq", f"text {n}", positive=False),
    "prefixes": lambda n: Literal("fact", "starts_with", f"/page/{n:05}"),
    "ages": lambda n: Literal("fact", AGE, n * 1_000),
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


@pytest.mark.parametrize("kind", ["spans", "lists of texts", "ages", "both of two"])
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
    """Any value is found by as many calls; only the rules that hold are listed one by one."""
    few, many = _build(RULES[kind], FEW), _build(RULES[kind], MANY)
    for value in VALUES:
        if kind == "ages":
            found = [_calls(partial(each._ages.raise_by, [9], 99)) for each in (few, many)]
        else:
            found = [
                _calls(partial(each._others.raise_by, {"fact": value}, None))
                for each in (few, many)
            ]
        assert found[0] == found[1]


def test_texts_of_rules_do_not_keep_the_memory_of_the_nodes() -> None:
    """They are copies, and equal ones are one, so that what a file was read into can go."""
    reader = RuleReader("", [])
    document = reader.document("[a text that is long enough, a text that is long enough]")
    assert document is not None
    nodes = reader.sequence(document)
    one, other = (reader.text(node) for node in nodes)
    assert one is other
    assert all(one is not node.value for node in nodes)


def test_an_index_is_freed_without_the_garbage_collector() -> None:
    """Rules are kept from the collector, so that no part of an index may lead back to itself."""
    gc.collect()
    gc.disable()
    try:
        before = _parts()
        for rule in RULES.values():
            index = _build(rule, FEW)
            index.evaluate({"fact": VALUES[0]})
        del index
        assert _parts() == before
    finally:
        gc.enable()


def _parts() -> int:
    kinds = (str(type(each).__module__) for each in gc.get_objects())
    return sum(kind.startswith("edgeseg.segments") for kind in kinds)
