"""A browser, a website and the service behind it, each started once."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.e2e.service import Service
from tests.e2e.snippet.rules import write_rules
from tests.e2e.snippet.site import Site
from tests.e2e.views import GRANTED, view_page
from tests.plugins.needs import path_of

IDENTITY_KEY = "identity-key-of-the-tests-0123456789"

# What a page complains of; asked for in every tab, told to the console, kept by the test.
WATCH = """
addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective}`));
"""


@pytest.fixture(scope="session")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service behind the website: one process, so that it can be frozen."""
    folder = tmp_path_factory.mktemp("snippet")
    rules, templates = write_rules(folder)
    running = Service(
        folder / "data",
        rules=rules,
        templates=templates,
        budget_ms=5_000,
        identity_keys=IDENTITY_KEY,
    )
    with closing(running):
        running.start()
        # The first answer of a process takes longer, perhaps longer than a page waits.
        with httpx.Client(base_url=running.url, timeout=20) as client:
            assert view_page(client, slots=["hero", "pop"], consent=GRANTED).status_code == 200
        yield running


@pytest.fixture
def site(behind: Service) -> Iterator[Site]:
    """The website, without pages; what a page of another test sends late does not reach it."""
    with closing(Site(behind.port)) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A running Chromium with its back / forward cache, which Playwright switches off."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=path_of("chromium"),
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(chromium: Browser, site: Site) -> AsyncIterator[BrowserContext]:
    """A visitor's browser, without cookies."""
    opened = await chromium.new_context(base_url=site.url, viewport={"width": 1_000, "height": 700})
    await opened.add_init_script(WATCH)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> Page:
    """The visitor's tab."""
    return await context.new_page()


@pytest_asyncio.fixture(loop_scope="session")
async def complaints(page: Page) -> list[str]:
    """Errors on the console, exceptions and violations of the policy, as they come."""
    found: list[str] = []
    page.on("console", lambda said: said.type == "error" and found.append(said.text))
    page.on("pageerror", lambda error: found.append(str(error)))
    return found
