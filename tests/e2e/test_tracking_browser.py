"""Segment's browser SDK, as its maker publishes it, on pages in a real Chromium."""

import os
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, Route, async_playwright

from tests.e2e.service import WRITE_KEY, Service
from tests.e2e.test_tracking_sdks import CLIENTS
from tests.e2e.tracking_visitors import ACCOUNT, PROSPECTS, Visitors
from tests.plugins.needs import path_of
from tests.unit.docs.pages import BLOCKS

pytestmark = [
    pytest.mark.needs("chromium", "npm-clients"),
    pytest.mark.asyncio(loop_scope="module"),
]

SDK = CLIENTS / "node_modules/@segment/analytics-next/dist/umd/index.js"
PAGE = """<!doctype html><meta charset=utf-8><title>Current account</title>
<script src="/sdk.js"></script>"""
LOAD = """
async ([writeKey, consent, address]) => {
  const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({
    writeKey, cdnURL: address,
  });
  if (consent !== null)
    analytics.addSourceMiddleware(({ payload, next }) => {
      payload.obj.context.consent = { categoryPreferences: { marketing: consent } };
      next(payload);
    });
  window.sdk = analytics;
  return analytics.user().anonymousId();
}
"""
"""Load the SDK and stamp every event with the banner's answer, as consent tools do."""


class QuietFiles(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_args: Any) -> None:
        """Keep quiet."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A running Chromium."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path_of("chromium"))
        yield running
        await running.close()


@asynccontextmanager
async def _open(chromium: Browser, site: str, path: str = ACCOUNT) -> AsyncIterator[Page]:
    """Open a tab on a page of a site that has the SDK."""
    context = await chromium.new_context(base_url=site)

    async def show_page(route: Route) -> None:
        await route.fulfill(body=PAGE, content_type="text/html")

    async def serve_sdk(route: Route) -> None:
        await route.fulfill(path=SDK, content_type="text/javascript")

    await context.route("**/accounts/*", show_page)
    await context.route("**/sdk.js", serve_sdk)
    tab = await context.new_page()
    await tab.goto(path)
    yield tab
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser, service: Service) -> AsyncIterator[Page]:
    """A tab on a page of the service's own origin."""
    async with _open(chromium, service.url) as tab:
        yield tab


@pytest.fixture
def visitors(service: Service) -> Visitors:
    """What is stored by the shared service."""
    return Visitors(service)


async def _load(page: Page, *, consent: bool | None, address: str = "") -> str:
    """Load the SDK, for the page's own origin or another address; answer its anonymous id."""
    to = address or await page.evaluate("location.origin")
    loaded: str = await page.evaluate(LOAD, [WRITE_KEY, consent, to])
    return loaded


async def _call(page: Page, path: str, script: str) -> None:
    """Let the SDK send one call, which must succeed. It does not read the answer's body."""
    async with page.expect_response(f"**/v1/{path}") as answered:
        await page.evaluate(f"void {script}")
    assert (await answered.value).status == 200


async def test_the_tutorial_through_the_browser_sdk(page: Page, visitors: Visitors) -> None:
    """Pointed at the service by `cdnURL` alone, it calls nobody else."""
    called: set[str] = set()

    def note(request: Request) -> None:
        called.add(urlsplit(request.url).netloc)

    page.on("request", note)
    visitor = visitors.anonymous(await _load(page, consent=True))

    await _call(page, "p", "sdk.page()")
    assert PROSPECTS in visitors.segments(visitor)

    await _call(page, "t", "sdk.track('Form Submitted', {form: 'request-account'})")
    assert PROSPECTS not in visitors.segments(visitor)
    await _call(page, "i", "sdk.identify({firstName: 'Alex'})")
    await _call(page, "g", "sdk.group('g1', {plan: 'x'})")

    found = visitors.profile(visitor)
    assert found is not None
    assert found["attributes"] == {"first_name": "Alex"}
    assert found["events"] == {"page_viewed": 1, "form_submitted": 1, "group_joined": 1}
    assert called == {urlsplit(page.url).netloc}


@pytest.fixture
def example(service: Service, tmp_path: Path) -> Path:
    """The browser's example of the how-to, bundled; with another address and key."""
    [text] = [block.text for block in BLOCKS if "analytics-next" in block.text]
    text = text.replace("https://edge.example.org", service.url).replace("WRITE_KEY", WRITE_KEY)
    source, built = tmp_path / "app.js", tmp_path / "built.js"
    source.write_text(text, "utf-8")
    tool = str(CLIENTS / "node_modules/.bin/esbuild")
    command = [tool, str(source), "--bundle", "--log-level=error", f"--outfile={built}"]
    found = {**os.environ, "NODE_PATH": str(CLIENTS / "node_modules")}
    subprocess.run(command, check=True, timeout=60, env=found)
    return built


async def test_the_example_of_the_how_to_runs_once_it_is_bundled(
    chromium: Browser, service: Service, visitors: Visitors, example: Path
) -> None:
    """Both of its calls reach the service."""
    async with _open(chromium, service.url) as page:
        async with page.expect_response("**/v1/t") as answered:
            await page.add_script_tag(path=example)
        assert (await answered.value).status == 200
        anonymous_id = await page.evaluate('JSON.parse(localStorage["ajs_anonymous_id"])')

    events = visitors.events(visitors.anonymous(anonymous_id))
    assert events == {"page_viewed": 1, "form_submitted": 1}


async def test_with_the_visitors_cookie_its_events_join_the_visitors_profile(
    page: Page, visitors: Visitors
) -> None:
    """Beside the snippet, on the site's own origin, both tell of one visitor."""
    visitor = await page.evaluate(
        """async () => {
          const consent = JSON.stringify({consent: {marketing: true}});
          const answer = await fetch("/v1/consent", {method: "POST", body: consent});
          return (await answer.json()).visitor;
        }"""
    )
    anonymous_id = await _load(page, consent=None)

    await _call(page, "p", "sdk.page()")

    assert visitors.events(visitor) == {"page_viewed": 1}
    assert PROSPECTS in visitors.segments(visitor)
    assert visitors.profile(visitors.anonymous(anonymous_id)) is None


@pytest.mark.parametrize("consent", [None, False])
async def test_without_consent_the_sdk_is_content_and_nothing_is_stored(
    page: Page, visitors: Visitors, *, consent: bool | None
) -> None:
    """No answer to the banner and a refusal store the same: nothing."""
    anonymous_id = await _load(page, consent=consent)

    await _call(page, "p", "sdk.page()")

    assert visitors.profile(visitors.anonymous(anonymous_id)) is None


async def test_an_event_that_is_turned_away_is_sent_again(page: Page, visitors: Visitors) -> None:
    """The SDK keeps what was not acknowledged."""
    visitor = visitors.anonymous(await _load(page, consent=True))
    turned_away: list[int] = []

    async def turn_away(route: Route) -> None:
        if turned_away:
            await route.continue_()
            return
        turned_away.append(503)
        await route.fulfill(status=503, headers={"retry-after": "1"}, body="{}")

    await page.route("**/v1/t", turn_away)
    async with page.expect_response(
        lambda answer: answer.url.endswith("/v1/t") and answer.status == 200, timeout=60_000
    ):
        await page.evaluate("void sdk.track('Product Viewed')")

    assert turned_away == [503]
    assert visitors.events(visitor) == {"product_viewed": 1}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """Another site with a page that has the SDK; a real one, since browsers tell them apart."""
    (tmp_path / "page.html").write_text(PAGE, "utf-8")
    handler = partial(QuietFiles, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_a_page_of_another_listed_origin_may_use_the_sdk(
    chromium: Browser, tmp_path: Path, elsewhere: str
) -> None:
    """The browser asks first, since the key travels in a header."""
    running = Service(tmp_path / "data", budget_ms=5_000, allowed_origins=elsewhere)
    with closing(running) as service:
        service.start()
        async with _open(chromium, elsewhere, "/page.html") as page:
            anonymous_id = await _load(page, consent=True, address=service.url)
            await _call(page, "p", "sdk.page()")
        visitors = Visitors(service)
        assert visitors.events(visitors.anonymous(anonymous_id)) == {"page_viewed": 1}
