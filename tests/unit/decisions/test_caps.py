"""Caps: how often a visitor is shown something, counted exactly, and until when."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from edgeseg.clock import DAY_MS, HOUR_MS, MINUTE_MS
from edgeseg.decisions.snapshot import CAMPAIGN, Snapshot, build_snapshot
from edgeseg.events.event import Event
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE, VISIT_TIMEOUT_MS
from edgeseg.segments.facts import gather_facts

NOW_MS = 1_800_000_000_000
PRAGUE = ZoneInfo("Europe/Prague")


def rules_with(
    campaign: str = "", *, slot: str = "", overall: str = "", zone: ZoneInfo | None = None
) -> Snapshot:
    """Compile one campaign, its slot, and caps on all campaigns."""
    text = f"""
slots: [{{id: hero, kind: html{slot and f", caps: [{slot}]"}}}]
campaigns:
  - id: offer
    slot: hero
    {campaign and f"caps: [{campaign}]"}
    variants: [{{id: only, template: a.html}}]
{overall and f"caps: [{overall}]"}
"""
    return build_snapshot({"rules.yaml": text}, {"a.html": "x"}, zone or UTC)


def shown(
    ago_ms: int, *, campaign: str = "offer", slot: str = "hero", what: str = "shown"
) -> Event:
    """Answer an event about a campaign, so long before now."""
    properties = {"campaign": campaign, "slot": slot, "variant": "only"}
    return Event(f"campaign_{what}", NOW_MS - ago_ms, dict(properties))


def applies(
    rules: Snapshot, events: Sequence[Event], now_ms: int = NOW_MS, zone: ZoneInfo | None = None
) -> tuple[bool, int | None]:
    """Answer whether the campaign may be shown, and until when time alone leaves that so."""
    profile = fold(EMPTY_PROFILE, events, rules.plan)
    facts = gather_facts(
        rules.sources,
        profile=profile,
        context={},
        consents={},
        now_ms=now_ms,
        time_zone=zone or UTC,
    )
    evaluation = rules.evaluator.evaluate(facts, now_ms)
    return f"{CAMPAIGN}offer" in evaluation.held, evaluation.change_ms


@pytest.mark.parametrize(("times", "expected"), [(0, True), (2, True), (3, False), (7, False)])
def test_a_lifetime_cap_counts_for_ever(times: int, expected: bool) -> None:  # noqa: FBT001
    """It is reached by the last time that it allows, and nothing frees it."""
    rules = rules_with("{per: lifetime, at_most: 3}")

    assert applies(rules, [shown(DAY_MS * 300 + each) for each in range(times)]) == (expected, None)


def test_a_cap_per_visit_counts_since_the_visit_began() -> None:
    """Earlier visits do not count; the visit's end frees it, half an hour after its last event."""
    rules = rules_with("{per: visit, at_most: 2}")
    earlier = [shown(DAY_MS), shown(DAY_MS - 1)]

    assert applies(rules, [*earlier, shown(MINUTE_MS)])[0] is True
    reached = [*earlier, shown(5 * MINUTE_MS), shown(MINUTE_MS)]
    frees_ms = NOW_MS - MINUTE_MS + VISIT_TIMEOUT_MS + 1
    assert applies(rules, reached) == (False, frees_ms)
    assert applies(rules, reached, frees_ms - 1)[0] is False
    assert applies(rules, reached, frees_ms)[0] is True


def test_a_cap_per_day_ends_at_the_sites_midnight() -> None:
    """Midnight in Prague, not in Greenwich; also on the day that has 25 hours."""
    zone = PRAGUE
    rules = rules_with("{per: day, at_most: 1}", zone=zone)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=zone)  # clocks go back at 3:00
    now_ms = int(datetime(2026, 10, 25, 22, 0, tzinfo=zone).timestamp() * 1_000)
    midnight_ms = int(datetime(2026, 10, 26, tzinfo=zone).timestamp() * 1_000)
    event = shown(NOW_MS - int(first.timestamp() * 1_000))

    assert applies(rules, [event], now_ms, zone) == (False, midnight_ms)
    assert (
        midnight_ms - int(datetime(2026, 10, 25, tzinfo=zone).timestamp() * 1_000) == 25 * HOUR_MS
    )
    assert applies(rules, [event], midnight_ms - 1, zone)[0] is False
    assert applies(rules, [event], midnight_ms, zone)[0] is True


def test_a_cap_per_duration_slides() -> None:
    """It lets go at the very instant when the oldest of the counted ones leaves the window."""
    rules = rules_with("{per: 7d, at_most: 2}")
    events = [shown(6 * DAY_MS), shown(DAY_MS)]

    assert applies(rules, events) == (False, NOW_MS + DAY_MS)
    assert applies(rules, events, NOW_MS + DAY_MS)[0] is True
    assert applies(rules, events, NOW_MS + DAY_MS - 1)[0] is False


def test_a_cool_down_counts_what_it_says() -> None:
    """Three days after it was closed; being shown does not matter."""
    rules = rules_with("{cool_down: 3d, after: dismissed}")

    assert applies(rules, [shown(MINUTE_MS)])[0] is True
    closed = [shown(DAY_MS, what="dismissed")]
    assert applies(rules, closed) == (False, NOW_MS + 2 * DAY_MS)


def test_caps_of_the_slot_and_overall_count_other_campaigns() -> None:
    """A slot's cap counts what it shows, one of the section everything."""
    of_slot = rules_with(slot="{per: day, at_most: 1}")
    overall = rules_with(overall="{id: calm, per: day, at_most: 1}")
    other = shown(1, campaign="other")
    elsewhere = shown(1, campaign="other", slot="footer")

    assert applies(of_slot, [other])[0] is False
    assert applies(of_slot, [elsewhere])[0] is True
    assert applies(overall, [elsewhere])[0] is False
    assert applies(rules_with("{per: day, at_most: 1}"), [other])[0] is True


def test_of_several_caps_each_must_leave_room() -> None:
    """The one that frees last decides, one after the other."""
    rules = rules_with("{per: 1d, at_most: 1}, {per: lifetime, at_most: 2}")

    assert applies(rules, [shown(DAY_MS)])[0] is True
    assert applies(rules, [shown(5)]) == (False, NOW_MS - 5 + DAY_MS)
    assert applies(rules, [shown(3 * DAY_MS), shown(2 * DAY_MS)]) == (False, None)


@pytest.mark.parametrize("longer", ["lifetime", "7d"])
@pytest.mark.parametrize("shorter", ["visit", "day", "1d"])
def test_caps_that_differ_in_their_time_only_all_count(longer: str, shorter: str) -> None:
    """Though they count the same events up to the same number, in whatever order they stand."""
    caps = [f"{{per: {per}, at_most: 1}}" for per in (longer, shorter)]

    for both in (caps, caps[::-1]):
        assert applies(rules_with(", ".join(both)), [shown(3 * DAY_MS)])[0] is False
    assert applies(rules_with(caps[1]), [shown(3 * DAY_MS)])[0] is True


def test_a_cap_that_cannot_be_counted_is_taken_as_reached() -> None:
    """What was shown to a visitor without a profile is unknown, not nothing."""
    for rules, expected in ((rules_with(), True), (rules_with("{per: day, at_most: 9}"), False)):
        facts = gather_facts(
            rules.sources, profile=None, context={}, consents={}, now_ms=NOW_MS, time_zone=UTC
        )
        held = rules.evaluator.evaluate(facts, NOW_MS).held
        assert (f"{CAMPAIGN}offer" in held) is expected


def test_caps_cost_one_fact_however_many_there_are() -> None:
    """The index asks about the set of reached caps, not about each."""
    campaigns = "\n".join(
        f"  - {{id: c{number}, slot: hero, caps: [{{per: day, at_most: {number % 9 + 1}}}],"
        " variants: [{id: v, template: a.html}]}"
        for number in range(50)
    )
    text = f"slots: [{{id: hero, kind: html}}]\ncampaigns:\n{campaigns}"
    rules = build_snapshot({"rules.yaml": text}, {"a.html": "x"})

    assert len(rules.sources.caps) == 50
    assert len(rules.plan.metrics) == 50
    assert [*rules.evaluator._strata[0].facts] == ["cap"]
