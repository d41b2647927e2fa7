"""The demo site serves its pages and files by itself, and nothing from elsewhere."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from edgeseg.demo.catalog import ACCOUNTS, PRODUCTS
from edgeseg.demo.personas import PERSONAS, Persona
from edgeseg.demo.site import demo_routes

ACCOUNT_PATHS = [f"/accounts/{account.slug}" for account in ACCOUNTS]
PRODUCT_PATHS = [f"/shop/{product.id}" for product in PRODUCTS]
PATHS = [
    "/",
    "/accounts",
    "/accounts/request",
    "/shop",
    "/cart",
    "/checkout",
    "/about-this-demo",
    *ACCOUNT_PATHS,
    *PRODUCT_PATHS,
]
ADDRESS = re.compile(r"""(?:src|href|action)="([^"]*)\"""")


@pytest.fixture(scope="module")
def site() -> Iterator[TestClient[Litestar]]:
    """An application with the demo site's routes and no others."""
    with TestClient(Litestar(demo_routes())) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_html_under_a_strict_policy(site: TestClient[Litestar], path: str) -> None:
    """Each page answers 200 and forbids whatever does not come from the site."""
    answer = site.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]
    assert answer.text.count("<h1") >= 1


@pytest.mark.parametrize("path", PATHS)
def test_pages_load_nothing_from_elsewhere(site: TestClient[Litestar], path: str) -> None:
    """No address on a page leaves the site, and no script or style is inline."""
    html = site.get(path).text
    assert [a for a in ADDRESS.findall(html) if not a.startswith(("/", "#")) or "//" in a] == []
    assert "<style" not in html
    assert " style=" not in html
    assert re.search(r"<script(?![^>]*src=)", html) is None


@pytest.mark.parametrize("path", PATHS)
def test_every_page_has_the_popup_slot_and_the_panel(site: TestClient[Litestar], path: str) -> None:
    """The snippet, the popup's slot and the live panel are part of every page."""
    html = site.get(path).text
    assert '<script async src="/edgeseg.js"' in html
    assert 'data-edgeseg-slot="exit-popup"' in html
    assert "data-panel-root" in html


@pytest.mark.parametrize(
    ("path", "slot"),
    [("/", "home-hero"), *((path, "recommendations") for path in ["/shop", *PRODUCT_PATHS])],
)
def test_slots_hold_original_markup(site: TestClient[Litestar], path: str, slot: str) -> None:
    """A slot is filled with the page's own markup, the fallback when nothing else comes."""
    html = site.get(path).text
    assert re.search(rf'data-edgeseg-slot="{slot}">\s*<section', html)


@pytest.mark.parametrize("path", ACCOUNT_PATHS)
def test_each_account_leads_to_the_form(site: TestClient[Litestar], path: str) -> None:
    """All four account pages have the same call to action."""
    assert f'href="/accounts/request?account={path.rpartition("/")[2]}"' in site.get(path).text


@pytest.mark.parametrize("path", PATHS)
def test_local_links_lead_somewhere(site: TestClient[Litestar], path: str) -> None:
    """Every address on a page but the snippet's is answered by the site."""
    addresses = {a.partition("#")[0] for a in ADDRESS.findall(site.get(path).text)}
    for address in addresses - {"", "/edgeseg.js", "/demo/persona"}:
        assert site.get(address).status_code == 200, address


def test_versioned_files_may_be_kept_for_a_year(site: TestClient[Litestar]) -> None:
    """A file addressed by its version is immutable; without it, or with a wrong one, it is not."""
    found = re.search(r'href="(/assets/site\.css\?v=\w+)"', site.get("/").text)
    assert found
    assert site.get(found[1]).headers["cache-control"] == "public, max-age=31536000, immutable"
    assert site.get("/assets/site.css").headers["cache-control"] == "no-cache"
    assert site.get("/assets/site.css?v=other").headers["cache-control"] == "no-cache"


def test_an_unchanged_file_is_not_sent_twice(site: TestClient[Litestar]) -> None:
    """A browser that holds the bytes is told so in 304, with their tag."""
    first = site.get("/assets/panel/segments.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    again = site.get("/assets/panel/segments.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("name", ["nothing.js", "../site.py", "%2e%2e/site.py", "panel"])
def test_only_the_static_files_are_served(site: TestClient[Litestar], name: str) -> None:
    """Whatever is not one of the site's files is not found."""
    assert site.get(f"/assets/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/nowhere", "/accounts/nothing", "/shop/nothing", "/cart2?plain"])
def test_an_address_without_a_page_is_answered_by_one(
    site: TestClient[Litestar], path: str
) -> None:
    """It leads back, and does not send browsers without scripts in a circle."""
    answer = site.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    assert "There is no such page" in answer.text
    assert "http-equiv" not in answer.text
    assert site.get("/v1/nowhere").headers["content-type"] == "application/json"


def test_the_form_works_without_scripts(site: TestClient[Litestar]) -> None:
    """A browser that runs no scripts sends the form the plain way and is thanked."""
    answer = site.post("/accounts/request", data={"name": "A", "email": "a@example.org"})
    assert answer.status_code == 200
    assert '<section class="thanks" data-form-part="thanks" tabindex="-1">' in answer.text


def test_a_plain_page_is_whole_when_the_service_does_not_answer(
    site: TestClient[Litestar],
) -> None:
    """A server that asks in vain sends the page with its own markup, and says so."""
    answer = site.get("/?plain")
    assert answer.status_code == 200
    assert "Money you understand" in answer.text
    assert "It did not answer" in answer.text
    assert "remember you:" not in answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    assert "<script" not in answer.text


@pytest.mark.parametrize("body", ["persona=nobody", "persona=", "", "persona=%ff", "plain="])
def test_nobody_becomes_an_unknown_persona(site: TestClient[Litestar], body: str) -> None:
    """Only the visitors that the demo knows can be chosen."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = site.post("/demo/persona", content=body, headers=form)
    assert answer.status_code == 404


@pytest.mark.parametrize("persona", PERSONAS.values(), ids=PERSONAS)
def test_a_past_is_told_in_the_order_of_time(persona: Persona) -> None:
    """Events of a past are acceptable, earlier ones first, and none lies ahead."""
    now = datetime.now(UTC)
    events = persona.events(now)
    times = [datetime.fromisoformat(event["timestamp"]) for event in events]
    assert times == sorted(times)
    assert all(time < now for time in times)
    assert len(events) <= 20


def test_too_many_fields_are_no_fault_of_the_server(site: TestClient[Litestar]) -> None:
    """A form with more fields than the site has is refused, not stumbled over."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = site.post("/demo/persona", content="a=1&" * 50, headers=form)
    assert answer.status_code == 404
