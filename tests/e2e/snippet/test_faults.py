"""What pages, and those between a page and the service, do wrong: the rest goes on."""

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.service import wait_for
from tests.e2e.snippet.site import CONSENT, WAIT_S, Site, document

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

HERO = '<main><div data-edgeseg-slot="hero"><p>Original</p></div></main>'
FILLED = "Filled by the campaign"
EARLY = '<script src="/early.js"></script>'
CIRCULAR = "(() => { const own = {}; own.own = own; return own; })()"


@pytest.fixture
def thrown(page: Page) -> list[str]:
    """Exceptions that reach the page, as they come."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


async def _visit(page: Page, site: Site, body: str = HERO) -> None:
    site.add("/early.js", CONSENT)
    site.add("/", document(body, head=EARLY))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)


@pytest.mark.parametrize("name", ["no-such", "", "two words", "x" * 300])
async def test_a_slot_that_is_not_known_leaves_the_others(
    page: Page, site: Site, name: str
) -> None:
    """A misspelt slot costs neither the other slots, nor the consent, nor the events."""
    site.add("/early.js", CONSENT + "edgeseg.push(['track', 'bought', {price: 24}]);")
    body = f'{HERO}<div data-edgeseg-slot="{name}">Other</div>'
    site.add("/", document(body, head=EARLY))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text("Thank you")
    assert [call.body["slots"] for call in site.sent()] == [["hero", name], ["hero"]]
    await page.evaluate("edgeseg.page()")
    wait_for(lambda: len(site.sent()) >= 3, WAIT_S, "the next view is sent")
    assert site.sent()[2].body["slots"] == ["hero"]


async def test_a_slot_that_is_not_known_leaves_those_of_a_later_call(
    page: Page, site: Site
) -> None:
    """Also a call that carries nothing but the names of slots is made again."""
    await _visit(page, site)
    await page.evaluate("edgeseg.slots('no-such', 'side')")
    await page.wait_for_function("edgeseg.slots().side")
    assert [call.body["slots"] for call in site.sent()] == [
        ["hero"],
        ["hero", "no-such", "side"],
        ["hero", "side"],
    ]
    assert site.views() == ["/"]


@pytest.mark.parametrize("bad", ["'$no', {}", "'long', {text: 'x'.repeat(2_000)}"])
async def test_an_event_that_is_refused_leaves_the_others(page: Page, site: Site, bad: str) -> None:
    """The service names it; what came with it is sent again, and it is not."""
    await _visit(page, site)
    await page.evaluate(f"edgeseg.track({bad}); edgeseg.track('bought', {{price: 24}})")
    wait_for(lambda: len(site.sent()) >= 3, WAIT_S, "the rest is sent")
    names = [[event["event"] for event in call.body["events"]] for call in site.sent()[1:]]
    assert names[1] == [name for name in names[0] if name not in {"$no", "long"}]
    await expect(page.locator("main")).to_contain_text("Thank you")


@pytest.mark.parametrize("bad", [CIRCULAR, "{number: 1n}"])
async def test_what_is_no_json_is_left_out(
    page: Page, site: Site, thrown: list[str], bad: str
) -> None:
    """Listeners are told; neither the page nor later calls suffer."""
    await _visit(page, site)
    await page.evaluate("edgeseg.on('error', (error) => (window.told = `${error}`))")
    await page.evaluate(f"edgeseg.track('bad', {bad}); edgeseg.page({bad})")
    await page.evaluate("edgeseg.track('bought')")
    await expect(page.locator("main")).to_contain_text("Thank you")
    assert "TypeError" in await page.evaluate("told")
    assert site.events("bad") == []
    assert thrown == []


async def test_an_event_is_sent_as_it_was(page: Page, site: Site) -> None:
    """What the page does with its object afterwards is none of the event."""
    await _visit(page, site)
    await page.evaluate("const cart = {n: 1}; edgeseg.track('seen', cart); cart.n = 2;")
    assert site.wait_for_event("seen")["properties"] == {"n": 1}


async def test_a_call_that_is_too_large_to_outlive_its_page(page: Page, site: Site) -> None:
    """Over 64 KiB the browser lets no call outlive its page; it goes out nevertheless."""
    await _visit(page, site)
    parts = "Object.fromEntries([...Array(8)].map((_, i) => [`p${i}`, 'x'.repeat(900)]))"
    await page.evaluate(f"for (let i = 0; i < 12; i++) edgeseg.track('large', {parts})")
    wait_for(lambda: len(site.sent()) >= 2, WAIT_S, "it is sent")
    await page.evaluate("edgeseg.track('bought')")
    await expect(page.locator("main")).to_contain_text("Thank you")


async def test_more_events_than_one_call_takes(page: Page, site: Site) -> None:
    """They go out in several calls, in their order; the view comes with the first."""
    many = "for (let i = 0; i < 45; i++) edgeseg.push(['track', 'seen', {i}]);"
    site.add("/early.js", CONSENT + many)
    site.add("/", document(HERO, head=EARLY))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    wait_for(lambda: len(site.events("seen")) == 45, WAIT_S, "all are sent")
    assert [event["properties"]["i"] for event in site.events("seen")] == list(range(45))
    assert site.views() == ["/"]


async def test_an_attribute_that_is_no_json_throws_nothing(
    page: Page, site: Site, thrown: list[str]
) -> None:
    """Nor does an event that a script sends to the document or the window itself."""
    await _visit(
        page, site, f"{HERO}<button data-edgeseg-track=x data-edgeseg-properties='{{no'>B</button>"
    )
    await page.click("button")
    await page.evaluate(
        "document.dispatchEvent(new Event('click')); window.dispatchEvent(new Event('submit'))"
    )
    assert "SyntaxError" in await page.evaluate(
        "new Promise((tell) => edgeseg.on('error', (error) => tell(`${error}`)))"
    )
    assert thrown == []


@pytest.mark.parametrize("body", ["<html>", "null", "[]", "{}", "5", ""])
async def test_an_answer_that_is_none_of_the_service(
    page: Page, site: Site, thrown: list[str], body: str
) -> None:
    """A proxy or a blocker that answers 200 with something else is an error like any other."""

    async def answer(route: Route) -> None:
        await route.fulfill(body=body)

    await page.route("**/v1/classify", answer, times=1)
    site.add("/", document(HERO))
    await page.goto("/")
    await page.wait_for_function("new Promise((tell) => edgeseg.on?.('error', () => tell(true)))")
    await expect(page.locator("main")).to_contain_text("Original")
    await page.evaluate("edgeseg.page()")
    await expect(page.locator("main")).to_contain_text(FILLED)
    assert thrown == []


async def test_an_address_that_is_longer_than_the_service_takes(page: Page, site: Site) -> None:
    """It is cut; the page is personalized by its path."""
    site.add("/second", document(HERO))
    await page.goto("/second?state=" + "x" * 3_000)
    await expect(page.locator("main")).to_contain_text("Second page")


async def _fill_hero(page: Page, site: Site, html: str) -> None:
    """Visit a page whose hero is answered with ``html``."""
    content = {"campaign": "a", "variant": "b", "kind": "html", "html": html, "reason": "SPLIT"}

    async def answer(route: Route) -> None:
        said = {"visitor": None, "segments": [], "rules": "0" * 12, "slots": {"hero": content}}
        await route.fulfill(json=said)

    await page.route("**/v1/classify", answer)
    site.add("/", document(HERO))
    await page.goto("/")


async def test_a_template_that_holds_its_own_slot(page: Page, site: Site) -> None:
    """It is filled once, and does not fill itself for ever."""
    html = '<div data-edgeseg-slot="hero"><h2>Within</h2></div>'
    await _fill_hero(page, site, html)
    await expect(page.locator("main")).to_contain_text("Within")
    assert await asyncio.wait_for(page.locator("[data-edgeseg-slot]").count(), WAIT_S) == 2


async def test_a_template_that_begins_with_its_style(page: Page, site: Site) -> None:
    """What a parser would put into the head of a document comes along as well."""
    html = "<style>h2 { color: rgb(255, 0, 0) }</style><h2>Red</h2>"
    await _fill_hero(page, site, html)
    await expect(page.get_by_role("heading", name="Red")).to_have_css("color", "rgb(255, 0, 0)")
