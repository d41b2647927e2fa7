"""What visitors may know, take along and forbid; and who they prove to be."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from litestar.testing import TestClient

from edgeseg.app import create_app
from edgeseg.clock import DAY_MS
from edgeseg.profiles.memory_store import MemoryStore
from tests.unit.delivery.settings import SERVER, write_settings

TOKEN_KEY = "identity-key-shared-with-the-login"
NOW_MS = 1_800_000_000_000
RULES = """
fields:
  - {id: plan, type: text, write: browser}
  - {id: phone, type: text, pii: true}
  - {id: email, type: text, pii: true}
metrics:
  - {id: titles, event: played, count: {distinct: title}}
  - {id: callers, event: played, count: {distinct: phone}}
  - {id: seconds, event: played, sum: seconds}
segments:
  - {id: readers, when: {event: page_viewed, count: {gte: 2}}}
  - {id: payers, when: {field: plan, eq: paid}}
  - {id: agreed, when: {consent: m}}
  - id: counted
    when: {all: [{metric: titles, gte: 9}, {metric: callers, gte: 9}, {metric: seconds, gte: 99}]}
"""
PAGE = {"url": "https://x.example/a"}
AGREED = {"m": True}


class Browser:
    """One of several browsers over the same client, each with its own cookies."""

    def __init__(self, client: TestClient[Any]) -> None:
        """Start without cookies."""
        self._client = client
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Send a request with the cookies of this browser."""
        self._client.cookies = self.cookies
        answer = self._client.request(method, path, **parts)
        self.cookies = httpx.Cookies(self._client.cookies)
        return answer

    def get(self, path: str, **parts: Any) -> httpx.Response:
        """Send a GET."""
        return self.request("GET", path, **parts)

    def post(self, path: str, **parts: Any) -> httpx.Response:
        """Send a POST."""
        return self.request("POST", path, **parts)

    def put(self, path: str, **parts: Any) -> httpx.Response:
        """Send a PUT."""
        return self.request("PUT", path, **parts)

    def delete(self, path: str, **parts: Any) -> httpx.Response:
        """Send a DELETE."""
        return self.request("DELETE", path, **parts)


class Site:
    """A service with a clock to be set, and browsers of it."""

    def __init__(self, folder: Path, rules: str = RULES) -> None:
        """Write the rules and start."""
        self.audit = folder / "audit.jsonl"
        self.now_ms = NOW_MS
        settings = write_settings(
            folder,
            rules,
            identity_keys=("another-identity-key-of-the-tests", TOKEN_KEY),
            audit_log=str(self.audit),
            consent_days=10,
        )
        self.store = MemoryStore(clock=lambda: self.now_ms)
        app = create_app(settings, store=self.store, clock=lambda: self.now_ms)
        self.client = TestClient(app, base_url="http://127.0.0.1")

    def browser(self) -> Browser:
        """Answer a browser without any cookie."""
        return Browser(self.client)

    def token(self, user_id: object, **claims: object) -> str:
        """Answer what the site's login hands to its page."""
        seconds = self.now_ms // 1_000
        return jwt.encode({"sub": user_id, "exp": seconds + 60, **claims}, TOKEN_KEY, "HS256")

    def entries(self) -> list[dict[str, str]]:
        """Answer the lines of the audit log."""
        return [json.loads(line) for line in self.audit.read_text("utf-8").splitlines()]


class AlmostFull(io.BytesIO):
    """A file with room for ten bytes."""

    def write(self, data: Any) -> int:
        """Take what there is room for."""
        return super().write(data[:10])


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


def view(client: Browser, **body: object) -> dict[str, Any]:
    """View a page; answer what classify said."""
    answer = client.post("/v1/classify", json={"page": PAGE, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def identify(client: Browser, token: str, **body: object) -> Any:
    """Log in."""
    return client.post("/v1/me/identify", json={"token": token, **body})


def set_attributes(client: Browser, visitor: str, **attributes: str) -> None:
    """Set attributes as a server does."""
    body = {"attributes": attributes}
    answer = client.put(f"/v1/visitors/{visitor}/attributes", json=body, headers=SERVER)
    assert answer.status_code == 200, answer.text


def test_i_am_told_what_is_stored(browser: Browser) -> None:
    """Consents with instant, expiry, source and history; what identifies me only masked."""
    visitor = view(browser, consent=AGREED)["visitor"]
    set_attributes(browser, visitor, plan="paid", phone="+420 123")
    answer = browser.get("/v1/me")
    assert answer.headers["cache-control"] == "private, no-store"
    body = answer.json()
    assert (body["visitor"], body["known"]) == (visitor, False)
    assert (body["attributes"], body["masked"]) == ({"plan": "paid", "phone": "***"}, ["phone"])
    assert body["consents"]["m"] == {
        "state": "granted",
        "at": "2027-01-15T08:00:00.000Z",
        "expires_at": "2027-01-25T08:00:00.000Z",
        "source": "cookie",
        "history": [],
    }
    assert body["events"] == {"page_viewed": 1}


def test_only_events_with_a_name_are_told(browser: Browser) -> None:
    """Beyond 200 names a profile counts them together, under none."""
    for start in range(0, 220, 20):
        events = [{"event": f"event_{number}"} for number in range(start, start + 20)]
        view(browser, consent=AGREED, events=events)
    told = browser.get("/v1/me").json()["events"]
    assert len(told) == 200
    assert "" not in told


def test_of_a_stranger_nothing_is_told(browser: Browser) -> None:
    """Without a cookie, and with one of somebody who was erased."""
    nothing = browser.get("/v1/me")
    assert nothing.status_code == 404
    # A shared cache may else keep it, and give it to whoever asks next.
    assert nothing.headers["cache-control"] == "private, no-store"
    view(browser, consent=AGREED)
    cookie = browser.cookies["edgeseg"]
    browser.delete("/v1/me")
    browser.cookies.set("edgeseg", cookie, domain="127.0.0.1")
    assert browser.get("/v1/me/export").status_code == 404


def test_i_can_take_all_of_it_along(browser: Browser) -> None:
    """The retained events are in the export; an address in them only for who proves to be me."""
    form = {"event": "form_submitted", "properties": {"email": "ann@x.example", "form": "news"}}
    order = {"event": "order_completed", "properties": {"order_id": "o1", "revenue": 5}}
    visitor = view(browser, consent=AGREED, events=[form])["visitor"]
    answer = browser.get("/v1/me/export")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.json()["history"][1]["properties"] == {"email": "***", "form": "news"}
    bought = {"page": PAGE, "visitor": visitor, "events": [order]}
    browser.post("/v1/classify", json=bought, headers=SERVER)
    whole = browser.get(f"/v1/visitors/{visitor}/export", headers=SERVER).json()
    assert whole["history"][1]["properties"]["email"] == "ann@x.example"
    assert whole["things"][0]["properties"] == {"order_id": "o1", "revenue": 5}
    assert whole["profile"]["events"]["order_completed"] == 1


def test_what_only_metrics_remember_is_in_the_export(browser: Browser, site: Site) -> None:
    """The events themselves are not retained for ever; what was counted of them is told."""
    played = {"event": "played", "properties": {"title": "Ulysses", "phone": "+420 123"}}
    played["properties"]["seconds"] = 5
    view(browser, consent=AGREED, events=[played])
    for _ in range(10):
        view(browser, events=[{"event": "e"}] * 20)
    whole = browser.get("/v1/me/export").json()
    assert "Ulysses" not in str(whole["history"])
    at = "2027-01-15T08:00:00.000Z"
    told = {(each["event"], each["property"]): each for each in whole["metrics"]}
    seen = {"event": "played", "property": "", "count": 1, "first_at": at, "last_at": at}
    assert told["played", ""] == seen | {"at": [], "total": 0, "values": []}
    assert told["played", "title"]["values"] == ["Ulysses"]
    assert told["played", "seconds"]["total"] == 5
    assert told["played", "phone"]["values"] == ["***"]
    assert whole["visit"]["pages"] == 11
    assert whole["visit"]["landing_path"] == "/a"
    header = {"Edgeseg-Identity": site.token("ann")}
    assert identify(browser, site.token("ann")).status_code == 200
    assert "+420 123" in browser.get("/v1/me/export", headers=header).text


def test_what_is_personal_is_masked_wherever_the_profile_has_it(tmp_path: Path) -> None:
    """Among interests, and in an order that got it by an event that changed the order."""
    rules = """
metrics: [{id: streets, event: order_completed, count: {distinct: street}}]
segments:
  - {id: fans, when: {affinity: {to: author, value: Joyce}}}
  - {id: moved, when: {metric: streets, gte: 2}}
events:
  - {id: read, properties: [{id: author, type: text, pii: true}]}
  - {id: order_updated, properties: [{id: street, type: text, pii: true}]}
"""
    site = Site(tmp_path, rules)
    with site.client:
        browser = site.browser()
        about_me: list[tuple[str, dict[str, Any]]] = [
            ("read", {"author": "Joyce"}),
            ("order_completed", {"order_id": "o"}),
            ("order_updated", {"order_id": "o", "street": "Eccles"}),
        ]
        events = [{"event": name, "properties": told} for name, told in about_me]
        visitor = view(browser, consent=AGREED)["visitor"]
        told = {"page": PAGE, "visitor": visitor, "events": events}
        browser.post("/v1/classify", json=told, headers=SERVER)
        masked = browser.get("/v1/me/export").json()
        whole = browser.get(f"/v1/visitors/{visitor}/export", headers=SERVER).text
    assert list(masked["interests"]["author"]) == ["***"]
    assert masked["things"][0]["properties"] == {"order_id": "o", "street": "***"}
    assert "Joyce" not in str(masked)
    assert "Eccles" not in str(masked)
    assert '"Joyce"' in whole
    assert whole.count('"Eccles"') == 3  # of the order, what is counted of it, and the event


def test_a_login_joins_the_anonymous_history(browser: Browser, site: Site) -> None:
    """The browser keeps what it did, gets the known id, and is shown its own attributes."""
    before = view(browser, consent=AGREED)
    answer = identify(browser, site.token("ann", email="Ann@x.example "))
    known = answer.json()["visitor"]
    assert answer.json() == {"visitor": known, "known": True}
    assert known.startswith("known:")
    after = view(browser)
    assert (after["visitor"], after["segments"]) == (known, ["agreed", "readers"])
    set_attributes(browser, before["visitor"], phone="+420 123")  # the old id leads to the new
    assert browser.get("/v1/me").json()["attributes"] == {"phone": "+420 123"}
    assert browser.get("/v1/me/export").json()["profile"]["known"] is True


def test_a_second_device_shares_the_profile(browser: Browser, site: Site) -> None:
    """Two browsers of one person who logs in on both have one history."""
    view(browser, consent=AGREED)
    identify(browser, site.token("ann"))
    phone = site.browser()
    assert view(phone, consent=AGREED)["segments"] == ["agreed"]
    identify(phone, site.token("ann"))
    assert view(phone)["segments"] == ["agreed", "readers"]
    assert phone.get("/v1/me").json()["events"]["page_viewed"] == 3


def test_another_tab_with_the_old_cookie_follows(browser: Browser, site: Site) -> None:
    """Its next answer brings the new id."""
    view(browser, consent=AGREED)
    old = browser.cookies["edgeseg"]
    known = identify(browser, site.token("ann")).json()["visitor"]
    tab = site.browser()
    tab.cookies.set("edgeseg", old, domain="127.0.0.1")
    assert view(tab)["visitor"] == known
    assert tab.cookies["edgeseg"] != old
    assert view(tab)["visitor"] == known


def test_logging_out_makes_somebody_new(browser: Browser, site: Site) -> None:
    """With the consents, without the history; who logs in next is not mixed in."""
    view(browser, consent=AGREED)
    ann = identify(browser, site.token("ann")).json()["visitor"]
    fresh = browser.post("/v1/me/log-out").json()
    assert fresh["visitor"] not in (None, ann)
    assert not fresh["known"]
    assert view(browser)["segments"] == ["agreed"]
    ben = identify(browser, site.token("ben")).json()["visitor"]
    assert browser.get("/v1/me").json()["events"] == {"page_viewed": 1}
    # Cat logs in without Ben having logged out: two people are not one.
    cat = identify(browser, site.token("cat")).json()["visitor"]
    assert len({ann, ben, cat}) == 3
    assert view(browser)["segments"] == ["agreed"]
    assert site.browser().post("/v1/me/log-out").json()["visitor"] is None


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": NOW_MS // 1_000}, "has ended"),
        ({"exp": NOW_MS // 1_000 + 86_401}, "more than 24 hours"),
        ({"exp": True}, "number of seconds"),
        ({"exp": None}, "number of seconds"),
        ({"sub": None}, "no text of"),
        ({"sub": ""}, "no text of"),
        ({"sub": "x" * 257}, "no text of"),
    ],
)
def test_a_bad_token_is_refused(
    browser: Browser, site: Site, claims: dict[str, object], why: str
) -> None:
    """Tokens end, end soon, and name somebody."""
    view(browser, consent=AGREED)
    answer = identify(browser, site.token("ann", **claims))
    assert (answer.status_code, why in answer.json()["detail"]) == (401, True), answer.text


@pytest.mark.parametrize(
    "claims",
    [{"aud": "shop"}, {"iss": "login"}, {"nbf": NOW_MS}, {"iat": NOW_MS}, {"jti": "7"}, {"x": []}],
)
def test_other_claims_of_a_token_are_ignored(
    browser: Browser, site: Site, claims: dict[str, object]
) -> None:
    """Libraries add some by themselves, by clocks that are a little ahead."""
    view(browser, consent=AGREED)
    answer = identify(browser, site.token("ann", **claims))
    assert (answer.status_code, answer.json().get("known")) == (200, True), answer.text


@pytest.mark.parametrize("forged", ["", "a.b.c", "none", "other"])
def test_a_forged_token_is_refused(browser: Browser, site: Site, forged: str) -> None:
    """Neither junk, nor another key, nor an unsigned one."""
    view(browser, consent=AGREED)
    claims = {"sub": "ann", "exp": NOW_MS // 1_000 + 60}
    token = forged
    if forged == "none":
        token = jwt.encode(claims, "", "none")
    elif forged == "other":
        token = jwt.encode(claims, "x" * 32, "HS256")
    assert identify(browser, token).status_code == 401
    assert browser.get("/v1/me", headers={"Edgeseg-Identity": token or "x"}).status_code == 401
    assert site.store is not None


def test_a_token_of_somebody_else_shows_nothing(browser: Browser, site: Site) -> None:
    """The proof must be about the very profile of the cookie."""
    visitor = view(browser, consent=AGREED)["visitor"]
    set_attributes(browser, visitor, phone="+420 123")
    for name in ("ann", "ben"):
        header = {"Edgeseg-Identity": site.token(name)}
        assert browser.get("/v1/me", headers=header).json()["attributes"] == {"phone": "***"}
    body = {"user_id": "ann"}
    browser.post(f"/v1/visitors/{visitor}/identify", json=body, headers=SERVER)
    old = browser.get("/v1/me")
    assert old.json()["attributes"] == {"phone": "***"}  # this cookie has not proven it yet
    header = {"Edgeseg-Identity": site.token("ann")}
    assert browser.get("/v1/me", headers=header).json()["attributes"] == {"phone": "+420 123"}


def test_a_login_needs_consent(browser: Browser, site: Site) -> None:
    """Nothing is stored of who has not agreed, not even that they are here."""
    answer = identify(browser, site.token("ann"))
    assert (answer.status_code, answer.json()["field"]) == (400, "consent")
    assert identify(browser, site.token("ann"), consent=AGREED).status_code == 200
    assert browser.get("/v1/me").json()["consents"]["m"]["state"] == "granted"


def test_a_strange_header_costs_no_page_view(browser: Browser, site: Site) -> None:
    """Whatever a browser says of its language, the page is answered."""
    headers = {"Accept-Language": "x" * 300 + ";q=1, cs"}
    assert browser.post("/v1/classify", json={"page": PAGE}, headers=headers).status_code == 200


def test_i_want_no_profile(browser: Browser, site: Site) -> None:
    """It is erased, and not even consent brings one back until it is taken back."""
    visitor = view(browser, consent=AGREED)["visitor"]
    assert browser.put("/v1/me/do-not-profile").status_code == 204
    for _ in range(2):
        assert view(browser, consent=AGREED)["visitor"] is None
    assert browser.post("/v1/consent", json={"consent": AGREED}).json()["visitor"] is None
    assert identify(browser, site.token("ann"), consent=AGREED).status_code == 400
    assert browser.get(f"/v1/visitors/{visitor}", headers=SERVER).status_code == 404
    assert browser.delete("/v1/me").status_code == 204  # which is not to take it back
    assert view(browser, consent=AGREED)["visitor"] is None
    assert browser.delete("/v1/me/do-not-profile").status_code == 204
    assert view(browser, consent=AGREED)["visitor"] not in (None, visitor)
    assert browser.delete("/v1/me/do-not-profile").status_code == 204
    assert view(browser)["visitor"] is not None


def test_consent_expires(browser: Browser, site: Site) -> None:
    """Not a millisecond too late: the answer says when, and then it was never given."""
    answer = view(browser, consent=AGREED)
    assert answer["valid_until"] == "2027-01-25T08:00:00.000Z"
    site.now_ms = NOW_MS + 10 * DAY_MS - 1
    assert view(browser)["segments"] == ["agreed", "readers"]
    site.now_ms += 1
    assert view(browser)["visitor"] is None
    assert view(browser)["segments"] == []
    again = view(browser, consent=AGREED)
    assert (again["visitor"], again["segments"]) == (answer["visitor"], ["agreed", "readers"])


def test_a_server_need_not_repeat_the_consent(browser: Browser, site: Site) -> None:
    """What is stored counts, until it expires or the call says otherwise."""

    def call(**body: object) -> dict[str, Any]:
        wanted = {"page": PAGE, "visitor": "ann", **body}
        found: dict[str, Any] = browser.post("/v1/classify", json=wanted, headers=SERVER).json()
        return found

    assert call()["visitor"] is None
    assert call(consent=AGREED)["visitor"] == "ann"
    assert call()["segments"] == ["agreed", "readers"]
    site.now_ms += 10 * DAY_MS
    assert call()["visitor"] is None
    assert call(consent=AGREED)["visitor"] == "ann"
    opted_out = {**SERVER, "Sec-GPC": "1"}
    wanted = {"page": PAGE, "visitor": "ann"}
    body = browser.post("/v1/classify", json=wanted, headers=opted_out).json()
    assert body["visitor"] is None
    assert call(consent={"m": False})["visitor"] is None
    assert browser.get("/v1/visitors/ann", headers=SERVER).status_code == 404


def test_the_answer_to_a_server_knows_when_stored_consent_expires(
    browser: Browser, site: Site
) -> None:
    """It is good from when it was given, not from when a server asks."""
    wanted = {"page": PAGE, "visitor": "ann"}
    given = browser.post("/v1/classify", json={**wanted, "consent": AGREED}, headers=SERVER).json()
    site.now_ms += 9 * DAY_MS
    after = browser.post("/v1/classify", json=wanted, headers=SERVER).json()
    assert after["segments"] == ["agreed", "readers"]
    assert after["valid_until"] == given["valid_until"] == "2027-01-25T08:00:00.000Z"


def test_a_segment_key_knows_when_consent_expires(browser: Browser, site: Site) -> None:
    """Time alone changes what it says, as it does in the answer to the page view."""
    expected = view(browser, consent=AGREED)["valid_until"]
    site.now_ms += 9 * DAY_MS
    assert browser.get("/v1/segment-key").json()["valid_until"] == expected


def test_the_audit_log_names_nobody(browser: Browser, site: Site) -> None:
    """Who did what when, and the same visitor by the same pseudonym."""
    visitor = view(browser, consent=AGREED)["visitor"]
    browser.post("/v1/consent", json={"consent": {"m": True, "s": True}})
    browser.get("/v1/me")
    browser.get("/v1/me/export")
    browser.get(f"/v1/visitors/{visitor}/export", headers=SERVER)
    browser.delete("/v1/me")
    entries = site.entries()
    expected = ["consent", "show", "export", "export", "erase"]
    assert [entry["action"] for entry in entries] == expected
    assert len({entry["visitor"] for entry in entries}) == 1
    by = [entry["by"].split()[0] for entry in entries]
    assert by == ["cookie", "cookie", "cookie", "server", "cookie"]
    text = site.audit.read_text("utf-8")
    assert visitor not in text
    assert "server-key" not in text
    another = site.browser()
    view(another, consent=AGREED)
    another.put("/v1/me/do-not-profile")
    assert site.entries()[-1]["action"] == "do-not-profile"


def test_an_audit_log_that_cannot_be_written_stops_the_work(browser: Browser, site: Site) -> None:
    """What is to be audited does not happen unseen."""
    view(browser, consent=AGREED)
    site.audit.mkdir()
    answer = browser.get("/v1/me")
    assert (answer.status_code, "audit log" in answer.json()["detail"]) == (503, True)
    assert view(browser, consent={"m": False})["degraded"] is True  # a page view is never an error


def test_a_consent_taken_back_holds_where_that_cannot_be_audited(
    browser: Browser, site: Site
) -> None:
    """Nobody's right to say no waits for a disk; the erasure is audited once there is room."""
    view(browser, consent={"m": True, "s": True})
    site.audit.mkdir()
    one = browser.post("/v1/consent", json={"consent": {"m": True, "s": False}})
    assert (one.status_code, view(browser)["consent"]) == (202, {"m": True, "s": False})
    both = browser.post("/v1/consent", json={"consent": {"m": False}})
    assert (both.status_code, view(browser)["visitor"]) == (202, None)
    site.audit.rmdir()
    assert view(browser)["degraded"] is False
    assert [entry["action"] for entry in site.entries()] == ["erase"]


def test_an_entry_that_is_written_in_part_stops_the_work(
    browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is almost full takes the beginning of a line without an error."""
    view(browser, consent=AGREED)
    monkeypatch.setattr("pathlib.Path.open", lambda *_args, **_parts: AlmostFull())
    assert browser.get("/v1/me").status_code == 503


def test_a_login_or_a_consent_does_not_happen_unseen(browser: Browser, site: Site) -> None:
    """Where the audit log cannot be written the visitor stays who they were."""
    visitor = view(browser, consent=AGREED)["visitor"]
    site.audit.mkdir()
    assert identify(browser, site.token("ann")).status_code == 503
    assert browser.post("/v1/me/log-out").status_code == 503
    more = {"consent": {"m": True, "s": True}}
    assert browser.post("/v1/consent", json=more).status_code == 503
    site.audit.rmdir()
    told = browser.get("/v1/me").json()
    assert (told["visitor"], list(told["consents"])) == (visitor, ["m"])
