"""The bars of the load test."""

from dataclasses import replace

import pytest

from loadtests.thresholds import Outcome, Thresholds

GOOD = Outcome(
    requests=1000, failure_ratio=0.0, degraded_ratio=0.0, p95_ms=10.0, p99_ms=20.0, p999_ms=30.0
)


def test_a_good_run_crosses_nothing() -> None:
    """The defaults let an unremarkable run pass."""
    assert Thresholds().crossed_by(GOOD) == []


@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("failure_ratio", 0.001),
        ("degraded_ratio", 0.5),
        ("p95_ms", 51.0),
        ("p99_ms", 101.0),
        ("p999_ms", 251.0),
    ],
)
def test_each_bar_is_named_when_crossed(name: str, measured: float) -> None:
    """The line has to say which figure was too high, or nobody can act on it."""
    (line,) = Thresholds().crossed_by(replace(GOOD, **{name: measured}))
    assert line.startswith(f"{name} {measured:g} is over ")


def test_a_run_without_requests_has_failed() -> None:
    """Nothing measured is nothing proven."""
    assert Thresholds().crossed_by(replace(GOOD, requests=0)) == ["no request was made"]


def test_a_bar_can_be_moved_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slower machine sets its own bars without touching the code."""
    monkeypatch.setenv("LOAD_MAX_P95_MS", "5")
    assert Thresholds.from_environment() == Thresholds(p95_ms=5.0)


def test_a_bar_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt bar would let every run pass that it was meant to fail."""
    monkeypatch.setenv("LOAD_MAX_P95", "5")
    with pytest.raises(ValueError, match="LOAD_MAX_P95_MS"):
        Thresholds.from_environment()
