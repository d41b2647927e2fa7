"""What is counted of products that SDKs tell of, in which segments."""

from collections.abc import Sequence
from datetime import UTC

from edgeseg.decisions.recommend import Uncounted
from edgeseg.decisions.recommendation import Remembered
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.events.event import Event
from edgeseg.product_counts import note_products
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile

RULES = """
segments:
  - {id: agreed, when: {consent: marketing}}
  - {id: refused, when: {not: {consent: marketing}}}
  - {id: everyone, when: {share: {percent: 100, salt: a}}}
slots:
  - {id: a, kind: json, recommend: {strategy: popular_in_segment, segment: agreed}}
  - {id: b, kind: json, recommend: {strategy: popular_in_segment, segment: refused}}
  - {id: c, kind: json, recommend: {strategy: popular_in_segment, segment: everyone}}
"""


class Noted(Uncounted):
    """Remembers the segments that something was counted in."""

    segments: Sequence[str] = ()

    def note(
        self,
        events: Sequence[Event],  # noqa: ARG002 - as the port has it
        profile: Profile,  # noqa: ARG002 - as above
        segments: Sequence[str],
        remembered: Remembered,  # noqa: ARG002 - as above
    ) -> None:
        """Take note of the segments."""
        self.segments = segments


def test_consents_and_shares_decide_on_segments_without_a_page_as_well() -> None:
    """A visitor that an SDK tells of is in the segments that page views find them in."""
    noted = Noted()
    note_products(
        [Event("product_viewed", 1, {"product_id": "p"})],
        EMPTY_PROFILE,
        build_snapshot({"r.yaml": RULES}, {}),
        noted,
        consents={"marketing": True},
        bucket_id="v",
        now_ms=1,
        time_zone=UTC,
    )
    assert noted.segments == ["agreed", "everyone"]
