"""What is called impossible is impossible, and what is called certain is certain."""

from itertools import product
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from edgeseg.segments.contradiction import Logic
from edgeseg.segments.formula import AGE, FALSE, TRUE, Formula, Literal, all_of, any_of, negate
from edgeseg.segments.index import Index
from edgeseg.segments.review import settle

NOW_MS: Final = 1_000
LOGIC: Final = Logic(
    is_multi=lambda fact: fact == "list", is_count=lambda fact: fact.startswith("total.")
)
TEXTS: Final = ("a", "ab", "abc", "b", "B")
VALUES: Final = (None, 0, 1, 1.5, 2, 3, True, False, *TEXTS)
LISTS: Final = (None, [], *([one] for one in TEXTS), ["a", "b"], ["ab", "B"], [1, "a"], [0, 3])
AGES: Final = ((None, None), (5, None), (5, 5), (5, 15), (15, 15), (15, 25), (25, 25), (-5, 5))
TOTALS: Final = (0, 1, 2, 3)

numbers = st.sampled_from([0, 1, 1.5, 2, 3])
texts = st.sampled_from(TEXTS)
values = st.one_of(
    st.builds(Literal, st.just("x"), st.sampled_from(["gt", "gte", "lt", "lte"]), numbers),
    st.builds(Literal, st.just("x"), st.just("eq"), numbers | texts),
    st.builds(Literal, st.just("x"), st.just("in"), st.tuples(numbers, texts)),
    st.builds(Literal, st.just("x"), st.just("is"), st.booleans()),
    st.builds(Literal, st.just("x"), st.just("starts_with"), texts),
    st.builds(Literal, st.just("x"), st.just("glob"), st.sampled_from(["a*", "?", "*b*"])),
    st.just(Literal("x", "exists", operand=True)),
    st.builds(
        Literal, st.just("x"), st.just("eq"), texts, st.just(value=True), st.just(value=True)
    ),
    st.builds(
        Literal,
        st.just("x"),
        st.just("between"),
        st.tuples(numbers, numbers).map(lambda ends: tuple(sorted(ends))),
    ),
)
lists = values.map(lambda literal: Literal("list", literal.op, literal.operand))
ages = st.builds(
    Literal, st.sampled_from(["age.k.1", "age.k.2"]), st.just(AGE), st.sampled_from([0, 10, 20])
)
totals = st.builds(
    Literal, st.just("total.k"), st.sampled_from(["gt", "gte", "lt", "lte", "eq"]), numbers
)


def formulas(literals: st.SearchStrategy[Literal]) -> st.SearchStrategy[Formula]:
    """Answer formulas over some literals."""
    leaves: st.SearchStrategy[Formula] = st.one_of(literals, literals.map(negate))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=4).map(all_of),
            st.lists(inner, max_size=3).map(any_of),
            inner.map(negate),
        ),
        max_leaves=10,
    )


def outcomes(formula: Formula, visitors: list[dict[str, object]]) -> set[bool]:
    """Answer whether the formula holds, for each of the visitors."""
    index = Index([("it", formula)], is_multi=LOGIC.is_multi)
    return {bool(index.evaluate(facts, now_ms=NOW_MS).held) for facts in visitors}


def check(formula: Formula, visitors: list[dict[str, object]]) -> None:
    """Compare what is said of all visitors with these."""
    found = outcomes(formula, visitors)
    if LOGIC.holds_never(formula):
        assert True not in found
    if LOGIC.holds_always(formula):
        assert False not in found


@given(formulas(values | lists))
def test_nobody_meets_what_is_called_impossible(formula: Formula) -> None:
    """No value and no list makes a formula true that is said to hold never."""
    check(formula, [{"x": value, "list": several} for value, several in product(VALUES, LISTS)])


@given(formulas(ages | totals))
def test_no_history_meets_what_is_called_impossible(formula: Formula) -> None:
    """Neither does any history: the second last event is never younger than the last."""
    visitors: list[dict[str, object]] = [
        {
            "age.k.1": None if last is None else NOW_MS - last,
            "age.k.2": None if second is None else NOW_MS - second,
            "total.k": total,
        }
        for (last, second), total in product(AGES, TOTALS)
    ]
    check(formula, visitors)


@given(formulas(values), formulas(values))
def test_whoever_meets_a_formula_meets_what_it_implies(one: Formula, other: Formula) -> None:
    """There is no value for which the first holds and the second does not."""
    if LOGIC.implies(one, other):
        for value in VALUES:
            facts = [{"x": value}]
            assert outcomes(one, facts) == {False} or outcomes(other, facts) == {True}


@given(
    st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.sampled_from([0, 1, -1.5, 1e17, 2**60]), max_size=3),
)
@example(2**53 + 2, [2**53 + 1, 2**53 + 3])
@example(1e17, [5e16])
@example(0, [-1.7e308, 1.7e308])
def test_what_some_number_meets_is_not_called_impossible(
    number: float, constants: list[int | float]
) -> None:
    """However large it is, and however little room the constants leave."""
    met = [
        literal
        for each in constants
        for literal in (
            Literal("x", "gt", each, positive=number > each),
            Literal("x", "lt", each, positive=number < each),
        )
    ]
    assert not LOGIC.holds_never(all_of(met))


def test_a_search_without_end_is_given_up() -> None:
    """Too many combinations count as possible, soon."""
    clash = any_of(Literal("x", "lt", limit) for limit in (0, 1))
    choices = [
        any_of(Literal("list", "eq", f"{number}-{choice}") for choice in range(2))
        for number in range(40)
    ]
    assert LOGIC.holds_never(all_of([Literal("x", "gt", 2), *choices, clash]))
    hard_to_find = all_of([Literal("x", "gt", 2), *choices[:20], clash, *choices[20:]])
    assert not LOGIC.holds_never(hard_to_find)


def test_decided_segments_take_their_place() -> None:
    """A condition on a segment that never or always holds is as constant as the segment."""
    decided = {"nobody": FALSE, "everyone": TRUE}
    nobody = Literal("segment", "eq", "nobody")
    everyone = Literal("segment", "eq", "everyone")
    other = Literal("segment", "eq", "other")
    assert settle(all_of([everyone, nobody]), decided) == all_of([TRUE, FALSE])
    assert LOGIC.holds_never(settle(all_of([other, negate(everyone)]), decided))
    assert LOGIC.holds_always(settle(any_of([other, negate(nobody)]), decided))
    assert settle(other, decided) is other
