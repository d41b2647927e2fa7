"""Consent over real HTTP: nothing is stored that the visitor has not allowed."""

import httpx
import pytest

from edgeseg.profiles import codec
from tests.e2e.service import Service
from tests.e2e.views import (
    ACCOUNT,
    GRANTED,
    HOME,
    PROSPECTS,
    REFUSED,
    view_page,
    visitor_of,
)

OPTED_OUT = {"Sec-GPC": "1"}


def _key(visitor: str | None) -> bytes:
    return f"edgeseg:p:{{{visitor}}}".encode()


def _stored(service: Service, visitor: str | None) -> codec.StoredProfile | None:
    with service.store() as client:
        value = client.get(_key(visitor))
    return codec.parse_value(bytes(value)) if value is not None else None


def test_consent_starts_a_profile(browser: httpx.Client, service: Service) -> None:
    """A page view that brings consent gets an id, a cookie and a profile."""
    answer = view_page(browser, ACCOUNT, consent=GRANTED)
    assert PROSPECTS in answer.json()["segments"]
    assert "edgeseg" in answer.cookies
    stored = _stored(service, visitor_of(answer))
    assert stored is not None
    assert b"current-account" in stored.tail


@pytest.mark.parametrize(
    ("consent", "headers"),
    [
        ({}, {}),
        (REFUSED, {}),
        ({"marketing": False, "statistics": False}, {}),
        (GRANTED, OPTED_OUT),
    ],
    ids=["no word", "refused", "all refused", "opted out by header"],
)
def test_a_denial_stores_nothing(
    browser: httpx.Client, service: Service, consent: dict[str, bool], headers: dict[str, str]
) -> None:
    """Without consent there is no id, no cookie and no key in the store, whatever is sent."""
    before = service.keys()
    sent = [{"event": "form_submitted", "properties": {"form": "request-account"}}]
    for url in (ACCOUNT, HOME):
        answer = view_page(browser, url, consent=consent, events=sent, headers=headers)
        assert visitor_of(answer) is None
        assert "set-cookie" not in answer.headers
        assert answer.json()["segments"] == ["everyone"]
        assert answer.json()["degraded"] is False
    assert service.keys() == before


def test_opting_out_by_header_wins_over_an_earlier_consent(
    browser: httpx.Client, service: Service
) -> None:
    """A known visitor who now sends Sec-GPC is neither recognised nor recorded."""
    visitor = visitor_of(view_page(browser, consent=GRANTED))
    before = _stored(service, visitor)
    answer = view_page(browser, ACCOUNT, headers=OPTED_OUT)
    assert visitor_of(answer) is None
    assert "set-cookie" not in answer.headers
    assert PROSPECTS not in answer.json()["segments"]
    assert _stored(service, visitor) == before


def test_opting_out_by_header_holds_for_the_consent_call(
    browser: httpx.Client, service: Service
) -> None:
    """Consent given under Sec-GPC is answered as refused and stores nothing."""
    before = service.keys()
    answer = browser.post("/v1/consent", json={"consent": GRANTED}, headers=OPTED_OUT)
    assert answer.json() == {"consent": REFUSED, "visitor": None}
    assert "set-cookie" not in answer.headers
    assert service.keys() == before


@pytest.mark.parametrize("face", ["/v1/consent", "/v1/classify"])
def test_revoking_erases(browser: httpx.Client, service: Service, face: str) -> None:
    """Taking consent back empties the profile at once and drops the cookie, by either call."""
    visitor = visitor_of(view_page(browser, ACCOUNT, consent=GRANTED))
    body = {"consent": REFUSED} | ({"page": {"url": HOME}} if face == "/v1/classify" else {})
    answer = browser.post(face, json=body)
    assert answer.json()["visitor"] is None
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert "edgeseg" not in browser.cookies
    stored = _stored(service, visitor)
    assert stored is None or stored.erased
    again = view_page(browser, consent=GRANTED)
    assert visitor_of(again) != visitor
    assert PROSPECTS not in again.json()["segments"]


def test_revoking_one_of_two_purposes_keeps_the_profile(browser: httpx.Client) -> None:
    """By default any granted purpose allows storing."""
    both = {"marketing": True, "statistics": True}
    visitor = visitor_of(view_page(browser, ACCOUNT, consent=both))
    answer = view_page(browser, consent=REFUSED)
    assert visitor_of(answer) == visitor
    assert PROSPECTS not in answer.json()["segments"]  # it asks for the purpose itself


def test_the_consent_call_answers_and_remembers(browser: httpx.Client) -> None:
    """Consent given once holds for the page views after it."""
    answer = browser.post("/v1/consent", json={"consent": GRANTED})
    assert answer.status_code == 200
    assert answer.json()["consent"] == GRANTED
    assert visitor_of(view_page(browser, ACCOUNT)) == answer.json()["visitor"]
    assert PROSPECTS in view_page(browser).json()["segments"]


def test_forget_me_erases_and_drops_the_cookie(browser: httpx.Client, service: Service) -> None:
    """After DELETE /v1/me nothing of the visitor is left, and the next view is a stranger's."""
    visitor = visitor_of(view_page(browser, ACCOUNT, consent=GRANTED))
    answer = browser.delete("/v1/me")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    stored = _stored(service, visitor)
    assert stored is None or stored.erased
    assert visitor_of(view_page(browser)) is None


def test_forget_me_of_a_stranger_is_no_error(browser: httpx.Client, service: Service) -> None:
    """Without a cookie there is nothing to erase and nothing to drop."""
    before = service.keys()
    answer = browser.delete("/v1/me")
    assert answer.status_code == 204
    assert "set-cookie" not in answer.headers
    assert service.keys() == before


def test_a_late_write_does_not_bring_the_forgotten_back(
    browser: httpx.Client, service: Service
) -> None:
    """A page view on its way while the visitor is forgotten leaves nothing behind."""
    visitor = visitor_of(view_page(browser, ACCOUNT, consent=GRANTED))
    old = f"edgeseg={browser.cookies['edgeseg']}"
    browser.delete("/v1/me")
    browser.cookies.clear()
    assert view_page(browser, ACCOUNT, headers={"Cookie": old}).status_code == 200
    stored = _stored(service, visitor)
    assert stored is None or stored.erased


def test_a_fragment_reads_only(browser: httpx.Client, service: Service) -> None:
    """A fragment shows the visitor's variant, and records and sets nothing."""
    visitor = visitor_of(view_page(browser, ACCOUNT, consent=GRANTED))
    before = _stored(service, visitor)
    answer = browser.get("/v1/fragment/home-hero", params={"url": HOME})
    assert answer.headers["edgeseg-status"].startswith("variant; open-an-account/")
    assert "Request an account" in answer.text
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "private, no-store"
    assert _stored(service, visitor) == before


def test_fragments_of_a_stranger_show_what_everybody_sees(
    browser: httpx.Client, service: Service
) -> None:
    """Parallel fragments of a newcomer make no ids and store nothing."""
    before = service.keys()
    everybody = "variant; popular-now/everybody; TARGETING_MATCH"
    for slot, status in (
        ("home-hero", "fallback; DEFAULT"),
        ("recommendations", everybody),
        ("exit-popup", "fallback; DEFAULT"),
    ):
        answer = browser.get(f"/v1/fragment/{slot}", headers={"Referer": HOME})
        assert answer.status_code == 200
        assert answer.headers["edgeseg-status"] == status
        assert "set-cookie" not in answer.headers
    assert service.keys() == before
