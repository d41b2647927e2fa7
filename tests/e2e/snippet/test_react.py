"""A React application with the slots of the how-to, in a real browser."""

import os
import re
import subprocess

import pytest
from playwright.async_api import Page, expect

from tests.e2e.service import ROOT, wait_for
from tests.e2e.snippet.site import CONSENT, WAIT_S, Site, document
from tests.plugins.needs import CLIENTS

pytestmark = [
    pytest.mark.needs("chromium", "npm-clients"),
    pytest.mark.asyncio(loop_scope="session"),
]

HOW_TO = ROOT / "docs/how-to/put-it-on-your-page.md"
FILLED = "Filled by the campaign"
PATHS = ("/", "/second", "/plain")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The application, built as its makers would, with the slot that the how-to shows."""
    folder = tmp_path_factory.mktemp("react")
    slot = re.findall(r"```jsx\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)[0]
    (folder / "slot.jsx").write_text(slot, "utf-8")
    (folder / "app.jsx").write_text((CLIENTS / "react_app.jsx").read_text("utf-8"), "utf-8")
    built = folder / "app.js"
    modules = CLIENTS / "node_modules"
    subprocess.run(
        [
            *(modules / ".bin/esbuild", folder / "app.jsx", "--bundle", "--jsx=automatic"),
            *('--define:process.env.NODE_ENV="development"', f"--outfile={built}"),
        ],
        env={**os.environ, "NODE_PATH": str(modules)},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return built.read_text("utf-8")


@pytest.fixture
def app(site: Site, bundle: str) -> Site:
    """The application at each of its addresses."""
    site.add("/app.js", bundle)
    site.add("/consent.js", CONSENT)
    for path in PATHS:
        body = '<div id="app"></div><script src="/app.js"></script>'
        site.add(path, document(body, head='<script src="/consent.js"></script>'))
    return site


async def test_slots_of_react_components_are_filled(
    page: Page, app: Site, complaints: list[str]
) -> None:
    """Rendering again keeps what edgeseg put in; each route shows what belongs to it."""
    main = page.locator("main")
    await page.goto("/")
    await expect(main).to_contain_text(FILLED)
    for count in range(3):
        await page.get_by_role("button", name=f"Rendered {count} times again").click()
    await expect(main).to_contain_text(FILLED)
    await expect(main).not_to_contain_text("Original")
    for path, words in (("/second", "Second page"), ("/plain", "At the side"), ("/", FILLED)):
        await page.get_by_role("link", name=path, exact=True).click()
        await expect(main).to_contain_text(words)
    await page.go_back()
    await expect(main).to_contain_text("At the side")
    await page.goto("about:blank")
    wait_for(lambda: len(app.events("campaign_shown")) == 5, WAIT_S, "five exposures are sent")
    shown = [event["properties"]["campaign"] for event in app.events("campaign_shown")]
    assert shown == ["greet", "second", "aside", "greet", "aside"]
    assert app.views() == ["/", "/second", "/plain", "/", "/plain"]
    assert complaints == []


async def test_a_route_without_a_campaign_shows_its_own_original(page: Page, app: Site) -> None:
    """Not the one of the route before, although the slot stands at the same place."""
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    with app.slow(0.8):  # too late to fill anything
        await page.get_by_role("link", name="/second", exact=True).click()
        await expect(page.locator("main")).to_contain_text("Original of /second")
    await expect(page.locator("main")).to_have_text("Original of /second")


async def test_components_render_contents_by_themselves(page: Page, app: Site) -> None:
    """By `slots` and `on`, as the how-to has it for slots without markup."""
    await page.goto("/")
    await expect(page.locator("[data-by-react]")).to_have_text("aside")
