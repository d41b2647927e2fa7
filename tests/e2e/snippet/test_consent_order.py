"""Choices that follow one another closely, or at two tabs: the last one counts."""

import asyncio

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.e2e.service import wait_for
from tests.e2e.snippet.site import WAIT_S, Site
from tests.e2e.snippet.test_consent import (
    FILLED,
    answers_a_choice,
    consents,
    visit,
    wait_for_visitor,
)

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

# Decides, and waits until the page has heard the answer: one under way would be taken for newer.
DECIDE = """
(choice) => new Promise((done) => {
  addEventListener("edgeseg:answer", () => done(), {once: true});
  edgeseg.consent({marketing: choice});
})
"""
# Tabs of a browser without a window are always in sight, and in front.
COME_BACK = "document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))"
COME_BACK_TO_A_WINDOW = "dispatchEvent(new Event('focus'))"
LEAVE = {
    "for another tab": "Object.defineProperty(document, 'hidden', {get: () => true});" + COME_BACK,
    "for another page": "dispatchEvent(new PageTransitionEvent('pagehide'))",
}


@pytest.mark.parametrize("come_back", [COME_BACK, COME_BACK_TO_A_WINDOW])
async def test_a_choice_at_another_tab_is_not_taken_for_the_last(
    page: Page, context: BrowserContext, site: Site, come_back: str
) -> None:
    """Who allows at one tab and then refuses at another is forgotten; and the other way round."""
    await visit(page, site, "", "")
    other = await context.new_page()
    await other.goto("/")
    await expect(other.locator("main")).to_contain_text(FILLED)
    for tab, choice in ((page, True), (other, False), (page, True)):
        await tab.evaluate(come_back)
        async with tab.expect_response(answers_a_choice):
            await tab.evaluate(DECIDE, choice)
    assert consents(site) == [{"marketing": True}, {"marketing": False}, {"marketing": True}]
    assert len(await context.cookies()) == 1


async def test_what_happens_at_another_tab_counts_once_there_is_consent(
    page: Page, context: BrowserContext, site: Site
) -> None:
    """A tab that was opened before consent was given does not keep its events to itself."""
    await visit(page, site, "", "")
    other = await context.new_page()
    await other.goto("/")
    await expect(other.locator("main")).to_contain_text(FILLED)
    await page.evaluate("edgeseg.consent({marketing: true})")
    await wait_for_visitor(page)
    await other.evaluate(COME_BACK)
    await other.evaluate("edgeseg.track('bought', {price: 24})")
    await expect(other.locator("main")).to_contain_text("Thank you")


async def test_a_choice_at_another_tab_while_a_call_is_under_way(
    page: Page, context: BrowserContext, site: Site
) -> None:
    """The answer to what was decided before the other tab's choice does not make it the last."""
    await visit(page, site, "", "")
    await page.evaluate(DECIDE, arg=True)
    other = await context.new_page()
    await other.goto("/")
    await expect(other.locator("main")).to_contain_text(FILLED)
    with site.slow(WAIT_S):
        async with page.expect_request(lambda asked: '"consent":{"' in (asked.post_data or "")):
            decided = asyncio.ensure_future(page.evaluate(DECIDE, arg=False))
        wait_for(lambda: len(consents(site)) == 2, WAIT_S, "it has reached the site")
        site.delay_s = 0.0
        await other.evaluate(DECIDE, arg=False)
        await other.evaluate(DECIDE, arg=True)
        await page.evaluate(COME_BACK)
    await decided
    async with page.expect_response(answers_a_choice):
        await page.evaluate(DECIDE, arg=False)
    assert consents(site)[-1] == {"marketing": False}
    assert await context.cookies() == []


@pytest.mark.parametrize("way", LEAVE)
async def test_who_changes_their_mind_while_a_call_is_under_way_and_leaves(
    page: Page, site: Site, way: str
) -> None:
    """The refusal goes out, and what was granted before does not, when its call fails later."""
    await visit(page, site, "", "")
    held: asyncio.Future[Route] = asyncio.get_running_loop().create_future()

    async def hold(route: Route) -> None:
        if '"consent":{"marketing":true}' in (route.request.post_data or ""):
            held.set_result(route)
        else:
            await route.continue_()

    await page.route("**/v1/classify", hold)
    await page.evaluate("edgeseg.consent({marketing: true})")
    granting = await held
    async with page.expect_response(answers_a_choice):
        await page.evaluate(f"edgeseg.consent({{marketing: false}}); {LEAVE[way]}")
    async with page.expect_event("requestfailed"):
        await granting.abort()
    async with page.expect_response("**/v1/classify"):
        await page.evaluate("edgeseg.page()")
    assert {"marketing": False} in consents(site)
    assert {"marketing": True} not in consents(site)
