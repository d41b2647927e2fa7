"""Segment's browser SDK, as its maker publishes it, on pages in a real Chromium."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, Route, async_playwright

from tests.e2e.service import WRITE_KEY, Service
from tests.e2e.test_tracking_sdks import CLIENTS
from tests.e2e.tracking_visitors import ACCOUNT, PROSPECTS, Visitors
from tests.plugins.needs import path_of

pytestmark = [
    pytest.mark.needs("chromium", "npm-clients"),
    pytest.mark.asyncio(loop_scope="module"),
]

SDK = CLIENTS / "node_modules/@segment/analytics-next/dist/umd/index.js"
PAGE = """<!doctype html><meta charset=utf-8><title>Current account</title>
<script src="/sdk.js"></script>"""
LOAD = """
async ([writeKey, consent]) => {
  const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({
    writeKey, cdnURL: location.origin,
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A running Chromium."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path_of("chromium"))
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser, service: Service) -> AsyncIterator[Page]:
    """A tab on a page of the service's own origin that has the SDK."""
    context = await chromium.new_context(base_url=service.url)

    async def show_page(route: Route) -> None:
        await route.fulfill(body=PAGE, content_type="text/html")

    async def serve_sdk(route: Route) -> None:
        await route.fulfill(path=SDK, content_type="text/javascript")

    await context.route("**/accounts/*", show_page)
    await context.route("**/sdk.js", serve_sdk)
    tab = await context.new_page()
    await tab.goto(ACCOUNT)
    yield tab
    await context.close()


@pytest.fixture
def visitors(service: Service) -> Visitors:
    """What is stored by the shared service."""
    return Visitors(service)


async def _load(page: Page, *, consent: bool | None) -> str:
    """Load the SDK; answer its anonymous id."""
    loaded: str = await page.evaluate(LOAD, [WRITE_KEY, consent])
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
