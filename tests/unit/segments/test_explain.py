"""Explanations: what was found, in words that answer the question that was asked."""

from edgeseg.bucketing import bucket
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.segments.explain import explain_segment
from edgeseg.segments.facts import gather_facts

RULES = """
segments:
  - id: a
    active: {until: 2027-01-01}
    experiment:
      versions: [{id: v1, weight: 1, when: {tag: x}}, {id: v2, weight: 2, when: {tag: z}}]
"""


def test_places_among_all_visitors_and_seasons_are_told() -> None:
    """A version says where its share ends and where the visitor is; a season is its own answer."""
    snapshot = build_snapshot({"a.yaml": RULES}, {})
    now_ms = 1_800_000_000_000
    facts = gather_facts(
        snapshot.sources,
        profile=EMPTY_PROFILE,
        context={},
        consents={},
        now_ms=now_ms,
        bucket_id="v",
    )
    segment = snapshot.definitions.segments["a"]
    explained = explain_segment(segment, snapshot.definitions, facts, now_ms)
    season, versions = explained.conditions.children
    share = versions.children[0].children[0]

    assert (season.text, season.found) == ("who come in the season until 2027-01-01", "")
    assert share.text == "who are among the 33.33 % with version v1"
    assert share.found == f"at {100 * bucket('a', 'v'):.2f} %"
    assert share.holds is (bucket("a", "v") < 1 / 3)
