"""A React application with the slots of the how-to, in a real browser."""

import os
import re
import subprocess
from pathlib import Path

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
# What a server has rendered, and how React takes it over in the browser.
RENDERED = '<main><div data-edgeseg-slot="hero"><p>Original</p></div></main>'
HYDRATED = """
import { hydrateRoot } from "react-dom/client";
import { Slot } from "./slot.jsx";
const page = <main><Slot id="hero" original="<p>Original</p>" /></main>;
hydrateRoot(document.querySelector("#app"), page);
window.hydrated = true;
"""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The applications, built as its makers would, with the slot that the how-to shows."""
    folder = tmp_path_factory.mktemp("react")
    slot = re.findall(r"```jsx\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)[0]
    (folder / "slot.jsx").write_text(slot, "utf-8")
    (folder / "app.jsx").write_text((CLIENTS / "react_app.jsx").read_text("utf-8"), "utf-8")
    (folder / "hydrated.jsx").write_text(HYDRATED, "utf-8")
    modules = CLIENTS / "node_modules"
    subprocess.run(
        [
            *(modules / ".bin/esbuild", folder / "app.jsx", folder / "hydrated.jsx", "--bundle"),
            *("--jsx=automatic", '--define:process.env.NODE_ENV="development"'),
            f"--outdir={folder / 'built'}",
        ],
        env={**os.environ, "NODE_PATH": str(modules)},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return folder / "built"


@pytest.fixture
def app(site: Site, bundles: Path) -> Site:
    """The application at each of its addresses."""
    site.add("/app.js", (bundles / "app.js").read_text("utf-8"))
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
    await page.evaluate("window.patience_ms = 1")
    with app.slow(WAIT_S):
        await page.get_by_role("link", name="/second", exact=True).click()
        await expect(page.locator("main")).to_contain_text("Original of /second")
        wait_for(lambda: len(app.views()) == 2, WAIT_S, "the route asks")
    await page.wait_for_function(
        "new Promise((tell) => edgeseg.on('answer', (answer, {late}) => late && tell(true)))"
    )
    await expect(page.locator("main")).to_have_text("Original of /second")


async def test_components_render_contents_by_themselves(page: Page, app: Site) -> None:
    """By `slots` and `on`, as the how-to has it for slots without markup."""
    await page.goto("/")
    await expect(page.locator("[data-by-react]")).to_have_text("aside")


async def test_a_slot_that_was_filled_before_react_took_over_stays(
    page: Page, site: Site, bundles: Path, complaints: list[str]
) -> None:
    """A page rendered by the server is filled at once; hydration neither resets nor complains."""
    site.add("/hydrated.js", (bundles / "hydrated.js").read_text("utf-8"))
    site.add("/", document(f'<div id="app">{RENDERED}</div>'))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    await page.add_script_tag(url="/hydrated.js")
    await page.wait_for_function("window.hydrated")
    await page.evaluate("new Promise((done) => setTimeout(done, 200))")
    await expect(page.locator("main")).to_contain_text(FILLED)
    assert complaints == []
