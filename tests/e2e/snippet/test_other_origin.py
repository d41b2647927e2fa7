"""The service on a host of its own: the tag with its hash, CORS, and the cookie."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.async_api import BrowserContext, Page, expect

from edgeseg.cli import main
from tests.e2e.service import Service
from tests.e2e.snippet.rules import write_rules
from tests.e2e.snippet.site import CONSENT, Site

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

POLICY = (
    "default-src 'none'; script-src 'self' {host}; style-src 'self'; connect-src {host}; "
    "require-trusted-types-for 'script'; trusted-types edgeseg"
)


@pytest.fixture
def apart(tmp_path: Path, site: Site) -> Iterator[Service]:
    """A service that lets the website's pages call it."""
    rules, templates = write_rules(tmp_path)
    with closing(
        Service(
            tmp_path / "data",
            rules=rules,
            templates=templates,
            budget_ms=5_000,
            allowed_origins=site.url,
        )
    ) as running:
        yield running.start()


def _page(tag: str) -> str:
    return (
        "<!doctype html><html lang=en><head><title>Test</title><script src='/early.js'></script>"
        f"{tag}</head><body><main><div data-edgeseg-slot='hero'>Original</div></main>"
        "<div data-edgeseg-slot='pop' hidden></div></body></html>"
    )


async def test_the_printed_tag_works_on_another_host(
    page: Page, context: BrowserContext, site: Site, apart: Service, complaints: list[str]
) -> None:
    """Hash, CORS and a strict policy together: slots fill, popups open, the visitor is kept."""
    tag = CliRunner().invoke(main, ["snippet", "--endpoint", apart.url]).stdout
    site.add("/early.js", CONSENT)
    site.add("/pop/delay", _page(tag), policy=POLICY.format(host=apart.url))
    await page.goto("/pop/delay")
    await expect(page.locator("main")).to_contain_text("Filled by the campaign")
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert [cookie["name"] for cookie in await context.cookies()] == ["edgeseg"]
    visitors = set()
    for _ in range(2):
        await page.reload()
        told = "new Promise((tell) => edgeseg.on('answer', ({visitor}) => tell(visitor)))"
        await page.wait_for_function("typeof edgeseg.on === 'function'")
        visitors.add(await page.evaluate(told))
    assert len(visitors) == 1
    assert None not in visitors
    assert complaints == []


async def test_a_script_that_was_changed_does_not_run(
    page: Page, site: Site, apart: Service
) -> None:
    """With another hash the browser refuses the script, and the page stays as it is."""
    tag = CliRunner().invoke(main, ["snippet", "--endpoint", apart.url]).stdout
    site.add("/early.js", CONSENT)
    site.add("/", _page(tag.replace("sha384-", "sha384-A")))
    refused: list[str] = []
    page.on("console", lambda said: "integrity" in said.text and refused.append(said.text))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text("Original")
    assert await page.evaluate("!window.edgeseg?.page")
    assert refused


async def test_popups_that_were_changed_do_not_run(page: Page, site: Site) -> None:
    """The second file is checked by a hash in the first one."""
    site.add("/early.js", CONSENT)
    tag = '<script async src="/edgeseg.js"></script>'
    site.add("/pop/delay", _page(tag))
    changed = "export const arm = () => { window.changed = true; };"

    async def replace(route: object) -> None:
        await route.fulfill(body=changed, content_type="text/javascript")  # type: ignore[attr-defined]

    await page.route("**/edgeseg.popups.*", replace)
    await page.goto("/pop/delay")
    told = "new Promise((tell) => edgeseg.on('error', (error) => tell(`${error}`)))"
    await page.wait_for_function("typeof edgeseg.on === 'function'")
    assert "TypeError" in await page.evaluate(told)
    assert await page.evaluate("window.changed") is None
