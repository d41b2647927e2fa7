"""The page at ``/openapi``: whoever tries the API there can make each call of the document."""

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e.demo.visits import come, find_violations
from tests.e2e.service import SERVER_KEY, Service

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]


async def _open(page: Page) -> None:
    await page.goto("/openapi")
    await expect(page.locator("#about")).to_contain_text("Version")
    await page.locator("details").evaluate_all("(all) => all.forEach((it) => (it.open = true))")


async def _send(call: Locator) -> str:
    await call.get_by_role("button", name="Send").click()
    await expect(call.locator("pre")).to_contain_text(" ms")
    return await call.locator("pre").inner_text()


@pytest.mark.needs("web-tools")
async def test_it_is_accessible_and_fits_a_phone(chromium: Browser, demo: Service) -> None:
    """With all calls open, and only methods of HTTP among them."""
    async with come(chromium, demo, viewport={"width": 360, "height": 740}) as context:
        page = await context.new_page()
        await _open(page)
        assert await find_violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") == 360
        assert "`" not in await page.locator("main").inner_text()
        methods = set(await page.locator(".method").all_inner_texts())
        assert methods == {"GET", "PUT", "POST", "DELETE"}


async def test_parameters_and_bodies_go_where_they_belong(page: Page) -> None:
    """Into the path, a header or the body, also where the document describes no body."""
    await _open(page)
    await page.locator("#key").fill(SERVER_KEY)

    flag = page.locator("details", has_text="/ofrep/v1/evaluate/flags/{key}")
    await flag.get_by_label("key (path)").fill("slot/home-hero")
    await flag.get_by_label("Body").fill('{"context": {"targetingKey": "somebody"}}')
    assert '"key": "slot/home-hero"' in await _send(flag)

    listed = page.locator("details", has_text="Replace the members of a list")
    await listed.get_by_label("name (path)").fill("tried-out")
    await listed.get_by_label("Body").fill("visitor\nVIGbVj-vyOOlBOHXMibGWQ\n")
    assert '"members": 1' in await _send(listed)

    fragment = page.locator("details", has_text="/v1/fragment/{slot}")
    await fragment.get_by_label("Edgeseg-Segment-Key (header)").fill("no-key")
    async with page.expect_request("**/v1/fragment/**") as asked:
        await _send(fragment)
    assert (await asked.value).headers["edgeseg-segment-key"] == "no-key"

    assert "stream" in await _send(page.locator("details", has_text="/ofrep/v1/events"))


async def test_it_says_when_there_is_no_document(page: Page) -> None:
    """Instead of loading for ever."""
    await page.route("**/openapi.json", lambda route: route.abort())
    await page.goto("/openapi")
    await expect(page.locator("#about")).to_contain_text("could not be loaded")
