"""The demo site and a browser, each started once."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.e2e.demo.visits import come
from tests.e2e.service import Service
from tests.e2e.views import GRANTED, view_page
from tests.plugins.needs import path_of


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running `edgeseg demo`."""
    folder = tmp_path_factory.mktemp("demo-site") / "data"
    with closing(Service(folder, command="demo", budget_ms=5_000)) as running:
        running.start()
        # The first answer of a process takes longer, perhaps longer than a page waits.
        with httpx.Client(base_url=running.url, timeout=20) as client:
            assert view_page(client, slots=["home-hero"], consent=GRANTED).status_code == 200
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A running Chromium."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path_of("chromium"))
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser, demo: Service) -> AsyncIterator[Page]:
    """A newcomer's tab."""
    async with come(chromium, demo) as context:
        yield await context.new_page()
