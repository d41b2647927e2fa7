"""What rule files say about slots and campaigns, in words and in conditions."""

import pytest

from edgeseg.decisions.describe_campaign import describe_campaign
from edgeseg.decisions.snapshot import CAMPAIGN, Snapshot, build_snapshot
from edgeseg.errors import RulesError
from edgeseg.events.enrich import page_context
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.segments.facts import gather_facts

NOW_MS = 1_800_000_000_000
SITES = """
sites:
  - {id: shop, hosts: [shop.example, "*.shop.example"]}
  - {id: bank, hosts: [bank.example]}
slots:
  - {id: hero, kind: html, site: shop}
  - {id: anywhere, kind: html}
campaigns:
  - {id: offer, slot: hero, variants: [{id: only, template: a.html}]}
  - {id: loan, slot: anywhere, site: bank, variants: [{id: only, template: a.html}]}
"""


def compiled(text: str, **templates: str) -> Snapshot:
    """Compile one rule file."""
    return build_snapshot({"rules.yaml": text}, templates or {"a.html": "x"})


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("shop.example", ["offer"]),
        ("www.shop.example", ["offer"]),
        ("SHOP.example", ["offer"]),
        ("notshop.example", []),
        ("bank.example", ["loan"]),
        ("www.bank.example", []),
    ],
)
def test_a_site_is_its_hosts(host: str, expected: list[str]) -> None:
    """Of a slot for all its campaigns, of a campaign for itself."""
    rules = compiled(SITES)
    facts = gather_facts(
        rules.sources,
        profile=EMPTY_PROFILE,
        context=page_context(f"https://{host}/"),
        consents={},
        now_ms=NOW_MS,
    )
    held = rules.evaluator.evaluate(facts, NOW_MS).held

    assert [key.removeprefix(CAMPAIGN) for key in held] == expected


def test_a_campaign_in_words() -> None:
    """Whom it is for, with consent and caps, and how chance deals it out."""
    rules = compiled(
        """
slots: [{id: hero, name: the hero, kind: html}]
layers: [{id: home}]
campaigns:
  - id: offer
    slot: hero
    consent: marketing
    caps: [{per: visit, at_most: 3}, {cool_down: 3d, after: dismissed}]
    priority: 7
    weight: 4
    exclusive_group: loud
    experiment: {coverage: 12.5, layer: {id: home, from: 0, to: 50}, sticky: true}
    variants:
      - {id: calm, weight: 3, template: a.html}
      - {id: bold, weight: 1, template: a.html}
"""
    )
    assert describe_campaign(rules.by_key[f"{CAMPAIGN}offer"], rules) == (
        "Fills the hero for visitors who have agreed to marketing, who have been shown the "
        "campaign offer fewer than 3 times in this visit, and who have not dismissed the "
        "campaign offer in the last 3 days. Of these, 12.5 % take part, by chance. Shows calm "
        "to 75 % and bold to 25 % of them, who keep it. In the layer home it has the visitors "
        "from 0 % to 50 %. Of the campaigns of the group loud one is shown at once. Its priority "
        "is 7, its weight among equals 4."
    )


def test_a_name_that_nobody_gives_does_not_load() -> None:
    """The template's line is named, with who uses it."""
    text = """
slots: [{id: hero, kind: html, fallback: base.html}]
campaigns:
  - id: offer
    slot: hero
    variants: [{id: only, template: "a.html", with: {percent: 5, for: you}}]
"""
    templates = {"a.html": "{{ percent }}\n{{ per_cent }}", "base.html": "{{ percent }}"}
    with pytest.raises(RulesError) as caught:
        build_snapshot({"rules.yaml": text}, templates)

    of_variant, of_fallback = (str(problem) for problem in caught.value.problems)
    assert of_variant == (
        "a.html:2:1: `per_cent` is not given by the variant `only` of `offer` "
        "(did you mean `percent`?)"
    )
    assert of_fallback == (
        "base.html:1:1: `percent` is not given by the slot `hero`, whose fallback it is "
        "(known: campaign, context, language, profile, slot, variant)"
    )
