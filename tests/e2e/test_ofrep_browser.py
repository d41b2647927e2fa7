"""Flags and fragments on pages of a real Chromium: OpenFeature's web SDK, and htmx."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from tests.e2e.faulty_server import serving
from tests.e2e.flag_rules import edit_hero, flag_service
from tests.e2e.service import ROOT, Service
from tests.plugins.needs import path_of

pytestmark = [
    pytest.mark.needs("chromium", "npm-clients"),
    pytest.mark.asyncio(loop_scope="module"),
]

CLIENTS = Path(__file__).parents[1] / "clients"
PAGE = """<!doctype html><meta charset=utf-8><title>A page</title>
<script src="/client.js"></script>"""
FRESH = {"cacheMode": "disabled"}
"""Options of a provider that keeps nothing for the next page."""
START = """
async ([baseUrl, context, options]) => {
  const { OFREPWebProvider, OpenFeature, ProviderEvents } = window.flags;
  window.seen = [];
  const provider = new OFREPWebProvider({ baseUrl, ...options });
  for (const event of [ProviderEvents.ConfigurationChanged, ProviderEvents.Error])
    OpenFeature.addHandler(event, () => seen.push(event));
  try {
    await OpenFeature.setProviderAndWait(provider, context);
  } catch (error) {
    return String(error);
  }
  return "ready";
}
"""
ASK = """
(keys) => {
  const client = window.flags.OpenFeature.getClient();
  return keys.map((key) => client.getBooleanDetails(key, false));
}
"""
METADATA = """
() => window.flags.OpenFeature.getClient().getBooleanDetails("segment/nothing", false).flagMetadata
"""
"""Those of all flags: the provider tells them with a flag that it does not have."""
HERO = '() => window.flags.OpenFeature.getClient().getStringValue("slot/hero", "own")'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the service's files."""
    return tmp_path_factory.mktemp("browser-flags")


@pytest.fixture(scope="module")
def other_origin() -> Iterator[str]:
    """Another origin, really served: Chromium lets no made-up page call this machine."""
    with serving({"/page": PAGE}) as port:
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def service(folder: Path, other_origin: str) -> Iterator[Service]:
    """A service that pages of one other origin may call."""
    with flag_service(folder, allowed_origins=other_origin) as running:
        yield running


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Path:
    """The web SDK with its provider, for a page."""
    built = folder / "client.js"
    command = [CLIENTS / "node_modules/.bin/esbuild", CLIENTS / "openfeature_web.js"]
    subprocess.run(
        [*command, "--bundle", f"--outfile={built}"], check=True, capture_output=True, timeout=60
    )
    return built


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A running Chromium."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path_of("chromium"))
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(
    chromium: Browser, bundle: Path, service: Service
) -> AsyncIterator[BrowserContext]:
    """A browser without history, in which `/page` and `/client.js` are there."""
    made = await chromium.new_context()

    async def show_page(route: Route) -> None:
        await route.fulfill(body=PAGE, content_type="text/html")

    async def serve_client(route: Route) -> None:
        await route.fulfill(path=bundle, content_type="text/javascript")

    await made.route(f"{service.url}/page", show_page)
    await made.route("**/client.js", serve_client)
    yield made
    await made.close()


async def _open(context: BrowserContext, origin: str) -> tuple[Page, list[tuple[str, int]]]:
    """Open a page; answer it and the list to which its calls for flags will be added."""
    page = await context.new_page()
    calls: list[tuple[str, int]] = []
    page.on(
        "response",
        lambda answer: (
            calls.append((answer.request.method, answer.status))
            if "/evaluate/flags" in answer.url
            else None
        ),
    )
    await page.goto(f"{origin}/page")
    return page, calls


async def _values(page: Page, *keys: str) -> list[Any]:
    return [(each["value"], each["variant"]) for each in await page.evaluate(ASK, list(keys))]


async def test_a_page_of_the_own_origin_is_joined_with_its_cookie(
    context: BrowserContext, service: Service
) -> None:
    """No targeting key is needed, and the visitor's segments are there."""
    page, _calls = await _open(context, service.url)
    assert await page.evaluate(START, [service.url, {"plan": "gold"}, FRESH]) == "ready"
    assert await _values(page, "segment/gold", "segment/shoppers") == [
        (True, "in"),
        (False, "out"),
    ]
    view = {"page": {"url": f"{service.url}/shop"}, "consent": {"marketing": True}}
    seen = await page.evaluate(
        "(view) => fetch('/v1/classify', {method: 'POST', body: JSON.stringify(view)})"
        ".then((answer) => answer.json())",
        view,
    )
    assert seen["segments"] == ["shoppers"]
    await page.evaluate("() => window.flags.OpenFeature.setContext({plan: 'silver'})")
    assert await _values(page, "segment/gold", "segment/shoppers") == [
        (False, "out"),
        (True, "in"),
    ]
    await page.close()


async def test_a_page_of_another_origin_gets_its_etag_and_304(
    context: BrowserContext, service: Service, other_origin: str
) -> None:
    """It polls with what it knows, and hears that nothing has changed."""
    page, calls = await _open(context, other_origin)
    options = {"pollInterval": 200, "changeDetection": "polling", "cacheMode": "disabled"}
    given = [service.url, {"targetingKey": "k", "plan": "gold"}, options]
    assert await page.evaluate(START, given) == "ready"
    assert await _values(page, "segment/gold") == [(True, "in")]
    while ("POST", 304) not in calls:
        await page.wait_for_event("response")
    assert ("POST", 200) in calls
    await page.close()


async def test_a_page_keeps_the_earliest_end_that_it_was_told(
    context: BrowserContext, service: Service
) -> None:
    """The flags of a page view later hold longer, but are the same: they are not sent again."""
    page, calls = await _open(context, service.url)
    view = {"page": {"url": f"{service.url}/shop"}, "consent": {"marketing": True}}
    tell = (
        "(view) => fetch('/v1/classify', {method: 'POST', body: JSON.stringify(view)})"
        ".then((answer) => answer.json()).then((told) => told.valid_until)"
    )
    first = await page.evaluate(tell, view)
    assert await page.evaluate(START, [service.url, {}, FRESH]) == "ready"
    assert (await page.evaluate(METADATA))["valid_until"] == first
    assert await page.evaluate(tell, view) > first
    await page.evaluate("() => window.flags.OpenFeature.setContext({})")
    assert calls == [("POST", 200), ("POST", 304)]
    assert (await page.evaluate(METADATA))["valid_until"] == first
    await page.close()


async def test_a_page_hears_of_new_rules(
    context: BrowserContext, service: Service, folder: Path
) -> None:
    """By the stream that the answer names; the flag changes without a reload."""
    page, _calls = await _open(context, service.url)
    given = [service.url, {"targetingKey": "k"}, FRESH]
    async with page.expect_request("**/ofrep/v1/events"):
        assert await page.evaluate(START, given) == "ready"
    before = await page.evaluate(HERO)
    edit_hero(folder, "<p>something new</p>")
    await page.wait_for_function(
        "window.flags.OpenFeature.getClient().getStringValue('slot/hero', 'own')"
        " === '<p>something new</p>'"
    )
    assert before != "<p>something new</p>"
    assert "PROVIDER_CONFIGURATION_CHANGED" in await page.evaluate("window.seen")
    await page.close()


async def test_a_page_without_a_name_elsewhere_is_told(
    context: BrowserContext, service: Service, other_origin: str
) -> None:
    """Another origin's page has no cookie here: it must say who it is about."""
    page, calls = await _open(context, other_origin)
    told = await page.evaluate(START, [service.url, {}, FRESH])
    assert "400" in told
    assert calls == [("POST", 400)]
    await page.close()


async def test_htmx_puts_the_fragment_in_its_place(
    context: BrowserContext, service: Service
) -> None:
    """The recipe as it is shipped; a fragment with nothing to show changes nothing."""
    recipe = (ROOT / "deploy/recipes/htmx.html").read_text("utf-8")
    slots = {"known": "hero", "unknown": "no-such-slot"}
    page = await context.new_page()

    async def show(route: Route) -> None:
        slot = slots[route.request.url.rpartition("/")[2]]
        markup = recipe.replace("/v1/fragment/home-hero", f"/v1/fragment/{slot}")
        body = f'<!doctype html><script src="/htmx.js"></script><body>{markup}</body>'
        await route.fulfill(body=body, content_type="text/html")

    async def serve_htmx(route: Route) -> None:
        script = CLIENTS / "node_modules/htmx.org/dist/htmx.min.js"
        await route.fulfill(path=script, content_type="text/javascript")

    await page.route("**/with-htmx/*", show)
    await page.route("**/htmx.js", serve_htmx)
    async with page.expect_response("**/v1/fragment/hero"):
        await page.goto(f"{service.url}/with-htmx/known")
    await page.wait_for_selector("#home-hero > p")
    assert "own hero" not in await page.inner_text("#home-hero")
    async with page.expect_response("**/v1/fragment/no-such-slot"):
        await page.goto(f"{service.url}/with-htmx/unknown")
    await page.wait_for_load_state("networkidle")
    assert await page.inner_text("#home-hero") == "The page's own hero"
    await page.close()
