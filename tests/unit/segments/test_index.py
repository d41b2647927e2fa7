"""The index against a naive interpreter of formulas, under three-valued logic."""

import operator
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeAlias

from hypothesis import example, given
from hypothesis import strategies as st

from edgeseg.segments.formula import (
    AGE,
    FALSE,
    PRESENCE,
    TRUE,
    And,
    Formula,
    Literal,
    Or,
    all_of,
    any_of,
    negate,
)
from edgeseg.segments.index import Evaluation, Index, Recall
from edgeseg.segments.tables import MEMO_SIZE, UNKNOWN

NOW_MS = 1_770_000_000_000
Truth: TypeAlias = bool | None
"""None: unknown."""

MULTI = ("tags", "segment")
SINGLE = ("country", "visits", "mixed")
AGED = ("order_at", "view_at")
SEVERAL_AGED = "booked_at"

SCALARS = st.one_of(
    st.sampled_from(["", "a", "ab", "abc", "b", "1"]),
    st.integers(-2, 4),
    st.sampled_from([0.5, 1.0, 2.5]),
    st.booleans(),
)
CONSTANTS = SCALARS.filter(lambda value: not isinstance(value, bool))
NUMBERS = st.one_of(st.integers(-2, 4), st.sampled_from([0.5, 1.0, 2.5]))
AGES_MS = st.integers(0, 6)


TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "starts_with": str.startswith,
    "glob": fnmatchcase,
}
NUMBER_TESTS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


class Visit(NamedTuple):
    """What one evaluation is asked with."""

    facts: dict[str, object]
    absent: object
    undecided: dict[str, list[str]]


def interpret(formula: Formula, visit: Visit, now_ms: int) -> Truth:
    """Answer the truth of ``formula`` in the most obvious way."""
    match formula:
        case And(parts):
            truths = [interpret(part, visit, now_ms) for part in parts]
            return False if False in truths else None if None in truths else True
        case Or(parts):
            truths = [interpret(part, visit, now_ms) for part in parts]
            return True if True in truths else None if None in truths else False
        case Literal():
            truth = truth_of(formula, visit, now_ms)
            return truth if truth is None or formula.positive else not truth


def truth_of(literal: Literal, visit: Visit, now_ms: int) -> Truth:
    """Answer whether the test of ``literal`` passes, whatever its sign."""
    value = visit.facts.get(literal.fact, visit.absent)
    if value is UNKNOWN:
        return None
    values = [] if value is None else value if isinstance(value, list) else [value]
    if any(passes(literal, each, now_ms) for each in values):
        return True
    open_ends = visit.undecided.get(literal.fact, [])
    return None if any(passes(literal, each, now_ms) for each in open_ends) else False


def passes(literal: Literal, value: object, now_ms: int) -> bool:
    """Answer whether one present value passes the test of ``literal``."""
    op, operand = literal.op, literal.operand
    if op == "exists":
        return True
    if op in {"eq", "is", "in"}:
        constants = operand if isinstance(operand, tuple) else (operand,)
        return any(
            isinstance(value, bool) == isinstance(constant, bool) and value == constant
            for constant in constants
        )
    if op in TEXT_TESTS:
        return isinstance(value, str) and TEXT_TESTS[op](value, str(operand))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if op == AGE:
        low, high = operand if isinstance(operand, tuple) else (float("-inf"), operand)
        return low <= now_ms - int(value) < high  # type: ignore[operator]
    return bool(NUMBER_TESTS[op](value, operand))


def literals_of(formula: Formula) -> list[Literal]:
    """Answer the leaves of ``formula``."""
    if isinstance(formula, Literal):
        return [formula]
    return [leaf for part in formula.parts for leaf in literals_of(part)]


def literals() -> st.SearchStrategy[Formula]:
    """Make literals of every kind."""
    facts = st.sampled_from(SINGLE + MULTI)
    tests = st.one_of(
        st.tuples(st.just("eq"), CONSTANTS),
        st.tuples(st.just("is"), st.booleans()),
        st.tuples(st.just("in"), st.lists(CONSTANTS, max_size=3).map(tuple)),
        st.tuples(st.sampled_from(["gt", "gte", "lt", "lte"]), NUMBERS),
        st.tuples(st.just("starts_with"), st.sampled_from(["", "a", "ab"])),
        st.tuples(st.just("glob"), st.sampled_from(["*", "a?", "a*", "?"])),
        st.tuples(st.just("exists"), st.just(value=True)),
    )
    plain = st.builds(
        lambda fact, test, positive: Literal(fact, *test, positive), facts, tests, st.booleans()
    )
    ages = st.builds(
        Literal, st.sampled_from([*AGED, SEVERAL_AGED]), st.just(AGE), AGES_MS, st.booleans()
    )
    spans = st.lists(AGES_MS, min_size=2, max_size=2, unique=True).map(sorted).map(tuple)
    between = st.builds(Literal, st.just(SEVERAL_AGED), st.just(AGE), spans, st.booleans())
    return st.one_of(plain, plain, ages, between)


FORMULAS: st.SearchStrategy[Formula] = st.recursive(
    st.one_of(literals(), literals(), st.sampled_from([TRUE, FALSE])),
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=4).map(all_of),
        st.lists(parts, min_size=1, max_size=4).map(any_of),
        st.lists(parts, max_size=3).map(lambda each: And(tuple(each))),
        st.lists(parts, max_size=3).map(lambda each: Or(tuple(each))),
        parts.map(negate),
    ),
    max_leaves=12,
)
RULES = st.lists(FORMULAS, max_size=12)

SINGLE_VALUES = st.one_of(SCALARS, st.sampled_from([None, UNKNOWN]))
MULTI_VALUES = st.one_of(st.lists(SCALARS, max_size=3), SCALARS, st.sampled_from([None, UNKNOWN]))
AGED_VALUES = st.one_of(st.integers(NOW_MS - 8, NOW_MS + 3), st.sampled_from([None, UNKNOWN]))
VISITS = st.builds(
    Visit,
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(SINGLE, SINGLE_VALUES)
        | dict.fromkeys(MULTI, MULTI_VALUES)
        | dict.fromkeys(AGED, AGED_VALUES)
        | {
            SEVERAL_AGED: st.one_of(
                st.lists(st.integers(NOW_MS - 8, NOW_MS + 3), max_size=3),
                st.sampled_from([None, UNKNOWN]),
            )
        },
    ),
    st.sampled_from([None, UNKNOWN]),
    st.dictionaries(st.sampled_from(MULTI), st.lists(st.sampled_from(["a", "b", "1"]), max_size=2)),
)


def index_of(formulas: Sequence[Formula]) -> Index[int]:
    """Answer an index whose keys are positions in ``formulas``."""
    return Index(list(enumerate(formulas)), is_multi={*MULTI, SEVERAL_AGED}.__contains__)


def outcome_of(
    formulas: Sequence[Formula], visit: Visit, now_ms: int
) -> tuple[list[int], list[int]]:
    """Answer what holds and what is undecided by the naive interpreter."""
    truths = [interpret(formula, visit, now_ms) for formula in formulas]
    return (
        [key for key, truth in enumerate(truths) if truth is True],
        [key for key, truth in enumerate(truths) if truth is None],
    )


@given(RULES, VISITS)
@example([Literal("tags", "eq", "a", positive=False)], Visit({"tags": ["b", "a"]}, None, {}))
@example([negate(Literal("segment", "eq", "a"))], Visit({"segment": []}, None, {"segment": ["a"]}))
def test_the_index_agrees_with_a_naive_interpreter(formulas: list[Formula], visit: Visit) -> None:
    """What holds and what unknown facts leave open is right, in the order of the rules."""
    found = index_of(formulas).evaluate(
        visit.facts, now_ms=NOW_MS, absent=visit.absent, undecided=visit.undecided
    )
    assert (found.held, found.undecided) == outcome_of(formulas, visit, NOW_MS)


@given(RULES, st.lists(VISITS, min_size=2, max_size=5))
def test_an_evaluation_leaves_nothing_behind(formulas: list[Formula], visits: list[Visit]) -> None:
    """One index answers for one visitor after the other, remembered values and all."""
    index = index_of(formulas)
    index.prepare()
    for visit in (*visits, *visits):
        found = index.evaluate(
            visit.facts, now_ms=NOW_MS, absent=visit.absent, undecided=visit.undecided
        )
        assert (found.held, found.undecided) == outcome_of(formulas, visit, NOW_MS)


@given(RULES, VISITS)
def test_the_change_instant_is_when_the_next_age_test_changes(
    formulas: list[Formula], visit: Visit
) -> None:
    """Time alone changes nothing before ``change_ms``, and no later instant would do."""
    index = index_of(formulas)
    found = index.evaluate(
        visit.facts, now_ms=NOW_MS, absent=visit.absent, undecided=visit.undecided
    )
    assert found.change_ms == next_flip_ms(formulas, visit.facts)
    last_ms = NOW_MS + 20 if found.change_ms is None else found.change_ms - 1
    assert outcome_of(formulas, visit, last_ms) == (found.held, found.undecided)


def next_flip_ms(formulas: Sequence[Formula], facts: Mapping[str, object]) -> int | None:
    """Answer when the first of the ages that are asked about is reached."""
    flips = []
    for literal in (leaf for formula in formulas for leaf in literals_of(formula)):
        if literal.op == AGE:
            value, operand = facts.get(literal.fact), literal.operand
            instants = value if isinstance(value, list) else [value]
            ages_ms = operand if isinstance(operand, tuple) else (operand,)
            flips += [
                at_ms + int(age_ms)
                for at_ms in instants
                if isinstance(at_ms, int)
                for age_ms in ages_ms
                if NOW_MS - at_ms < int(age_ms)
            ]
    return min(flips, default=None)


@given(st.lists(FORMULAS, min_size=1, max_size=6), VISITS)
def test_a_complement_is_exact(formulas: list[Formula], visit: Visit) -> None:
    """Of a formula and its complement exactly one holds, unless both are undecided."""
    both = [*formulas, *map(negate, formulas)]
    found = index_of(both).evaluate(
        visit.facts, now_ms=NOW_MS, absent=visit.absent, undecided=visit.undecided
    )
    for key in range(len(formulas)):
        held = {key, key + len(formulas)}.intersection(found.held)
        open_ends = {key, key + len(formulas)}.intersection(found.undecided)
        assert (len(held), len(open_ends)) in {(1, 0), (0, 2)}


def test_what_is_remembered_of_ages_is_good_until_the_next_one_is_reached() -> None:
    """Then it is looked at again, as it is with another instant, and when the clock goes back."""
    index = index_of([Literal("view_at", AGE, 10), Literal("view_at", AGE, 20)])
    recall = Recall[int]()
    for age_ms, view_ms, held, change_ms in (
        (0, NOW_MS, [0, 1], 10),
        (9, NOW_MS, [0, 1], 10),
        (10, NOW_MS, [1], 20),
        (20, NOW_MS, [], None),
        (5, NOW_MS, [0, 1], 10),
        (30, NOW_MS, [], None),
        (30, NOW_MS + 15, [1], 35),
    ):
        found = index.evaluate({"view_at": view_ms}, now_ms=NOW_MS + age_ms, recall=recall)
        expected_ms = None if change_ms is None else NOW_MS + change_ms
        assert (found.held, found.change_ms) == (held, expected_ms)


def test_many_thresholds_on_one_fact_are_all_right() -> None:
    """A fact with more thresholds than whole masks answers right on and between each two."""
    operators = ("gt", "gte", "lt", "lte")
    formulas = [
        Literal("visits", operators[threshold % 4], threshold, positive=threshold % 3 > 0)
        for threshold in range(520)
    ]
    index = index_of(formulas)
    for doubled in range(-1, 1_042):
        value = doubled / 2
        found = index.evaluate({"visits": value})
        assert found.held == outcome_of(formulas, Visit({"visits": value}, None, {}), 0)[0]


def test_many_ages_of_one_instant_are_all_right() -> None:
    """So does an instant with more ages than whole masks, with the change of each."""
    formulas = [Literal("view_at", AGE, age_ms, positive=age_ms % 3 > 0) for age_ms in range(520)]
    index = index_of(formulas)
    for age_ms in range(522):
        visit = Visit({"view_at": NOW_MS - age_ms}, None, {})
        found = index.evaluate(visit.facts, now_ms=NOW_MS)
        assert found.held == outcome_of(formulas, visit, NOW_MS)[0]
        assert found.change_ms == (NOW_MS + 1 if age_ms < 519 else None)


def test_more_values_than_are_remembered_are_all_right() -> None:
    """A fact with very many values neither grows without bound nor answers wrong."""
    formulas = [
        Literal("visits", "in", tuple(range(0, 3 * MEMO_SIZE, 3))),
        Literal("visits", "gte", MEMO_SIZE, positive=False),
        Literal("country", "glob", "*7"),
    ]
    index = index_of(formulas)
    for number in range(2 * MEMO_SIZE):
        visit = Visit({"visits": number, "country": f"x{number}"}, None, {})
        assert index.evaluate(visit.facts).held == outcome_of(formulas, visit, 0)[0]


def test_a_list_where_one_value_is_asked_for_is_of_another_type() -> None:
    """As stored before its field became text: it is there, and complements stay exact."""
    tests = [Literal("plan", "eq", "a"), Literal("plan", "starts_with", "b")]
    formulas: list[Formula] = [*tests, *map(negate, tests), Literal("plan", PRESENCE, operand=True)]
    either: list[Formula] = [any_of((each, Literal("vip", "eq", "x"))) for each in formulas]
    index = Index([*enumerate([*formulas, *either])])
    for several in (["a", "b"], ["a"]):
        assert index.evaluate({"plan": several}).held == [2, 3, 4, 7, 8, 9]
    assert index.evaluate({"plan": []}).held == index.evaluate({}).held == [2, 3, 7, 8]


def test_no_rules_answer_nothing() -> None:
    """An index over no rules is valid."""
    assert index_of([]).evaluate({"country": "cz"}) == Evaluation([], [], None)
