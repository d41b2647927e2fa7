"""Visits to the demo site."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.service import Service
from tests.plugins.needs import WEB

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
AT_REST = """
Promise.allSettled(
  document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
    .map((each) => each.finished)
)
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


async def find_violations(page: Page) -> list[str]:
    """Answer what axe-core finds, by rule and element."""
    # Read into the page by the browser's tools: the page's own policy lets no script in.
    source = (WEB / "node_modules/axe-core/axe.min.js").read_text("utf-8")
    await page.evaluate(source)
    await page.evaluate(AT_REST)  # what fades in has less contrast on the way
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
