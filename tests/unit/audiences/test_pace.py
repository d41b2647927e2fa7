"""Work in bulk gives way to live traffic."""

import pytest

from edgeseg.audiences.pace import Pace


def test_a_fixed_rate_fills_up_the_time_that_is_left() -> None:
    """50 profiles at 100 a second take half a second, the work included."""
    pace = Pace(100)
    assert pace.pause_s(50, 0.2) == pytest.approx(0.3)
    assert pace.pause_s(50, 0.7) == 0


def test_a_store_at_ease_leaves_half_of_the_time_to_others() -> None:
    """Nothing seems busy; all the same the work does not take all of a core."""
    pace = Pace()
    for _ in range(3):
        assert pace.pause_s(50, 0.01, 0.0002) == pytest.approx(0.01)


def test_a_store_that_answers_late_is_left_alone_for_longer_and_longer() -> None:
    """Each late answer doubles the pause, up to a second; early ones end it step by step."""
    pace = Pace(share=0)
    pace.pause_s(50, 0.01, 0.0002)
    pauses = [pace.pause_s(50, 0.01, 0.02) for _ in range(12)]
    assert pauses[:4] == [0.005, 0.01, 0.02, 0.04]
    assert pauses[-1] == 1
    eased = [pace.pause_s(50, 0.01, 0.0002) for _ in range(12)]
    assert eased == sorted(eased, reverse=True)
    assert eased[-1] == 0


def test_short_answers_are_never_late() -> None:
    """Four times a tenth of a millisecond is no sign of a busy store."""
    pace = Pace(share=0)
    pace.pause_s(50, 0.01, 0.0001)
    assert pace.pause_s(50, 0.01, 0.0019) == 0


def test_whoever_gives_way_does_little_at_once() -> None:
    """The store does nothing else meanwhile; a pace of one's own decides for itself."""
    assert [Pace(per_s).portion(50) for per_s in (0, 3, 20, 1_000)] == [10, 3, 20, 50]
