"""Warnings that every request could bring about are told once in a while."""

import pytest

from edgeseg.rare_log import AGAIN_S, MAX_KEPT, RareLog


@pytest.fixture
def now_s() -> list[float]:
    """The instant of the log's clock, to be set."""
    return [1_000.0]


@pytest.fixture
def log(now_s: list[float]) -> RareLog:
    """A log over that clock."""
    return RareLog(lambda: now_s[0])


def test_a_warning_is_told_once_a_minute(
    log: RareLog, now_s: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Each for itself, however often it comes."""
    for _ in range(3):
        log.tell("a", "%s failed", "a")
        log.tell("b", "%s failed", "b")
    assert caplog.messages == ["a failed", "b failed"]
    now_s[0] += AGAIN_S - 1
    log.tell("a", "%s failed", "a")
    now_s[0] += 1
    log.tell("a", "%s failed", "a")
    assert caplog.messages == ["a failed", "b failed", "a failed"]


def test_memory_is_bounded(
    log: RareLog, now_s: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond so many different ones nothing more is told, until a minute is over."""
    for number in range(MAX_KEPT + 10):
        log.tell(number, "%s failed", number)
    assert len(caplog.messages) == MAX_KEPT
    now_s[0] += AGAIN_S
    log.tell(MAX_KEPT, "%s failed", MAX_KEPT)
    assert caplog.messages[MAX_KEPT:] == [f"{MAX_KEPT} failed"]
