"""Who calls: browsers by their signed cookie, servers by their key."""

import uuid

import httpx
import pytest

from tests.e2e.conftest import StartService
from tests.e2e.service import WRITE_KEY, Service, wait_for
from tests.e2e.views import ACCOUNT, GRANTED, HOME, PROSPECTS, view_page, visitor_of


def _attributes(answer: httpx.Response) -> set[str]:
    parts = answer.headers["set-cookie"].split("; ")
    return {part for part in parts if not part.startswith("edgeseg=")}


def test_the_cookie_is_kept_from_scripts_and_other_sites(browser: httpx.Client) -> None:
    """On loopback over plain HTTP the cookie has every protection but Secure."""
    attributes = _attributes(view_page(browser, consent=GRANTED))
    assert attributes == {"Path=/", f"Max-Age={396 * 86_400}", "HttpOnly", "SameSite=Lax"}


@pytest.mark.parametrize("host", ["localhost", "localhost:8800", "127.0.0.1", "[::1]:8800"])
def test_every_name_of_loopback_does_without_secure(browser: httpx.Client, host: str) -> None:
    """A demo works under whatever name the machine has for itself."""
    answer = view_page(browser, consent=GRANTED, headers={"Host": host})
    assert "Secure" not in _attributes(answer)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "shop.example"},
        {"Host": "localhost.shop.example"},
        {"Host": "127.shop.example"},
        {"Host": "127.0.0.1.shop.example"},
        {"Host": ""},
        {"Host": "localhost", "X-Forwarded-Proto": "https"},
    ],
    ids=lambda headers: "; ".join(headers.values()),
)
def test_elsewhere_the_cookie_is_secure(browser: httpx.Client, headers: dict[str, str]) -> None:
    """Under any other name, or behind TLS, the cookie travels encrypted only."""
    assert "Secure" in _attributes(view_page(browser, consent=GRANTED, headers=headers))


def test_an_unchanged_cookie_is_not_sent_again(browser: httpx.Client) -> None:
    """The cookie is set once, and again only when a consent changes."""
    first = view_page(browser, consent=GRANTED)
    assert "set-cookie" in first.headers
    assert "set-cookie" not in view_page(browser).headers
    assert "set-cookie" not in view_page(browser, consent=GRANTED).headers
    changed = view_page(browser, consent={"statistics": True})
    assert "set-cookie" in changed.headers
    assert visitor_of(changed) == visitor_of(first)


def test_a_forged_cookie_is_a_newcomer_and_counted(browser: httpx.Client, service: Service) -> None:
    """A changed cookie opens nobody's profile; /metrics tells of it."""
    visitor = visitor_of(view_page(browser, ACCOUNT, consent=GRANTED))
    genuine = browser.cookies["edgeseg"]
    browser.cookies.clear()
    counted = service.count("edgeseg_refused_cookies_total")
    forgeries = [
        genuine[:-1],
        genuine + "A",
        genuine.swapcase(),
        "x" + genuine[1:],
        f"{genuine.partition('.')[0]}.",
        f".{genuine.partition('.')[2]}",
        "nonsense",
        "\xe9\xff",
        "a" * 5_000,
    ]
    for forged in forgeries:
        headers = {"Cookie": f"edgeseg={forged}".encode("latin-1")}
        answer = browser.post(
            "/v1/classify", json={"page": {"url": HOME}, "consent": GRANTED}, headers=headers
        )
        assert visitor_of(answer) not in {visitor, None}
        assert PROSPECTS not in answer.json()["segments"]
        browser.cookies.clear()
    assert service.count("edgeseg_refused_cookies_total") == counted + len(forgeries)


def test_a_cookie_with_many_purposes_is_still_ours(browser: httpx.Client) -> None:
    """However many consents a visitor gives, the cookie stays readable."""
    first = None
    for start in range(0, 60, 20):
        consent = {f"purpose-{n:02}-{'x' * 80}": True for n in range(start, start + 20)}
        answer = view_page(browser, consent=consent)
        if answer.status_code == 200:
            first = first or visitor_of(answer)
            assert visitor_of(view_page(browser)) == first
        else:
            assert answer.status_code == 413
            assert answer.json()["field"] == "consent"


def test_a_server_names_the_visitor(server: httpx.Client) -> None:
    """With a server key the named visitor's profile is used, and no cookie is set."""
    visitor = f"crm:{uuid.uuid4().hex}"
    answer = view_page(server, ACCOUNT, visitor=visitor, consent=GRANTED)
    assert visitor_of(answer) == visitor
    assert "set-cookie" not in answer.headers
    again = view_page(server, visitor=visitor, consent=GRANTED)
    assert PROSPECTS in again.json()["segments"]


def test_a_server_may_say_what_a_browser_may_not(server: httpx.Client) -> None:
    """Place, agent and explanations are a server's to give and to ask for."""
    context = {"country": "CZ", "region": "10", "city": "Praha", "user_agent": "Googlebot/2.1"}
    answer = view_page(server, context=context, explain=True)
    assert "bots" in answer.json()["segments"]
    assert answer.json()["explain"]["bots"]["holds"] is True


@pytest.mark.parametrize("visitor", ["a b", "ž", "a" * 101, "a\n", "{a}"])
def test_a_server_cannot_name_what_is_no_id(server: httpx.Client, visitor: str) -> None:
    """An id is short and plain; anything else is refused by name."""
    answer = view_page(server, visitor=visitor, consent=GRANTED)
    assert (answer.status_code, answer.json()["field"]) == (400, "visitor")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_an_unknown_key_is_refused(browser: httpx.Client, scheme: str) -> None:
    """A key that is not configured is an error, not a browser without one."""
    headers = {"Authorization": f"{scheme} not-a-key-of-this-service"}
    answer = view_page(browser, consent=GRANTED, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="edgeseg"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in answer.headers
    assert browser.get("/v1/fragment/home-hero", headers=headers).status_code == 200


@pytest.mark.parametrize("key", ["", f"Bearer {WRITE_KEY}"], ids=["no key", "write key"])
@pytest.mark.parametrize(
    ("members", "status", "field"),
    [
        ({"visitor": "crm:1"}, 401, ""),
        ({"explain": True}, 401, ""),
        ({"context": {"country": "CZ"}}, 400, "context.country"),
        ({"context": {"region": "10"}}, 400, "context.region"),
        ({"context": {"city": "Praha"}}, 400, "context.city"),
        ({"context": {"user_agent": "curl"}}, 400, "context.user_agent"),
        ({"events": [{"event": "order_refunded"}]}, 400, "events[0].event"),
        ({"events": [{"event": "seen"}, {"event": "$pins"}]}, 400, "events[1].event"),
    ],
)
def test_a_browser_may_not_what_only_servers_may(
    browser: httpx.Client, key: str, members: dict[str, object], status: int, field: str
) -> None:
    """What needs a server key is refused without one, with the member named."""
    headers = {"Authorization": key} if key else {}
    answer = view_page(browser, consent=GRANTED, headers=headers, **members)
    assert (answer.status_code, answer.json().get("field", "")) == (status, field)
    assert "set-cookie" not in answer.headers


def test_servers_may_send_the_events_that_browsers_may_not(server: httpx.Client) -> None:
    """A refund is the shop's to tell."""
    sent = [{"event": "order_refunded", "properties": {"order_id": "o-1"}}]
    answer = view_page(server, consent=GRANTED, visitor=f"crm:{uuid.uuid4()}", events=sent)
    assert answer.status_code == 200, answer.text


def test_an_event_is_held_to_its_declaration(browser: httpx.Client) -> None:
    """The property is named, and what is right."""
    sent = [{"event": "order_completed", "properties": {"revenue": "12"}}]
    answer = view_page(browser, consent=GRANTED, events=sent)
    assert (answer.status_code, answer.json()["field"]) == (400, "events[0].properties.revenue")
    assert "a number is needed" in answer.json()["detail"]


def test_only_a_server_sets_attributes_tags_lists_and_pins(
    browser: httpx.Client, server: httpx.Client
) -> None:
    """Without a server key there is no way to them."""
    for name in ("attributes", "tags", "lists", "pins"):
        body = {name: {} if name in {"attributes", "pins"} else [], "consent": GRANTED}
        path = f"/v1/visitors/crm:{uuid.uuid4()}/{name}"
        assert browser.put(path, json=body).status_code == 401
        assert server.put(path, json=body).status_code == 200


def test_what_nobody_declared_is_listed(new_service: StartService) -> None:
    """Accepted, and told to the operator."""
    service = new_service().start()
    sent = [{"event": "form_submited"}, {"event": "form_submitted", "properties": {"frm": "a"}}]
    with httpx.Client(base_url=service.url) as browser:
        assert view_page(browser, consent=GRANTED, events=sent).status_code == 200

    assert service.status()["unknown"] == [
        {"kind": kind, "name": name, "outcome": "accept", "times": 1}
        for kind, name in (("property", "form_submitted.frm"), ("event", "form_submited"))
    ]
    assert service.count("edgeseg_unknown_names_total") == 2
    found = service.run("doctor")
    assert "event `form_submited` is not declared, accepted 1 time" in found


def test_the_doctor_asks_all_workers_what_nobody_declared(service: Service) -> None:
    """Whichever worker met a name, and however often each of them did.

    On a busy machine one worker may take all the doctor's questions; then it is asked again.
    """
    for _ in range(6):
        with httpx.Client(base_url=service.url, timeout=20) as browser:
            sent = [{"event": "never_declared"}]
            assert view_page(browser, consent=GRANTED, events=sent).status_code == 200
    told = "event `never_declared` is not declared, accepted 6 times"
    wait_for(lambda: told in service.run("doctor"), 60, "the doctor has asked both workers")


def test_a_write_key_does_what_a_browser_does(browser: httpx.Client) -> None:
    """A write key changes nothing about who the visitor is."""
    headers = {"Authorization": f"Bearer {WRITE_KEY}"}
    first = visitor_of(view_page(browser, consent=GRANTED, headers=headers))
    assert visitor_of(view_page(browser)) == first
