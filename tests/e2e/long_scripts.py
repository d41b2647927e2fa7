"""Scripts that hold a page up while it loads on a slow machine.

A page that loads has long tasks without any script; Chromium names the scripts in them, by
its "long animation frames". It measures by the clock on the wall, so that other work of the
machine may make any script look long: a test that finds one looks again, in a browser that
has been nowhere yet, since what is dear is often dear only once.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, Page

TRIES: Final = 4
SLOWER: Final = 4
MAX_MS: Final = 50
_WATCH: Final = """
window.longScripts = [];
new PerformanceObserver((list) => list.getEntries().forEach((frame) => longScripts.push(
  ...frame.scripts.map(({sourceURL, invoker, duration}) => ({sourceURL, invoker, duration})))))
  .observe({type: 'long-animation-frame', buffered: true});
"""


@asynccontextmanager
async def slow_page(browser: Browser, base_url: str) -> AsyncIterator[Page]:
    """Open a tab of a newcomer whose machine has a quarter of this one's speed."""
    context = await browser.new_context(base_url=base_url)
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    await page.add_init_script(_WATCH)
    yield page
    await context.close()


async def long_scripts(page: Page, part: str) -> list[str]:
    """Answer the scripts with ``part`` in their address that took over 50 ms at once."""
    await page.evaluate("new Promise((done) => setTimeout(done, 200))")
    return [
        f"{each['sourceURL']}, {each['invoker']}: {each['duration']} ms"
        for each in await page.evaluate("window.longScripts")
        if part in each["sourceURL"] and each["duration"] > MAX_MS
    ]
