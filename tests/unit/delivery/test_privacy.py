"""What visitors take back holds: beside a denying header, and after a grant has expired."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeseg.clock import DAY_MS
from edgeseg.profiles.changes import MAX_PURPOSES
from edgeseg.profiles.profile import MAX_INDEX_ENTRIES
from tests.unit.delivery.settings import SERVER
from tests.unit.delivery.test_me import Browser, Site, view

BOTH = {"m": True, "s": True}
GPC = {"Sec-GPC": "1"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A service over a store in memory."""
    site = Site(tmp_path)
    with site.client:
        yield site


@pytest.fixture
def browser(site: Site) -> Browser:
    """A browser of the site."""
    return site.browser()


def say(browser: Browser, consent: dict[str, bool], **parts: Any) -> Any:
    """Tell the service what the visitor decided."""
    return browser.post("/v1/consent", json={"consent": consent}, **parts)


def is_stored(browser: Browser, visitor: str) -> bool:
    """Tell whether anything is."""
    return browser.get(f"/v1/visitors/{visitor}", headers=SERVER).status_code == 200


@pytest.mark.parametrize("face", ["/v1/consent", "/v1/classify"])
def test_taking_back_everything_erases_beside_gpc(browser: Browser, face: str) -> None:
    """The header denies everything anyway; what the visitor says beside it is no less said."""
    visitor = view(browser, consent=BOTH)["visitor"]
    body = {"consent": {"m": False, "s": False}}
    if face == "/v1/classify":
        body |= {"page": {"url": "https://x.example/a"}}
    answer = browser.post(face, json=body, headers=GPC)
    assert (answer.status_code, answer.json()["visitor"]) == (200, None)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert not is_stored(browser, visitor)
    assert view(browser)["visitor"] is None


def test_taking_back_one_purpose_holds_beside_gpc(browser: Browser) -> None:
    """The cookie keeps the denial for the time after the header, when the profile is told, too."""
    visitor = view(browser, consent=BOTH)["visitor"]
    answer = say(browser, {"m": False}, headers=GPC)
    assert answer.json() == {"consent": {"m": False, "s": False}, "visitor": None}
    assert is_stored(browser, visitor)
    after = view(browser)
    assert (after["visitor"], after["consent"]) == (visitor, {"m": False, "s": True})
    assert {name: state for name, (state, _at) in consents_of(browser).items()} == {
        "m": "revoked",
        "s": "granted",
    }


@pytest.mark.parametrize("consent", [{}, BOTH])
def test_gpc_alone_keeps_what_is_stored(browser: Browser, consent: dict[str, bool]) -> None:
    """Not used, not erased, cookie untouched; a grant beside it changes nothing either."""
    visitor = view(browser, consent={"m": True})["visitor"]
    answer = browser.post(
        "/v1/classify",
        json={"page": {"url": "https://x.example/a"}, "consent": consent},
        headers=GPC,
    )
    assert answer.json()["visitor"] is None
    assert "set-cookie" not in answer.headers
    after = view(browser)
    assert (after["visitor"], after["consent"]) == (visitor, {"m": True})


def test_gpc_does_not_erase_whom_a_server_names_with_consent(browser: Browser) -> None:
    """Only a denial does: a server hands on the header and what it knows of consent."""
    page = {"page": {"url": "https://x.example/a"}, "visitor": "ann"}
    granted = {**page, "consent": {"m": True}}
    browser.post("/v1/classify", json=granted, headers=SERVER)
    answer = browser.post("/v1/classify", json=granted, headers=SERVER | GPC)
    assert answer.json()["visitor"] is None
    assert is_stored(browser, "ann")
    denied = {**page, "consent": {"m": False}}
    browser.post("/v1/classify", json=denied, headers=SERVER | GPC)
    assert not is_stored(browser, "ann")


def test_a_server_takes_back_one_consent_of_several(browser: Browser, site: Site) -> None:
    """As over any other call: what else is stored still allows storing, and keeps its time."""
    page = {"page": {"url": "https://x.example/a"}, "visitor": "ann"}
    browser.post("/v1/classify", json={**page, "consent": BOTH}, headers=SERVER)
    site.now_ms += DAY_MS
    browser.post("/v1/classify", json={**page, "consent": {"s": False}}, headers=SERVER)
    assert is_stored(browser, "ann")
    whole = browser.get("/v1/visitors/ann/export", headers=SERVER).json()["profile"]["consents"]
    assert (whole["m"]["state"], whole["m"]["at"][:10]) == ("granted", "2027-01-15")
    assert (whole["s"]["state"], whole["s"]["at"][:10]) == ("revoked", "2027-01-16")
    browser.post("/v1/classify", json={**page, "consent": {"m": False, "s": False}}, headers=SERVER)
    assert not is_stored(browser, "ann")


def test_a_server_that_says_nothing_of_consent_erases_nobody(browser: Browser, site: Site) -> None:
    """Where only a denial is left in force nothing is used, but nothing was revoked now."""
    page = {"page": {"url": "https://x.example/a"}, "visitor": "ann"}
    browser.post("/v1/classify", json={**page, "consent": BOTH}, headers=SERVER)
    site.now_ms += 6 * DAY_MS
    browser.post("/v1/classify", json={**page, "consent": {"s": False}}, headers=SERVER)
    site.now_ms += 4 * DAY_MS
    answer = browser.post("/v1/classify", json=page, headers=SERVER)
    assert answer.json()["visitor"] is None
    assert is_stored(browser, "ann")


def test_a_refusal_erases_what_an_expired_grant_has_left(browser: Browser, site: Site) -> None:
    """Nobody may be kept until the retention ends who says no."""
    visitor = view(browser, consent={"m": True})["visitor"]
    site.now_ms += 10 * DAY_MS
    assert is_stored(browser, visitor)
    answer = say(browser, {"m": False})
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert not is_stored(browser, visitor)


def consents_of(browser: Browser) -> dict[str, tuple[str, str]]:
    """Answer purpose → where it stands, and since when."""
    told = browser.get("/v1/me").json()["consents"]
    return {purpose: (each["state"], each["at"][:10]) for purpose, each in told.items()}


@pytest.mark.parametrize("face", ["/v1/consent", "/v1/classify"])
def test_what_is_said_of_one_purpose_renews_no_other(
    browser: Browser, site: Site, face: str
) -> None:
    """A grant ends in its own time; whoever was asked about something else has not renewed it."""
    view(browser, consent={"m": True})
    site.now_ms += 6 * DAY_MS
    body = {"consent": {"s": True}}
    if face == "/v1/classify":
        body |= {"page": {"url": "https://x.example/a"}}
    assert browser.post(face, json=body).status_code == 200
    assert consents_of(browser) == {"m": ("granted", "2027-01-15"), "s": ("granted", "2027-01-21")}
    assert browser.post("/v1/me/log-out").status_code == 200
    assert consents_of(browser) == {"m": ("granted", "2027-01-15"), "s": ("granted", "2027-01-21")}


def test_an_old_grant_of_one_device_does_not_outweigh_a_later_refusal(
    browser: Browser, site: Site
) -> None:
    """The second device was asked about something else; that says nothing of the first matter."""
    other = site.browser()
    for each in (browser, other):
        view(each, consent=BOTH)
        each.post("/v1/me/identify", json={"token": site.token("ann")})
        site.now_ms += DAY_MS
    say(browser, {"m": False})
    site.now_ms += DAY_MS
    say(other, {"x": True})
    assert consents_of(browser)["m"] == ("revoked", "2027-01-17")


def test_a_profile_that_is_made_anew_knows_what_was_consented_to(
    browser: Browser, site: Site
) -> None:
    """The old one has gone before the cookie; servers and the visitor still find the consents."""
    visitor = view(browser, consent={"m": True})["visitor"]
    assert browser.delete(f"/v1/visitors/{visitor}", headers=SERVER).status_code == 204
    site.now_ms += DAY_MS
    view(browser)
    assert consents_of(browser) == {"m": ("granted", "2027-01-15")}
    named = {"page": {"url": "https://x.example/a"}, "visitor": visitor}
    found = browser.post("/v1/classify", json=named, headers=SERVER)
    assert found.json()["consent"] == {"m": True}


def test_a_cookie_that_is_sent_again_and_again_makes_no_profile_grow(
    site: Site, browser: Browser
) -> None:
    """Each request is within its bounds, and so is what all of them leave behind."""
    visitor = view(browser, consent={"m": False, "s": True})["visitor"]
    first = dict(browser.cookies)
    for call in range(30):
        browser.cookies.clear()
        browser.cookies.update(first)
        asked = {f"p{call}-{number}": True for number in range(MAX_PURPOSES - 2)}
        form = {"event": "form_submitted", "properties": {"email": f"a{call}@x.example"}}
        assert view(browser, consent=asked, events=[form])["visitor"] == visitor
    stored = browser.get(f"/v1/visitors/{visitor}", headers=SERVER).json()
    assert len(stored["consents"]) == MAX_PURPOSES
    assert stored["consents"]["m"] is False
    assert sum(visitor in named for named in site.store._entries.values()) == MAX_INDEX_ENTRIES


def test_the_interface_description_knows_of_later(browser: Browser) -> None:
    """While the store is away consent is answered 202; generated clients have to expect it."""
    paths = browser.get("/openapi/openapi.json").json()["paths"]
    answers = paths["/v1/consent"]["post"]["responses"]
    plain, later = (answers[status]["content"]["application/json"] for status in ("200", "202"))
    assert plain["schema"] == later["schema"]
