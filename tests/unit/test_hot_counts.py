"""Counting: what is added up, and into which bucket a duration falls."""

from time import perf_counter

import pytest

from edgeseg.hot_counts import BUCKETS_S, Count, Counts, Durations, Route


def test_an_answer_is_counted_by_its_status_with_its_time() -> None:
    """One sum and one bucket for each method, route and status."""
    counts = Counts()
    route = Route(counts, "GET", "/v1/fragment/{name}")
    took_s = [route.answered(200, perf_counter() - ago_s) for ago_s in (0.0003, 0.3)]
    route.answered(503, perf_counter() - 2)

    fine = counts.requests["GET", "/v1/fragment/{name}", 200]
    assert sum(fine.times) == 2
    assert fine.times[BUCKETS_S.index(0.5)] == 1
    assert fine.sum_s == pytest.approx(sum(took_s))
    slow = counts.requests["GET", "/v1/fragment/{name}", 503]
    assert slow.times == [0] * len(BUCKETS_S) + [1]


@pytest.mark.parametrize("bound_s", BUCKETS_S)
def test_a_bucket_has_what_takes_exactly_its_bound(
    bound_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus' ``le`` is: less or equal."""
    counts = Counts()
    monkeypatch.setattr("edgeseg.hot_counts.perf_counter", lambda: bound_s)
    Route(counts, "GET", "/").answered(200, 0.0)

    assert counts.requests["GET", "/", 200].times.index(1) == BUCKETS_S.index(bound_s)


def test_two_of_the_same_route_count_together() -> None:
    """A route may be answered at two doors."""
    counts = Counts()
    for _ in range(2):
        Route(counts, "GET", "/").answered(200, perf_counter())

    assert [sum(each.times) for each in counts.requests.values()] == [2]


def test_counts_of_processes_add_up() -> None:
    """What only one of them has met is in the sum, too, and neither is changed later by it."""
    one, other, total = (Counts(cpu_s=each) for each in (1.0, 2.0, 0.0))
    Route(one, "GET", "/").answered(200, perf_counter())
    Route(other, "GET", "/").answered(200, perf_counter())
    Route(other, "GET", "/").answered(404, perf_counter())
    other.near_reads["copy"] = Count(3)
    for each in (one, other):
        total.merge(each)
    before = total.requests["GET", "/", 200]
    Route(one, "GET", "/").answered(200, perf_counter())

    assert total.cpu_s == 3.0
    assert total.near_reads == {"copy": Count(3)}
    assert {kind[2]: sum(each.times) for kind, each in total.requests.items()} == {200: 2, 404: 1}
    assert isinstance(before, Durations)
