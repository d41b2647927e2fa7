"""Why a slot shows what it shows: what became of each campaign."""

import pytest

from edgeseg.decisions.choose import Chance
from edgeseg.decisions.explain_slot import SlotReport, explain_slot
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.events.enrich import page_context
from edgeseg.events.event import Event
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.segments.facts import gather_facts

NOW_MS = 1_800_000_000_000
BASE = """
slots: [{id: hero, name: Hero, kind: html}, {id: strip, kind: html}]
layers: [{id: tests}]
campaigns:
  - id: top
    slot: hero
    priority: 9
    pages: {path: /shop}
    caps: [{per: lifetime, at_most: 1}]
    variants: [{id: only, template: a.html}]
  - {id: middle, slot: hero, priority: 5, variants: [{id: only, template: a.html}]}
  - {id: low, slot: hero, variants: [{id: only, template: a.html}]}
"""


def explained(
    more: str = "",
    *,
    url: str = "https://shop.example/shop",
    profile: Profile | None = EMPTY_PROFILE,
    shown: str = "",
) -> SlotReport:
    """Explain the hero for one visitor."""
    rules = build_snapshot({"rules.yaml": BASE + more}, {"a.html": "x"})
    if shown and profile is not None:
        event = Event("campaign_shown", NOW_MS, {"campaign": shown})
        profile = fold(profile, [event], rules.plan)
    facts = gather_facts(
        rules.sources, profile=profile, context=page_context(url), consents={}, now_ms=NOW_MS
    )
    return explain_slot(rules.slots["hero"], rules, facts, Chance("v"), NOW_MS)


def told(report: SlotReport) -> dict[str, tuple[str, str, str]]:
    """Answer campaign → outcome, why, by whom."""
    return {each.campaign: (each.outcome, each.because, each.by) for each in report.campaigns}


def test_the_winner_and_those_it_beats() -> None:
    """Campaigns come in the order in which they are looked at."""
    report = explained()

    assert (report.campaign, report.variant, report.reason) == ("top", "only", "TARGETING_MATCH")
    assert told(report) == {
        "top": ("won", "it has the highest priority", ""),
        "middle": ("lost", "top has the higher priority: 9 over 5", "top"),
        "low": ("lost", "top has the higher priority: 9 over 0", "top"),
    }
    assert [each.variant for each in report.campaigns] == ["only", "", ""]


@pytest.mark.parametrize(
    ("parts", "unmet"),
    [
        ({"url": "https://shop.example/other"}, "whose path is /shop"),
        ({"shown": "top"}, "who have not been shown the campaign top"),
    ],
)
def test_what_does_not_apply_names_the_condition(parts: dict[str, str], unmet: str) -> None:
    """Page, cap, schedule: whatever it was, in words."""
    report = explained(**parts)  # type: ignore[arg-type]
    top = report.campaigns[0]
    wrong = [each.text for each in top.audience.conditions.children if not each.holds]

    assert top.outcome == "does not apply"
    assert [unmet in text for text in wrong] == [True]
    assert report.campaign == "middle"


def test_what_is_not_known_is_told() -> None:
    """A cap without a profile leaves it open."""
    report = explained(profile=None)

    assert report.campaigns[0].outcome == "not known"
    assert report.campaign == "middle"


def test_equals_draw() -> None:
    """Who drew first is told to both."""
    report = explained(
        "  - {id: twin, slot: hero, priority: 9, variants: [{id: only, template: a.html}]}"
    )
    winner, loser = report.campaigns[:2]

    assert {winner.campaign, loser.campaign} == {"top", "twin"}
    assert winner.because == "this visitor drew it first of its equals"
    assert loser.because == (
        f"{winner.campaign} has the same priority, and this visitor drew it first"
    )


def test_a_group_that_is_taken_elsewhere() -> None:
    """The campaign of another slot is named."""
    report = explained(
        """
  - id: loud
    slot: hero
    priority: 50
    exclusive_group: noise
    variants: [{id: only, template: a.html}]
  - id: louder
    slot: strip
    priority: 60
    exclusive_group: noise
    variants: [{id: only, template: a.html}]
"""
    )
    because = "louder is shown, and both are in the exclusive group noise"

    assert told(report)["loud"] == ("lost", because, "louder")
    assert report.campaign == "top"


def test_a_group_that_is_taken_later_is_no_reason() -> None:
    """The slot was filled before, by one of higher priority."""
    report = explained(
        """
  - id: quiet
    slot: hero
    priority: 4
    exclusive_group: noise
    variants: [{id: only, template: a.html}]
  - id: quieter
    slot: strip
    priority: 3
    exclusive_group: noise
    variants: [{id: only, template: a.html}]
"""
    )
    assert told(report)["quiet"] == ("lost", "top has the higher priority: 9 over 4", "top")


def test_the_winner_may_have_less_than_the_highest_priority() -> None:
    """Where chance leaves out those above it."""
    report = explained(
        "  - {id: rare, slot: hero, priority: 50, experiment: {coverage: 0}, "
        "variants: [{id: only, template: a.html}]}"
    )
    assert told(report)["top"] == ("won", "those of higher priority are left out", "")


def test_chance_is_told() -> None:
    """Coverage, layer and holdout, each with what it is about."""
    none = "variants: [{id: only, template: a.html}]"
    covered = explained(
        f"  - {{id: rare, slot: hero, priority: 50, experiment: {{coverage: 0}}, {none}}}"
    )
    layered = explained(
        "  - {id: rare, slot: hero, priority: 50, "
        f"experiment: {{layer: {{id: tests, from: 0, to: 0.01}}}}, {none}}}"
    )
    held_out = explained("holdouts: [{id: silence, percent: 100}]")

    assert told(covered)["rare"][0] == "left out by chance"
    assert "not among the 0.00% of its audience" in told(covered)["rare"][1]
    assert "of the layer tests, it has 0.00% to 0.01%" in told(layered)["rare"][1]
    assert told(layered)["rare"][2] == "tests"
    assert told(held_out)["top"] == (
        "left out by chance",
        "the visitor is in the holdout silence",
        "silence",
    )
    assert (held_out.campaign, held_out.reason) == ("", "SPLIT")


def test_the_only_one_that_applies() -> None:
    """There is nobody to beat."""
    rules = build_snapshot(
        {
            "rules.yaml": """
slots: [{id: hero, kind: html}]
campaigns: [{id: only, slot: hero, variants: [{id: v, template: a.html}]}]
"""
        },
        {"a.html": "x"},
    )
    facts = gather_facts(
        rules.sources, profile=EMPTY_PROFILE, context={}, consents={}, now_ms=NOW_MS
    )
    report = explain_slot(rules.slots["hero"], rules, facts, Chance("v"), NOW_MS)

    assert told(report) == {"only": ("won", "no other campaign applies here", "")}
