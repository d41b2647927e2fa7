"""Events and metric plans that the tests of profiles share."""

from collections.abc import Mapping, Sequence

from edgeseg.events.event import Event
from edgeseg.metric_plan import Metric, MetricPlan

NOW_MS = 1_780_000_000_000


def view(number: int, *, message_id: str = "") -> Event:
    """Answer the ``number``-th page view, a second after the one before."""
    return Event(
        "page_viewed", NOW_MS + number * 1000, {"path": f"/{number}", "number": number}, message_id
    )


def plan_of(*metrics: Metric) -> MetricPlan:
    """Answer a plan in which an event feeds the metrics of its name."""

    def feeds(name: str, _properties: Mapping[str, object]) -> Sequence[int]:
        return [place for place, metric in enumerate(metrics) if metric.event == name]

    return MetricPlan(id=repr(metrics), metrics=metrics, feeds=feeds)


VIEWS = Metric(key=1, event="page_viewed", keep=5, sum_of="number")
VIEW_PLAN = plan_of(VIEWS)
