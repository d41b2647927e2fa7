"""The plan of what to remember: one metric for each definition, whatever its key."""

import pytest

from edgeseg.metric_plan import Metric
from edgeseg.segments import metric_planner
from edgeseg.segments.condition import Test
from edgeseg.segments.metric_planner import KEY_BITS, MetricPlanner


def _metric(event: str, keep: int = 0) -> Metric:
    return Metric(key=0, event=event, keep=keep)


def test_equal_definitions_share_a_metric_that_keeps_enough_for_both() -> None:
    """The one that asks for more instants decides."""
    planner = MetricPlanner()
    keys = [planner.need(_metric("e", keep)) for keep in (1, 5, 3)]
    assert len(set(keys)) == 1
    assert [metric.keep for metric in planner.metrics] == [5]


def test_keys_are_the_same_in_every_version_of_the_rules() -> None:
    """Or a changed rule would forget what its neighbours had counted."""
    first, second = MetricPlanner(), MetricPlanner()
    second.need(_metric("another"))
    assert first.need(_metric("e")) == second.need(_metric("e")) < 2**KEY_BITS


def test_a_filter_written_in_another_order_is_the_same_metric() -> None:
    """Or who sorts a list would have it counted anew; the ends of `between` have an order."""
    planner = MetricPlanner()
    size, kind = Test("gt", 1), Test("in", ("a", 2, True))
    keys = {
        planner.need(_metric("e"), (("x", (size, kind)),)),
        planner.need(_metric("e"), (("x", (Test("in", (True, "a", 2)), size)),)),
    }
    assert len(keys) == 1
    spans = [(("x", (Test("between", ends),)),) for ends in ((10, 9), (9, 10))]
    assert planner.need(_metric("e"), spans[0]) != planner.need(_metric("e"), spans[1])


def test_definitions_whose_keys_meet_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The later one takes the next free key, and finds it again."""
    whole = metric_planner._digest
    same = "f" * (KEY_BITS // 4)
    monkeypatch.setattr(metric_planner, "_digest", lambda each: same + whole(each)[len(same) :])
    planner = MetricPlanner()
    events = ["a", "b", "c"]
    keys = [planner.need(_metric(event)) for event in events]
    assert keys == [2**KEY_BITS - 1, 0, 1]
    assert [planner.need(_metric(event)) for event in events] == keys
    assert {metric.key: metric.event for metric in planner.metrics} == dict(
        zip(keys, events, strict=True)
    )
