"""What a variant says, by segment and language; and what is remembered of it."""

from collections.abc import Sequence

import pytest

from edgeseg.decisions.content import Content, Reader
from edgeseg.decisions.snapshot import CAMPAIGN, Snapshot, build_snapshot

RULES = """
segments: [{id: vip, when: {tag: vip}}, {id: new, when: {tag: new}}]
languages:
  - {id: sk, fallback: [cs]}
  - {id: any, fallback: [en]}
slots:
  - id: hero
    kind: html
    fallback: plain.html
    with: {hello: Welcome}
    translations: {cs: {hello: Vítejte}}
  - {id: leave, kind: popup}
  - {id: app, kind: json, with: {title: Hi, percent: 0}, translations: {cs: {title: Ahoj}}}
campaigns:
  - id: offer
    slot: hero
    variants:
      - id: only
        template: offer.html
        with: {head: Head, tone: calm, percent: 5}
        translations:
          cs: {head: Hlava}
          en: {head: English head, tone: english}
        for_segments:
          - {segment: vip, with: {percent: 20}}
          - {segment: new, with: {percent: 10, head: New}, translations: {cs: {head: Nová}}}
  - id: bye
    slot: leave
    variants:
      - id: only
        template: plain.html
        with: {hello: Bye}
        translations: {cs: {title: Počkejte}}
        popup: {title: Wait, trigger: {exit_intent: true}}
  - id: tile
    slot: app
    variants:
      - {id: only, with: {percent: 30}, for_segments: [{segment: vip, with: {percent: 50}}]}
  - id: named
    slot: hero
    variants: [{id: only, template: named.html}]
"""
TEMPLATES = {
    "offer.html": "{{ head }}/{{ tone }}/{{ percent }}/{{ language }}/{{ campaign }}/{{ variant }}",
    "plain.html": "{{ hello }} {{ slot }}",
    "named.html": "{{ profile.get('name') }} at {{ context.get('path') }}",
}


@pytest.fixture(scope="module")
def rules() -> Snapshot:
    """The compiled rules of this module."""
    return build_snapshot({"rules.yaml": RULES}, TEMPLATES)


def said(
    rules: Snapshot, campaign: str, language: str = "", segments: Sequence[str] = (), **profile: str
) -> Content:
    """Answer what the only variant of a campaign says."""
    found = rules.by_key[CAMPAIGN + campaign]
    reader = Reader(segments, language, dict(profile), {"path": "/"})
    return rules.contents.of_variant(found, found.variants[0], reader)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("", "English head/english/5/en"),
        ("cs", "Hlava/english/5/cs"),
        ("cs-CZ", "Hlava/english/5/cs"),
        ("sk", "Hlava/english/5/cs"),
        ("de", "English head/english/5/en"),
        ("en-GB", "English head/english/5/en"),
        ("no such\nlanguage", "English head/english/5/en"),
    ],
)
def test_each_name_falls_back_by_itself(rules: Snapshot, language: str, expected: str) -> None:
    """Czech, then what stands in for all, then the values as they are."""
    assert said(rules, "offer", language).html == f"{expected}/offer/only"


def test_without_languages_declared_the_base_language_stands_in() -> None:
    """A translation needs no other entry."""
    rules = build_snapshot(
        {"r.yaml": RULES.replace("  - {id: any, fallback: [en]}\n", "")}, TEMPLATES
    )

    assert said(rules, "offer", "de").html.startswith("Head/calm/5//")
    assert said(rules, "offer", "cs-CZ").html.startswith("Hlava/calm/5/cs/")


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (["vip"], "Hlava/english/20/cs"),
        (["new"], "Nová/english/10/cs"),
        (["new", "vip"], "Hlava/english/20/cs"),
    ],
)
def test_the_first_segment_that_applies_counts(
    rules: Snapshot, segments: list[str], expected: str
) -> None:
    """In the order of the rule file, whatever that of the segments."""
    assert said(rules, "offer", "cs", segments).html == f"{expected}/offer/only"


def test_a_popups_title_is_translated(rules: Snapshot) -> None:
    """It is named as a value is."""
    english, czech = said(rules, "bye").popup, said(rules, "bye", "cs").popup

    assert english is not None
    assert czech is not None
    assert (english.title, czech.title) == ("Wait", "Počkejte")


def test_a_json_slot_holds_values_over_those_of_its_fallback(rules: Snapshot) -> None:
    """What a variant does not give is as the slot has it, in the visitor's language."""
    assert said(rules, "tile", "cs").values == {"title": "Ahoj", "percent": 30}
    assert said(rules, "tile", "", ["vip"]).values == {"title": "Hi", "percent": 50}
    fallback = rules.contents.of_fallback(rules.slots["app"], Reader((), "cs", {}, {}))
    assert (fallback.values, fallback.html) == ({"title": "Ahoj", "percent": 0}, "")


def test_a_fallback_is_translated(rules: Snapshot) -> None:
    """A slot may give its fallback values of its own."""
    czech, other = (
        rules.contents.of_fallback(rules.slots["hero"], Reader((), language, {}, {})).html
        for language in ("cs", "de")
    )
    assert (czech, other) == ("Vítejte hero", "Welcome hero")


def test_a_text_about_the_visitor_is_rendered_for_each(rules: Snapshot) -> None:
    """Only what is the same for everybody is remembered."""
    texts = [said(rules, "named", name=name).html for name in ("Ann", "Bob")]

    assert texts == ["Ann at /", "Bob at /"]


def test_a_text_for_everybody_is_rendered_once(
    rules: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second visitor gets the first one's text."""
    first = said(rules, "offer", "cs")
    monkeypatch.setattr(rules.renderer, "render", lambda *_args: pytest.fail("rendered again"))

    assert said(rules, "offer", "cs", name="Somebody") == first
