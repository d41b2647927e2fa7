"""Visits to the demo site."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.service import Service

PAGES = {
    "home": "/",
    "accounts": "/accounts",
    "account": "/accounts/current-account",
    "request": "/accounts/request",
    "shop": "/shop",
    "product": "/shop/stoneware-mug",
    "cart": "/cart",
    "checkout": "/checkout",
    "about": "/about-this-demo",
}
MAX_SHIFT = 0.01
SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => list.getEntries().forEach((e) => (window.shifts += e.value)))
  .observe({type: 'layout-shift', buffered: true});
"""


@asynccontextmanager
async def come(chromium: Browser, demo: Service, **options: Any) -> AsyncIterator[BrowserContext]:
    """A newcomer's browser."""
    chosen = {"viewport": {"width": 1_300, "height": 900}, **options}
    context = await chromium.new_context(base_url=demo.url, **chosen)
    yield context
    await context.close()


async def become(page: Page, persona: str) -> None:
    """Be someone else, by the switch in the panel; go on once edgeseg has answered."""
    await page.goto("/")
    await page.locator(".panel-personas summary").click()
    async with page.expect_navigation(url="**/"):
        await page.locator(f'[data-personas] button[value="{persona}"]').click()
    await expect(page.locator("[data-visitor] .code")).to_be_visible()
    await expect(page.locator('[data-held] [data-id="everyone"]')).to_be_visible()
