"""Preview links: who signs them, what they ask for, and for how long."""

from urllib.parse import parse_qs, urlsplit

import pytest

from edgeseg.clock import DAY_MS, SECOND_MS
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.delivery.preview_link import (
    MEMBER,
    NotAPreview,
    Preview,
    PreviewSigner,
    find_previews,
    is_about,
)
from edgeseg.delivery.visitor_id import CookieSigner
from edgeseg.events.enrich import page_context
from edgeseg.events.event import Event

NOW_MS = 1_800_000_000_000
SECRET = "a secret of the tests"
SIGNER = PreviewSigner([SECRET])
PREVIEW = Preview("offer", "bold", (NOW_MS + DAY_MS) // SECOND_MS)
RULES = build_snapshot(
    {
        "rules.yaml": """
slots: [{id: hero, kind: html}]
campaigns:
  - {id: offer, slot: hero, variants: [{id: calm, template: a.html}, {id: bold, template: a.html}]}
"""
    },
    {"a.html": "x"},
)


def token_of(link: str) -> str:
    """Answer the token in a link."""
    return parse_qs(urlsplit(link).query)[MEMBER][0]


def test_a_link_is_the_page_with_a_token() -> None:
    """The rest of the address stays; an older token goes."""
    link = SIGNER.link("https://shop.example/a?x=1&x=&y=%C5%99#part", PREVIEW)
    again = SIGNER.link(link, PREVIEW)

    assert again == link
    assert link.startswith("https://shop.example/a?x=1&x=&y=%C5%99&edgeseg_preview=")
    assert link.endswith("#part")
    assert SIGNER.read(token_of(link), NOW_MS) == PREVIEW


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_a_token_that_was_changed_is_none(at: int) -> None:
    """Any letter counts."""
    token = token_of(SIGNER.link("https://shop.example/", PREVIEW))
    changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]

    with pytest.raises(NotAPreview):
        SIGNER.read(changed, NOW_MS)


@pytest.mark.parametrize("text", ["", ".", "x", "x.y", "é.é", "x" * 10_000, "W10.W10"])
def test_any_other_text_is_none(text: str) -> None:
    """Nothing that comes in does more than fail."""
    with pytest.raises(NotAPreview):
        SIGNER.read(text, NOW_MS)


def test_a_link_ends() -> None:
    """To the second."""
    token = token_of(SIGNER.link("https://shop.example/", PREVIEW))

    assert SIGNER.read(token, NOW_MS + DAY_MS - 1) == PREVIEW
    with pytest.raises(NotAPreview):
        SIGNER.read(token, NOW_MS + DAY_MS)


def test_secrets_rotate_and_cookies_are_no_links() -> None:
    """The first signs, all verify; the same secret signs cookies differently."""
    token = token_of(SIGNER.link("https://shop.example/", PREVIEW))

    assert PreviewSigner(["a newer secret", SECRET]).read(token, NOW_MS) == PREVIEW
    with pytest.raises(NotAPreview):
        PreviewSigner(["another secret"]).read(token, NOW_MS)
    with pytest.raises(NotAPreview):
        SIGNER.read(CookieSigner([SECRET]).write("v", {}, NOW_MS), NOW_MS)


def test_a_page_tells_what_it_asks_for() -> None:
    """The slot is that of the campaign; what does not hold asks for nothing."""
    link = SIGNER.link("https://shop.example/", PREVIEW)
    gone = SIGNER.link("https://shop.example/", Preview("gone", "bold", PREVIEW.until_s))

    def found(url: str, now_ms: int = NOW_MS) -> object:
        return find_previews(page_context(url), RULES, SIGNER, now_ms)

    assert found(link) == {"hero": ("offer", "bold")}
    assert found(link, NOW_MS + DAY_MS) == {}
    assert found(gone) == {}
    assert found("https://shop.example/") == {}
    assert found(f"https://shop.example/?{MEMBER}=forged") == {}


def test_events_about_a_preview_are_known() -> None:
    """Those of its campaign, and no others."""
    previews = {"hero": ("offer", "bold")}

    assert is_about(Event("campaign_shown", NOW_MS, {"campaign": "offer"}), previews)
    assert is_about(Event("campaign_clicked", NOW_MS, {"campaign": "offer"}), previews)
    assert not is_about(Event("campaign_shown", NOW_MS, {"campaign": "other"}), previews)
    assert not is_about(Event("order_completed", NOW_MS, {"campaign": "offer"}), previews)
