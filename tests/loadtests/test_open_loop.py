"""What an open loop is made of: arrivals, shapes, who comes, and the latencies it keeps."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from loadtests.arrivals import poisson
from loadtests.latencies import Latencies, table_of
from loadtests.population import Population
from loadtests.shapes import SHAPES, Span

SPAN = Span(duration_s=100, load=50)


def test_arrivals_keep_the_rate_and_know_no_pace() -> None:
    """At 50 a second for 100 s about 5,000 come, with gaps that vary as independent ones do."""
    instants = list(poisson(Random(1), lambda _at_s: 50, 100))
    gaps = [later - earlier for earlier, later in pairwise(instants)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert len(instants) == pytest.approx(5_000, rel=0.05)
    assert deviation == pytest.approx(mean, rel=0.1)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("steady", [50, 50, 50]),
        ("ramp", [5, 27.5, 49.5]),
        ("spike", [10, 50, 10]),
        ("steps", [5, 30, 50]),
        ("soak", [35, 35, 35]),
    ],
)
def test_a_shape_gives_the_load_of_an_instant(shape: str, expected: list[float]) -> None:
    """At the beginning, in the middle, and near the end."""
    loads = [SHAPES[shape](SPAN, at_s) for at_s in (0, 50, 98.9)]
    assert loads == pytest.approx(expected, rel=0.01)


def test_few_visitors_come_often_and_many_rarely() -> None:
    """With Zipf's law the first comes about ten times as often as the tenth."""
    population = Population(Random(2), size=1_000, new_share=0.0)
    drawn = Counter(population.draw() for _ in range(50_000))
    assert drawn[0] / drawn[9] == pytest.approx(10, rel=0.2)
    assert len(drawn) > 900


def test_a_visitor_who_returns_sends_the_cookie_that_was_set() -> None:
    """A new one has none, and is not remembered."""
    population = Population(Random(3))
    population.remember(4, "edgeseg=abc; Path=/; HttpOnly")
    population.remember(None, "edgeseg=xyz; Path=/")
    assert population.cookie_of(4) == "edgeseg=abc"
    assert population.cookie_of(5) == population.cookie_of(None) == ""


def test_latencies_are_finer_than_milliseconds() -> None:
    """Percentiles are right within one in a hundred, whatever their size."""
    latencies = Latencies()
    for number in range(1, 10_001):
        latencies.add(number / 1_000)
    assert latencies.percentile_ms(0.5) == pytest.approx(5.0, rel=0.01)
    assert latencies.percentile_ms(0.999) == pytest.approx(9.99, rel=0.01)
    assert latencies.percentile_ms(1.0) == pytest.approx(10.0, rel=0.01)
    assert len(latencies.counts) < 1_000


def test_latencies_of_several_names_add_up() -> None:
    """The row of all is made of the others."""
    one, other = Latencies(), Latencies()
    one.add(1.0)
    other.add(3.0)
    rows = table_of([("one", one), ("all", one + other)])
    assert [row[1] for row in rows[1:]] == ["1", "2"]
    assert rows[2][-1] == "3.00"
    assert Latencies().percentile_ms(0.99) == 0.0
