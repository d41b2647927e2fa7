"""Facts that metrics tell by themselves, whatever the time is and whoever asks. Pure."""

from collections.abc import Mapping

from edgeseg.profiles.amounts import mean_of
from edgeseg.profiles.profile import NO_STATE, MetricState
from edgeseg.segments.fact_sources import FactSources


def read_metrics(sources: FactSources, metrics: Mapping[int, MetricState]) -> dict[str, object]:
    """Answer fact key → value; instants as epoch milliseconds.

    Args:
        sources: what the rules ask about.
        metrics: of a profile.
    """
    values: dict[str, object] = {}
    for key, metric in sources.counts.items():
        values[key] = metrics.get(metric, NO_STATE).count
    for key, (metric, number) in sources.ages.items():
        state = metrics.get(metric)
        if state and len(state.recent) >= number:
            values[key] = state.recent[number - 1]
    for key, metric in sources.sums.items():
        values[key] = metrics.get(metric, NO_STATE).total
    for key, (metric, aggregate) in sources.metrics.items():
        values[key] = _aggregate(metrics.get(metric, NO_STATE), aggregate)
    for key, metric in sources.runs.items():
        starts = metrics.get(metric, NO_STATE).recent
        values[key] = (starts[-1] or None) if starts else None
    for key, (metric, span_ms) in sources.quiet.items():
        values[key] = _quiet_since(metrics.get(metric, NO_STATE), span_ms)
    return values


def _quiet_since(state: MetricState, span_ms: int) -> int | None:
    """Answer when the latest run ended, unless what must not follow came too soon."""
    if not state.count or (state.earlier_ms and state.earlier_ms - state.last_ms < span_ms):
        return None
    return state.last_ms


def _aggregate(state: MetricState, aggregate: str) -> int | float | tuple[int, ...] | None:
    match aggregate:
        case "count":
            return state.count
        case "distinct":
            return len(state.distinct)
        case "sum":
            return state.total
        case "instants":
            return state.recent or None
        case "average":
            return mean_of(state.total, state.count) if state.count else None
        case _:
            at_ms = state.first_ms if aggregate == "first" else state.last_ms
            return at_ms if state.count else None
