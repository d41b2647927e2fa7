"""Finding, merging, identifying and anonymizing visitors from the server side."""

from typing import Any

import pytest

from edgeseg.clock import DAY_MS
from edgeseg.profiles.identity import Identities, email_digest
from tests.unit.delivery.settings import KEY, SERVER
from tests.unit.delivery.test_me import (
    AGREED,
    PAGE,
    Browser,
    Site,
    browser,
    identify,
    set_attributes,
    site,
    view,
)

__all__ = ["browser", "site"]
IDENTITIES = Identities("secret-of-the-tests")


def post(client: Browser, path: str, body: object = None) -> Any:
    """Call with the server key."""
    return client.post(f"/v1/visitors/{path}", json=body, headers=SERVER)


def find(client: Browser, **query: str) -> list[str]:
    """Answer who is found."""
    answer = client.get("/v1/visitors", params=query, headers=SERVER)
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["visitors"]
    return found


def test_a_form_makes_its_visitor_findable(browser: Browser, site: Site) -> None:
    """By the hashed address, in each browser that gave it; nobody is joined by that."""
    form = {"event": "form_submitted", "properties": {"email": " Ann@X.example"}}
    visitors = [view(browser, consent=AGREED, events=[form])["visitor"]]
    visitors.append(view(site.browser(), consent=AGREED, events=[form])["visitor"])
    digest = email_digest("ann@x.example")
    assert find(browser, email_hash=digest) == sorted(visitors)
    browser.delete("/v1/me")
    assert find(browser, email_hash=digest) == visitors[1:]
    assert find(browser, email_hash=email_digest("ben@x.example")) == []


@pytest.mark.parametrize("query", [{}, {"email_hash": "x"}, {"email_hash": "A" * 64},
                                   {"email_hash": "a" * 64, "user_id": "ann"}])  # fmt: skip
def test_a_search_says_what_for(browser: Browser, query: dict[str, str]) -> None:
    """Either a hash, of the form that addresses are hashed in, or an id."""
    answer = browser.get("/v1/visitors", params=query, headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (400, "email_hash")


def test_the_description_says_how_many_members_a_search_takes(browser: Browser) -> None:
    """One of as many as there are."""
    call = browser.get("/openapi/openapi.json").json()["paths"]["/v1/visitors"]["get"]
    told = {each["name"]: each["description"] for each in call["parameters"]}
    assert {*told} == {"email_hash", "user_id", "anonymous_id"}
    assert {*told.values()} == {"Exactly one of the three is needed."}


def test_a_server_says_who_somebody_is(browser: Browser) -> None:
    """The visitor becomes the known person, and is found by id and address."""
    visitor = view(browser, consent=AGREED)["visitor"]
    body = {"user_id": "ann", "email": "ann@x.example"}
    answer = post(browser, f"{visitor}/identify", body)
    known = IDENTITIES.known("ann")
    assert answer.json()["visitor"] == known
    assert find(browser, user_id="ann") == [known]
    assert find(browser, email_hash=email_digest("ann@x.example")) == [known]
    assert view(browser)["visitor"] == known
    browser.delete("/v1/me")
    assert find(browser, user_id="ann") == []


def test_a_search_by_address_tells_a_person_once(browser: Browser, site: Site) -> None:
    """Both devices gave it before the login; whoever answers a request needs one id."""
    form = {"event": "form_submitted", "properties": {"email": "ann@x.example"}}
    for device in (browser, site.browser()):
        view(device, consent=AGREED, events=[form])
        known = identify(device, site.token("ann")).json()["visitor"]
    assert find(browser, email_hash=email_digest("ann@x.example")) == [known]


def test_two_visitors_are_merged(browser: Browser, site: Site) -> None:
    """Either id shows the one profile; the bucket is that of the older."""
    one = view(browser, consent=AGREED)["visitor"]
    site.now_ms += 1_000
    two = view(site.browser(), consent=AGREED)["visitor"]
    merged = post(browser, f"{two}/merge", {"other": one}).json()
    assert merged["visitor"] == min(one, two)
    assert merged["events"] == {"page_viewed": 2}
    for each in (one, two):
        shown = browser.get(f"/v1/visitors/{each}", headers=SERVER).json()
        assert shown["visitor"] == min(one, two)
    assert post(browser, f"{one}/merge", {"other": "nobody"}).status_code == 404
    assert post(browser, f"{one}/merge", {"other": "not an id"}).status_code == 400


def test_anonymizing_keeps_counts_and_nobody(browser: Browser, site: Site) -> None:
    """The segment keeps its size; no id, address or person's attribute is left."""
    form = {"event": "form_submitted", "properties": {"email": "ann@x.example"}}
    visitor = view(browser, consent=AGREED, events=[form])["visitor"]
    set_attributes(browser, visitor, plan="paid", phone="+420 123")
    order = {"event": "order_completed", "properties": {"order_id": "secret-7", "revenue": 5}}
    bought = {"page": PAGE, "visitor": visitor, "events": [order]}
    browser.post("/v1/classify", json=bought, headers=SERVER)
    site.now_ms += DAY_MS
    assert post(browser, f"{visitor}/anonymize").status_code == 204
    assert browser.get(f"/v1/visitors/{visitor}", headers=SERVER).status_code == 404
    assert find(browser, email_hash=email_digest("ann@x.example")) == []
    (nobody,) = site.store._visitors
    whole = browser.get(f"/v1/visitors/{nobody}/export", headers=SERVER)
    for told in ("ann@x.example", "+420 123", "secret-7", visitor):
        assert told not in whole.text
    profile = whole.json()["profile"]
    assert profile["attributes"] == {"plan": "paid"}
    assert profile["events"] == {"page_viewed": 2, "form_submitted": 1, "order_completed": 1}
    assert whole.json()["history"] == []
    assert post(browser, f"{visitor}/anonymize").status_code == 404


def test_a_server_forbids_a_profile(browser: Browser, site: Site) -> None:
    """Longer than an erasure turns writes away; until it is taken back."""
    visitor = view(browser, consent=AGREED)["visitor"]
    path = f"/v1/visitors/{visitor}/do-not-profile"
    assert browser.put(path, headers=SERVER).status_code == 204
    # To erase once more, or to take consent back, says nothing against it.
    assert browser.delete(f"/v1/visitors/{visitor}", headers=SERVER).status_code == 204
    site.now_ms += 9 * DAY_MS
    view(browser)
    assert browser.get(f"/v1/visitors/{visitor}", headers=SERVER).status_code == 404
    assert browser.delete(path, headers=SERVER).status_code == 204
    view(browser)
    assert browser.get(f"/v1/visitors/{visitor}", headers=SERVER).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "?user_id=ann"),
        ("GET", "/ann/export"),
        ("POST", "/ann/merge"),
        ("POST", "/ann/identify"),
        ("POST", "/ann/anonymize"),
        ("PUT", "/ann/do-not-profile"),
        ("DELETE", "/ann/do-not-profile"),
    ],
)
def test_only_a_server_key_may(browser: Browser, method: str, path: str) -> None:
    """A browser cannot look at, join or erase anybody."""
    answer = browser.request(method, f"/v1/visitors{path}", json={"other": "x", "user_id": "x"})
    assert answer.status_code == 401


def test_consent_taken_back_by_any_server_call_erases(browser: Browser) -> None:
    """A denial wins in every call."""
    visitor = view(browser, consent=AGREED)["visitor"]
    body = {"tags": ["vip"], "consent": {"m": False}}
    answer = browser.put(f"/v1/visitors/{visitor}/tags", json=body, headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (400, "consent")
    assert browser.get(f"/v1/visitors/{visitor}", headers=SERVER).status_code == 404


def test_an_address_set_by_a_server_finds_the_visitor(browser: Browser) -> None:
    """As one in a form does."""
    body = {"attributes": {"email": "ann@x.example"}, "consent": AGREED}
    answer = browser.put("/v1/visitors/ann/attributes", json=body, headers=SERVER)
    assert answer.status_code == 200, answer.text
    assert find(browser, email_hash=email_digest("ann@x.example")) == ["ann"]


def test_two_people_at_one_device_are_not_one(browser: Browser) -> None:
    """An SDK that is not reset between two logins sends the same anonymous id for both."""
    agreed = {"consent": {"categoryPreferences": AGREED}}
    for person in ("ann", "ben"):
        body = {"userId": person, "anonymousId": "a1", "context": agreed, "writeKey": KEY}
        answer = browser.post("/v1/identify", json=body)
        assert answer.status_code == 200, answer.text
    assert find(browser, user_id="ann") == [IDENTITIES.known("ann")]
    assert find(browser, user_id="ben") == [IDENTITIES.known("ben")]


def test_a_server_names_a_person_as_the_site_does(browser: Browser) -> None:
    """`user:` and the site's own id lead to the profile that an SDK's `userId` writes to."""
    body = {"visitor": "user:ann 42/x", "page": PAGE, "consent": AGREED}
    answer = browser.post("/v1/classify", json=body, headers=SERVER).json()
    known = IDENTITIES.known("ann 42/x")
    assert answer["visitor"] == known
    shown = browser.get("/v1/visitors/user:ann 42%2Fx".replace("%2F", "/"), headers=SERVER)
    assert shown.status_code == 404  # a slash cannot stand in a path: find, then use the id
    assert find(browser, user_id="ann 42/x") == [known]
    again = browser.post("/v1/classify", json={**body, "consent": {}}, headers=SERVER).json()
    assert (again["visitor"], again["segments"]) == (known, ["readers", "agreed"][::-1])


@pytest.mark.parametrize("path", ["", "/export"])
def test_a_path_names_a_person_as_the_site_does(browser: Browser, path: str) -> None:
    """Every call below `/v1/visitors/` takes such a name, and answers the id."""
    visitor = IDENTITIES.known("42")
    body = {"attributes": {"plan": "paid"}, "consent": AGREED}
    browser.put("/v1/visitors/user:42/attributes", json=body, headers=SERVER)
    shown = browser.get(f"/v1/visitors/user:42{path}", headers=SERVER).json()
    assert shown.get("profile", shown)["visitor"] == visitor


@pytest.mark.parametrize("name", ["42%2F", "42%2fexport", "42%2F%2F", "%2F42"])
def test_a_name_with_a_slash_leads_to_nobody_else(browser: Browser, name: str) -> None:
    """People may choose their names on a site: by none of them do they get at another's data."""
    body = {"attributes": {"plan": "paid"}, "consent": AGREED}
    browser.put("/v1/visitors/user:42/attributes", json=body, headers=SERVER)
    for method, rest in (("GET", ""), ("DELETE", ""), ("DELETE", "/do-not-profile")):
        answer = browser.request(method, f"/v1/visitors/user:{name}{rest}", headers=SERVER)
        assert answer.status_code in {400, 404, 405}, answer.text
        assert "known:" not in answer.text
    assert browser.get("/v1/visitors/user:42", headers=SERVER).json()["attributes"]


def test_a_path_names_a_client_as_its_sdk_does(browser: Browser) -> None:
    """`anonymous:` and an SDK's `anonymousId`; merging takes such names, too."""
    body = {"attributes": {"plan": "paid"}, "consent": AGREED}
    for name in ("anonymous:abc", "user:42"):
        browser.put(f"/v1/visitors/{name}/attributes", json=body, headers=SERVER)
    merged = post(browser, "anonymous:abc/merge", {"other": "user:42"}).json()
    assert merged["visitor"] == IDENTITIES.known("42")
    assert find(browser, anonymous_id="abc") == [IDENTITIES.known("42")]


@pytest.mark.parametrize("name", ["user:", "anonymous:", "user:" + "x" * 257, "no blanks here"])
def test_a_name_of_nobody_is_refused(browser: Browser, name: str) -> None:
    """The refusal names the member."""
    answer = browser.post("/v1/classify", json={"visitor": name, "page": PAGE}, headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (400, "visitor")


@pytest.mark.parametrize("ending", ["erased", "do-not-profile"])
def test_a_change_that_is_not_kept_is_refused(browser: Browser, ending: str) -> None:
    """What is set just after an erasure is not stored, and the answer says so and what to do."""
    if ending == "erased":
        browser.delete("/v1/visitors/ann", headers=SERVER)
    else:
        browser.put("/v1/visitors/ann/do-not-profile", headers=SERVER)
    body = {"tags": ["a"], "consent": AGREED}
    answer = browser.put("/v1/visitors/ann/tags", json=body, headers=SERVER)
    assert (answer.status_code, answer.json()["field"]) == (400, "visitor")
    assert "DELETE /v1/visitors/{id}/do-not-profile" in answer.json()["detail"]
    browser.delete("/v1/visitors/ann/do-not-profile", headers=SERVER)
    assert browser.put("/v1/visitors/ann/tags", json=body, headers=SERVER).json()["tags"] == ["a"]


def test_what_servers_see_and_change_is_audited(browser: Browser, site: Site) -> None:
    """By which key, and whose by a pseudonym."""
    body = {"tags": ["a"], "consent": AGREED}
    browser.put("/v1/visitors/ann/tags", json=body, headers=SERVER)
    browser.get("/v1/visitors/ann", headers=SERVER)
    entries = site.entries()
    assert [entry["action"] for entry in entries] == ["consent", "change", "show"]
    assert {entry["by"].split()[0] for entry in entries} == {"server"}
    assert len({entry["by"] for entry in entries}) == 1


def test_a_consent_that_a_server_takes_back_is_audited(browser: Browser, site: Site) -> None:
    """The call is refused, but the visitor is erased by it."""
    view(browser, consent=AGREED)
    visitor = view(browser)["visitor"]
    body = {"tags": ["vip"], "consent": {"m": False}}
    answer = browser.put(f"/v1/visitors/{visitor}/tags", json=body, headers=SERVER)
    assert answer.status_code == 400
    told = [(entry["action"], entry["by"].split()[0]) for entry in site.entries()]
    assert told == [("erase", "consent"), ("consent", "server")]


def test_letting_a_visitor_be_profiled_again_is_audited(browser: Browser, site: Site) -> None:
    """As forbidding it is."""
    browser.put("/v1/visitors/ann/do-not-profile", headers=SERVER)
    browser.delete("/v1/visitors/ann/do-not-profile", headers=SERVER)
    entries = site.entries()
    assert [entry["action"] for entry in entries] == ["do-not-profile", "allow-profile"]
    assert len({(entry["visitor"], entry["by"]) for entry in entries}) == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "attributes", {"attributes": {"plan": "paid"}}),
        ("PUT", "tags", {"tags": ["vip"]}),
        ("POST", "merge", {"other": "ben"}),
        ("POST", "identify", {"user_id": "42"}),
        ("POST", "anonymize", None),
    ],
)
def test_no_change_happens_unseen(
    browser: Browser, site: Site, method: str, path: str, body: object
) -> None:
    """Where the audit log cannot be written everything stays as it was."""
    for each in ("ann", "ben"):
        known = {"tags": [each], "consent": AGREED}
        browser.put(f"/v1/visitors/{each}/tags", json=known, headers=SERVER)
    site.audit.unlink()
    site.audit.mkdir()
    answer = browser.request(method, f"/v1/visitors/ann/{path}", json=body, headers=SERVER)
    assert answer.status_code == 503
    site.audit.rmdir()
    shown = browser.get("/v1/visitors/ann", headers=SERVER).json()
    assert (shown["visitor"], shown["tags"], shown["attributes"]) == ("ann", ["ann"], {})


def test_a_ban_is_not_lifted_unseen(browser: Browser, site: Site) -> None:
    """Nor is anything stored of the visitor meanwhile."""
    browser.put("/v1/visitors/ann/do-not-profile", headers=SERVER)
    site.audit.unlink()
    site.audit.mkdir()
    path = "/v1/visitors/ann/do-not-profile"
    assert browser.delete(path, headers=SERVER).status_code == 503
    site.audit.rmdir()
    body = {"tags": ["a"], "consent": AGREED}
    assert browser.put("/v1/visitors/ann/tags", json=body, headers=SERVER).status_code == 400


def test_a_merge_is_audited_under_the_id_that_stays(browser: Browser, site: Site) -> None:
    """Also where that is the former id of neither."""
    for each in ("ann", "ben", "zoe"):
        body = {"tags": [each], "consent": AGREED}
        browser.put(f"/v1/visitors/{each}/tags", json=body, headers=SERVER)
    for one, other in (("zoe", "ben"), ("zoe", "ann")):
        assert post(browser, f"{one}/merge", {"other": other}).status_code == 200
    merged = [entry["visitor"] for entry in site.entries() if entry["action"] == "merge"]
    assert merged == [IDENTITIES.pseudonym(each) for each in ("ben", "ann")]
