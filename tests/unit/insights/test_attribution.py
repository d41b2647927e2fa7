"""Credit for conversions, against an interpreter that looks at all that ever happened."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.clock import DAY_MS
from edgeseg.decisions.outcome_plan import KEPT
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.events.event import Event
from edgeseg.insights.attribution import (
    Touch,
    credit,
    identity_of,
    last_of_each,
    touches_before,
)
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE

GOAL_MS = 1_800_000_000_000
WINDOW_MS = 7 * DAY_MS
RULES = """
slots: [{id: hero, kind: html}]
goals: [{id: asked, event: form_submitted}]
campaigns:
  - id: one
    slot: hero
    goal: asked
    variants: [{id: a, template: t.html}, {id: b, template: t.html}]
  - {id: two, slot: hero, goal: asked, variants: [{id: a, template: t.html}]}
"""
SNAPSHOT = build_snapshot({"r.yaml": RULES}, {"t.html": ""})
VARIANTS = [("one", "a"), ("one", "b"), ("two", "a")]


class Shown(NamedTuple):
    """An exposure, so many milliseconds before the goal (after it, if below 0)."""

    before_ms: int
    which: tuple[str, str]


EXPOSURES = st.lists(
    st.builds(
        Shown,
        st.one_of(
            st.integers(-DAY_MS, 9 * DAY_MS),
            st.sampled_from([-1, 0, 1, WINDOW_MS - 1, WINDOW_MS, WINDOW_MS + 1]),
        ),
        st.sampled_from(VARIANTS),
    ),
    max_size=KEPT,  # so that no variant has more than a profile remembers
)


def oracle(exposures: list[Shown], how: str) -> list[tuple[int, str, str]]:
    """Credit by looking at every exposure, in the plainest way."""
    inside = [
        (GOAL_MS - each.before_ms, *each.which)
        for each in exposures
        if 0 <= each.before_ms < WINDOW_MS
    ]
    inside.sort()
    if how == "last":
        return inside[-1:]
    if how == "first":
        return inside[:1]
    campaigns = sorted({campaign for _at, campaign, _variant in inside})
    return sorted([each for each in inside if each[1] == campaign][-1] for campaign in campaigns)


@pytest.mark.parametrize("how", ["last", "first", "every"])
@given(exposures=EXPOSURES)
def test_credit_is_that_of_the_naive_interpreter(how: str, exposures: list[Shown]) -> None:
    """Whatever was shown when, in whatever order it was told."""
    happened = [
        Event("campaign_shown", GOAL_MS - before_ms, {"campaign": campaign, "variant": variant})
        for before_ms, (campaign, variant) in exposures
    ]
    profile = fold(EMPTY_PROFILE, happened, SNAPSHOT.plan)
    plans = SNAPSHOT.outcomes.rivals["asked"]

    touches = touches_before(profile, plans, GOAL_MS, WINDOW_MS)

    assert sorted(map(tuple, credit(touches, how))) == oracle(exposures, how)


def test_nothing_shown_gets_no_credit() -> None:
    """A conversion without a campaign is nobody's."""
    assert credit([], "last") == []
    assert last_of_each([]) == []


def test_every_campaign_is_credited_once_by_its_last_touch() -> None:
    """Several variants of one campaign do not share the credit."""
    touches = [Touch(1, "one", "a"), Touch(3, "one", "b"), Touch(2, "two", "a")]
    assert last_of_each(touches) == [Touch(3, "one", "b"), Touch(2, "two", "a")]


@pytest.mark.parametrize(
    ("event", "identity"),
    [
        (Event("order_completed", 5, {"order_id": "o-1"}, "m"), "o-1"),
        (Event("order_completed", 5, {}, "m"), "m"),
        (Event("form_submitted", 5, {"order_id": "o-1"}, "m"), "m"),
        (Event("form_submitted", 5), "5"),
    ],
)
def test_goal_events_are_told_apart_by_the_best_there_is(event: Event, identity: str) -> None:
    """An order by its id, anything else by its message, or by its time."""
    assert identity_of(event) == identity
