"""Pages that the browser keeps alive, in its back / forward cache, and shows again."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.snippet.site import CONSENT, Site, document
from tests.e2e.snippet.test_views import FILLED, HERO, wait_for_views

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

# What leaves with the page is never known to have arrived.
FORGETFUL = """
const send = window.fetch;
addEventListener("pagehide", () => {
  window.isForgetful = true;
  window.fetch = (...call) => { send(...call); return new Promise(() => {}); };
});
addEventListener("pageshow", () => { window.fetch = send; });
"""


async def test_coming_back_from_the_back_forward_cache_is_a_view(page: Page, site: Site) -> None:
    """A page that the browser kept alive is viewed again, and its slots are filled again."""
    site.add("/", document(HERO, head='<script src="/persisted.js"></script>'))
    site.add("/persisted.js", "addEventListener('pageshow', (e) => (window.kept = e.persisted));")
    site.add("/other", document("<main>Other</main>"))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    await page.goto("/other")
    wait_for_views(site, 2)
    await page.go_back(wait_until="commit")
    assert await page.evaluate("window.kept") is True, "the page came from the network"
    assert wait_for_views(site, 3) == ["/", "/other", "/"]
    await expect(page.locator("main")).to_contain_text(FILLED)


async def test_a_call_that_never_ends_does_not_hold_up_a_page_that_comes_back(
    page: Page, site: Site
) -> None:
    """Firefox never settles what was sent on leaving a page that it keeps alive."""
    site.add("/consent.js", CONSENT + FORGETFUL)
    site.add("/", document(HERO, head='<script src="/consent.js"></script>'))
    site.add("/other", document("<main>Other</main>"))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    await page.goto("/other")
    site.wait_for_event("campaign_shown")
    wait_for_views(site, 2)
    await page.go_back(wait_until="commit")
    assert await page.evaluate("window.isForgetful") is True, "the page came from the network"
    assert wait_for_views(site, 3) == ["/", "/other", "/"]
