"""The segment key: who gets which, and which texts are none."""

import pytest

from edgeseg.clock import HOUR_MS
from edgeseg.delivery.segment_key import NotAKey, SegmentKeySigner
from edgeseg.delivery.visitor_id import CookieSigner

NOW_MS = 1_800_000_000_000 // HOUR_MS * HOUR_MS
SECRET = "a secret of the tests"
VARIED = ("lapsed", "shoppers", "vips")
SIGNER = SegmentKeySigner([SECRET])


@pytest.mark.parametrize("held", [set(), {"vips"}, {"lapsed", "shoppers", "vips"}])
def test_a_key_stands_for_the_segments_it_was_made_of(held: set[str]) -> None:
    """What is written is read; segments that no slot varies on are left out."""
    key = SIGNER.write(VARIED, held | {"everyone"}, NOW_MS)
    assert SIGNER.read(key, VARIED, NOW_MS) == held


def test_visitors_in_the_same_segments_share_one_key() -> None:
    """Within an hour the text is the same, so that a CDN keeps one copy."""
    early, late = (SIGNER.write(VARIED, {"vips"}, NOW_MS + ms) for ms in (0, HOUR_MS - 1))
    assert early == late
    assert len(early) < 40


@pytest.mark.parametrize(
    ("after_ms", "genuine"), [(0, True), (2 * HOUR_MS - 1, True), (2 * HOUR_MS, False)]
)
def test_a_key_ends_with_the_hour_after_its_own(after_ms: int, *, genuine: bool) -> None:
    """The end is exact, to the millisecond."""
    key = SIGNER.write(VARIED, {"vips"}, NOW_MS)
    if genuine:
        assert SIGNER.read(key, VARIED, NOW_MS + after_ms) == {"vips"}
    else:
        with pytest.raises(NotAKey):
            SIGNER.read(key, VARIED, NOW_MS + after_ms)


def test_a_key_made_under_other_rules_is_none() -> None:
    """Its bits would mean other segments."""
    key = SIGNER.write(VARIED, {"vips"}, NOW_MS)
    with pytest.raises(NotAKey):
        SIGNER.read(key, ("lapsed", "readers", "vips"), NOW_MS)


def test_an_older_secret_still_verifies() -> None:
    """Secrets can be rotated: the first signs, all verify."""
    key = SIGNER.write(VARIED, {"vips"}, NOW_MS)
    rotated = SegmentKeySigner(["a newer secret here", SECRET])
    assert rotated.read(key, VARIED, NOW_MS) == {"vips"}
    with pytest.raises(NotAKey):
        SIGNER.read(rotated.write(VARIED, {"vips"}, NOW_MS), VARIED, NOW_MS)


KEY = SIGNER.write(VARIED, {"vips"}, NOW_MS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "7" + KEY[1:],
        KEY[:-1],
        KEY + "A",
        "0" + KEY,
        KEY.replace(".", ".0", 1),
        KEY[:-1] + ("A" if KEY[-1] != "A" else "B"),
        KEY.rpartition(".")[0] + ".é" + "a" * 21,
        f"4.{10**9}.{'a' * 22}",
        CookieSigner([SECRET]).write("visitor", {"marketing": True}, NOW_MS),
    ],
)
def test_a_forged_key_is_none(text: str) -> None:
    """Other segments, another time, a cut or a longer text, a visitor cookie: none passes."""
    with pytest.raises(NotAKey):
        SIGNER.read(text, VARIED, NOW_MS)
