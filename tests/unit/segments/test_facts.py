"""When sums in a window change: at amounts that are missed, not at any event that leaves."""

import msgspec
import pytest

from edgeseg.profiles.profile import EMPTY_PROFILE, MetricState
from edgeseg.segments.fact_sources import FactSources
from edgeseg.segments.facts import gather_facts

NOW_MS = 1_800_000_000_000
WINDOW_MS = 1_000


@pytest.mark.parametrize(
    ("ages_ms", "amounts", "total", "leaves_in_ms"),
    [
        ((100, 700), (5, 9), 14, 300),
        ((100, 700), (5, 0), 5, 900),
        ((100, 700, 700), (5, 2, -2), 5, 900),
        ((100, 700, 1_500), (5, 0, 9), 5, 900),
        ((100, 700), (0, 0), 0, None),
    ],
    ids=["the oldest", "nothing", "what cancels out", "what left before", "nothing at all"],
)
def test_a_sum_changes_when_an_amount_is_missed(
    ages_ms: tuple[int, ...], amounts: tuple[int, ...], total: int, leaves_in_ms: int | None
) -> None:
    """The instant is that of the first change of the sum, or none."""
    recent = tuple(NOW_MS - age_ms for age_ms in ages_ms)
    state = MetricState(count=len(recent), recent=recent, amounts=amounts)
    profile = msgspec.structs.replace(EMPTY_PROFILE, metrics={1: state})
    sources = FactSources(recent_sums={"spent": (1, WINDOW_MS)})

    facts = gather_facts(sources, profile=profile, context={}, consents={}, now_ms=NOW_MS)

    assert facts.values["spent"] == total
    assert facts.change_ms == (None if leaves_in_ms is None else NOW_MS + leaves_in_ms)
