"""The benchmark of rules measures what it says: real lines of the command, a real rebuild."""

import msgspec

from benchmarks.rules.rebuild import measure_rebuild
from benchmarks.rules.trials import _line
from edgeseg.segments.trial import Trial, Trials


def test_a_rebuild_is_measured_while_a_loop_runs() -> None:
    """It swaps the rules, and notes how late the loop was."""
    found = measure_rebuild(30)

    assert found.segments == 30
    assert 0 < found.p99_pause_ms <= found.longest_pause_ms
    assert found.rebuild_ms > 0


def test_every_line_is_a_new_condition_of_seven_tests() -> None:
    """And each is judged, for some visitors so and for others so."""
    trials = [msgspec.json.decode(_line(number), type=Trial) for number in range(50)]

    assert len({bytes(trial.when) for trial in trials}) == 50
    assert all(bytes(trial.when).count(b'"field"') == 3 for trial in trials)
    judged = Trials()
    assert {judged.judge(trial, now_ms=0).holds for trial in trials} == {True, False}
