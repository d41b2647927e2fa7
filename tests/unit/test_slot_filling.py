"""What one slot shows, and what it tells of it."""

import pytest

from edgeseg.decisions.choose import NOTHING, Choice, Reason, choose_variant
from edgeseg.decisions.content import Reader
from edgeseg.decisions.slot_content import SlotContent
from edgeseg.decisions.snapshot import Snapshot, build_snapshot
from edgeseg.slot_filling import fill_slot
from edgeseg.telemetry import Telemetry

RULES = """
slots:
  - {id: hero, kind: html, fallback: hero.html}
  - {id: leave, kind: popup}
  - {id: app, kind: json, with: {title: Hi, percent: 0}}
layers: [{id: tests}]
campaigns:
  - id: greet
    slot: hero
    experiment: {layer: {id: tests, from: 0, to: 100}}
    variants: [{id: a, template: greet.html}, {id: b, template: greet.html}]
  - id: bye
    slot: leave
    variants: [{id: only, template: greet.html, popup: {title: Wait, trigger: {exit_intent: true}}}]
  - {id: tile, slot: app, variants: [{id: only, with: {percent: 30}}]}
  - {id: goods, slot: app, variants: [{id: only, recommend: {strategy: popular, at_least: 1}}]}
"""
TEMPLATES = {"hero.html": "<p>Hero</p>", "greet.html": "<p>Hello</p>"}


@pytest.fixture(scope="module")
def rules() -> Snapshot:
    """The rules above."""
    return build_snapshot({"rules.yaml": RULES}, TEMPLATES)


def filled(rules: Snapshot, slot: str, choice: Choice) -> SlotContent:
    """Fill a slot for somebody of whom nothing is known."""
    return fill_slot(rules.slots[slot], choice, Reader((), "", {}, {}), rules, Telemetry())


def chosen(rules: Snapshot, campaign: str, *, preview: bool = False) -> Choice:
    """Choose the first variant of a campaign."""
    found = rules.outcomes.campaigns[campaign].campaign
    return choose_variant(found, found.variants[0], Reason.SPLIT, preview=preview)


def test_a_slot_tells_what_was_chosen_and_how(rules: Snapshot) -> None:
    """Pages count exposures by it, and tools outside tell experiments apart."""
    hero = filled(rules, "hero", chosen(rules, "greet", preview=True))
    assert (hero.campaign, hero.variant, hero.html) == ("greet", "a", "<p>Hello</p>")
    assert (hero.reason, hero.preview) == (Reason.SPLIT, True)
    assert (hero.layer, hero.experiment) == ("tests", "greet")


def test_a_holdout_shows_the_fallback_and_tells_what_it_withheld(rules: Snapshot) -> None:
    """Whom the campaign is kept from are counted for it, if there is one."""
    withheld = chosen(rules, "greet").campaign
    for campaign, named in ((withheld, "greet"), (None, "")):
        choice = Choice(None, None, Reason.SPLIT, "silence", withheld=campaign)
        hero = filled(rules, "hero", choice)
        assert (hero.campaign, hero.html, hero.reason) == ("", "<p>Hero</p>", Reason.SPLIT)
        assert (hero.holdout, hero.withheld) == ("silence", named)


def test_slots_of_each_kind_hold_what_is_theirs(rules: Snapshot) -> None:
    """A popup tells how it opens; a `json` slot has values, with a campaign or without."""
    popup = filled(rules, "leave", chosen(rules, "bye")).popup
    assert popup is not None
    assert popup.title == "Wait"
    assert filled(rules, "app", chosen(rules, "tile")).values == {"title": "Hi", "percent": 30}
    assert filled(rules, "app", NOTHING).values == {"title": "Hi", "percent": 0}


def test_too_few_products_to_recommend_are_no_error(rules: Snapshot) -> None:
    """The fallback is shown, as if the campaign did not apply."""
    app = filled(rules, "app", chosen(rules, "goods"))
    assert (app.campaign, app.reason, app.failed) == ("", Reason.DEFAULT, False)
