"""Page views: one request each, in pages that load and in pages that do not."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.service import wait_for
from tests.e2e.snippet.site import CONSENT, WAIT_S, Site, document

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

HERO = '<main><div data-edgeseg-slot="hero"><p>Original</p></div></main>'
FILLED = "Filled by the campaign"

# A router as small as can be: links change the address, then the page, as frameworks do.
APP = """
const pages = {
  "/": `<h1>Home</h1><div data-edgeseg-slot="hero"><p>Original</p></div>`,
  "/second": `<h1>Second</h1><div data-edgeseg-slot="hero"><p>Original of the second</p></div>`,
  "/plain": `<h1>Plain</h1><div data-edgeseg-slot="side"><p>Original side</p></div>`,
};
const render = () => { document.querySelector("#app").innerHTML = pages[location.pathname]; };
window.go = (path) => { history.pushState({}, "", path); return Promise.resolve().then(render); };
document.addEventListener("click", (event) => {
  const link = event.target.closest("nav a");
  if (!link) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
addEventListener("popstate", render);
render();
"""
NAV = "".join(f'<a href="{path}">{path}</a>' for path in ("/", "/second", "/plain"))


def _add_app(site: Site) -> None:
    body = f'<nav>{NAV}</nav><main id="app"></main><script src="/app.js"></script>'
    for path in ("/", "/second", "/plain"):
        site.add(path, document(body, head='<script src="/consent.js"></script>'))
    site.add("/app.js", APP)
    site.add("/consent.js", CONSENT)


def wait_for_views(site: Site, count: int) -> list[str]:
    """Answer the paths of the page views once there are so many."""
    return wait_for(lambda: site.views() if len(site.views()) >= count else None, WAIT_S, "views")


async def test_a_page_view_is_one_request(page: Page, site: Site, complaints: list[str]) -> None:
    """Loading a page asks once, with its address, its title and its slots, and fills them."""
    site.add("/", document(HERO))
    await page.goto("/?utm_source=news#top")
    await expect(page.locator("main")).to_contain_text(FILLED)
    [call] = site.sent()
    assert call.body["page"]["url"] == f"{site.url}/?utm_source=news"
    assert call.body["page"]["title"] == "Test"
    assert call.body["slots"] == ["hero"]
    assert complaints == []


async def test_calls_made_before_it_has_loaded_are_kept(page: Page, site: Site) -> None:
    """What a page says while it is parsed goes along with its view, in one request."""
    site.add("/early.js", CONSENT + "edgeseg.push(['track', 'bought', {price: 24}]);")
    site.add("/", document(HERO, head='<script src="/early.js"></script>'))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text("Thank you")
    [call] = site.sent()
    assert call.body["consent"] == {"marketing": True}
    assert [(event["event"], event["properties"]) for event in call.body["events"]] == [
        ("bought", {"price": 24})
    ]


@pytest.mark.parametrize("year", [2020, 2040])
async def test_a_visitor_whose_clock_is_wrong(page: Page, site: Site, year: int) -> None:
    """What they do counts as done now, and not as done years ago."""
    await page.clock.set_fixed_time(f"{year}-01-01T00:00:00Z")
    site.add("/early.js", CONSENT)
    site.add("/", document(HERO, head='<script src="/early.js"></script>'))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    await page.evaluate("edgeseg.track('bought', {price: 24})")
    assert site.wait_for_event("bought")["timestamp"].startswith(str(year))
    await expect(page.locator("main")).to_contain_text("Thank you")


async def test_loading_it_twice_changes_nothing(page: Page, site: Site) -> None:
    """Two tags on a page count one view."""
    site.add("/", document(HERO, head='<script async src="/edgeseg.js?again"></script>'))
    await page.goto("/", wait_until="networkidle")
    await expect(page.locator("main")).to_contain_text(FILLED)
    assert site.views() == ["/"]


@pytest.mark.parametrize("kind", ["", "defer"])
async def test_loading_it_twice_before_the_page_is_parsed(
    page: Page, site: Site, kind: str
) -> None:
    """Nor do two tags that both run before either starts, as of a theme and a plugin."""
    tag = f'<script {kind} src="/edgeseg.js"></script>'
    site.add("/", f"<!doctype html><title>Test</title>{tag}{HERO}{tag}")
    await page.goto("/", wait_until="networkidle")
    await expect(page.locator("main")).to_contain_text(FILLED)
    assert site.views() == ["/"]


async def test_who_has_kept_the_queue_may_go_on_filling_it(page: Page, site: Site) -> None:
    """A module that took `window.edgeseg` before the snippet had loaded still reaches it."""
    site.add("/early.js", CONSENT + "window.kept = window.edgeseg;")
    site.add("/", document(HERO, head='<script src="/early.js"></script>'))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    await page.evaluate("kept.push(['track', 'bought', {price: 24}])")
    assert site.wait_for_event("bought")["properties"] == {"price": 24}


async def test_custom_values_in_the_queue_leave_the_referrer(page: Page, site: Site) -> None:
    """page() before the snippet has loaded is the first view, which came from outside."""
    early = "(window.edgeseg = window.edgeseg || []).push(['page', {cart_value: 120}]);"
    site.add("/early.js", early)
    site.add("/from", "<a href='/to'>Go</a>")
    site.add("/to", document(HERO, head='<script src="/early.js"></script>'))
    await page.goto("/from")
    await page.click("a")
    await expect(page.locator("main")).to_contain_text(FILLED)
    [call] = site.sent()
    assert call.body["page"]["referrer"] == f"{site.url}/from"
    assert call.body["context"]["custom"] == {"cart_value": 120}


async def test_a_single_page_application(page: Page, site: Site, complaints: list[str]) -> None:
    """Each route is one view, by link, back and forward; its slots show what belongs to it."""
    _add_app(site)
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    await page.click("nav a[href='/second']")
    await expect(page.locator("main")).to_contain_text("Second page")
    await page.click("nav a[href='/plain']")
    await expect(page.locator("main")).to_contain_text("At the side")
    await page.go_back()
    await expect(page.locator("main")).to_contain_text("Second page")
    await page.go_forward()
    await expect(page.locator("main")).to_contain_text("At the side")
    assert wait_for_views(site, 5) == ["/", "/second", "/plain", "/second", "/plain"]
    assert site.sent()[1].body["page"]["referrer"] == f"{site.url}/"
    assert complaints == []


async def test_what_was_decided_for_the_page_before_is_not_shown(page: Page, site: Site) -> None:
    """Until its own answer is there, a new route shows its original, not the last campaign."""
    _add_app(site)
    await page.goto("/second")
    await expect(page.locator("main")).to_contain_text("Second page")
    await page.evaluate(
        "window.seen = []; new MutationObserver(() => seen.push(app.textContent))"
        ".observe(app, {childList: true, subtree: true})"
    )
    with site.slow(WAIT_S):
        await page.evaluate("go('/')")
        wait_for(lambda: len(site.views()) == 2, WAIT_S, "the route asks")
    await expect(page.locator("main")).to_contain_text(FILLED)
    seen = await page.evaluate("seen")
    assert "Original" in seen[0]
    assert not [text for text in seen if "Second" in text]


async def test_a_replaced_address_counts_but_a_fragment_does_not(page: Page, site: Site) -> None:
    """An address that is replaced by another is a view; the same or a fragment is none."""
    _add_app(site)
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    await page.evaluate("history.replaceState({}, '', '/#part'); location.hash = 'other';")
    await page.evaluate("history.replaceState({}, '', '/second?step=2')")
    assert wait_for_views(site, 2) == ["/", "/second?step=2"]


async def test_each_content_is_exposed_once_a_view(page: Page, site: Site) -> None:
    """Five views of a route that shows a campaign are five exposures, however often it renders."""
    _add_app(site)
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    for path, words in (("/second", "Second page"), ("/", FILLED)) * 2:
        await page.evaluate(f"go('{path}').then(() => go('{path}')).then(() => go('{path}'))")
        await expect(page.locator("main")).to_contain_text(words)
    await page.goto("about:blank")
    wait_for(lambda: len(site.events("campaign_shown")) >= 5, WAIT_S, "all exposures are sent")
    shown = [event["properties"]["campaign"] for event in site.events("campaign_shown")]
    assert shown == ["greet", "second", "greet", "second", "greet"]


async def test_a_fast_navigation_cancels_the_earlier_answer(page: Page, site: Site) -> None:
    """What was asked for the page before is given up; nothing of it is shown or counted."""
    _add_app(site)
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    before = len(site.sent())
    with site.slow(WAIT_S):  # until both have asked
        await page.evaluate("go('/second')")
        wait_for(lambda: len(site.sent()) > before, WAIT_S, "the second page asks")
        await page.evaluate(
            "edgeseg.on('answer', (answer) => (window.answers ||= []).push(answer))"
        )
        await page.evaluate("window.answers = []; go('/plain')")
        wait_for(lambda: len(site.sent()) > before + 1, WAIT_S, "the third page asks")
    await expect(page.locator("main")).to_contain_text("At the side")
    answers = await page.evaluate("answers.map((answer) => Object.keys(answer.slots))")
    assert answers == [["hero", "side"]]
    assert site.views() == ["/", "/second", "/plain"]
    await page.goto("about:blank")
    wait_for(lambda: len(site.events("campaign_shown")) >= 2, WAIT_S, "exposures are sent")
    assert "second" not in [e["properties"]["campaign"] for e in site.events("campaign_shown")]


async def test_many_redirects_in_one_go_are_one_view(page: Page, site: Site) -> None:
    """A router that settles on its third address has shown one page."""
    _add_app(site)
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)
    await page.evaluate("go('/plain'); go('/'); go('/second')")
    await expect(page.locator("main")).to_contain_text("Second page")
    assert site.views() == ["/", "/second"]


async def test_slots_that_come_later_are_filled(page: Page, site: Site) -> None:
    """A slot that a script adds is asked for without counting a view."""
    site.add("/", document("<main></main>"))
    await page.goto("/")
    wait_for_views(site, 1)
    await page.evaluate(
        "document.querySelector('main').innerHTML = '<div data-edgeseg-slot=hero>Late</div>'"
    )
    await expect(page.locator("main")).to_contain_text(FILLED)
    assert site.views() == ["/"]
    assert len(site.sent()) == 2


async def test_slots_are_answered_to_pages_that_render_themselves(page: Page, site: Site) -> None:
    """edgeseg.slots asks without an element; answers reach listeners, early and late."""
    site.add("/", document("<main></main>"))
    await page.goto("/")
    wait_for_views(site, 1)
    await page.evaluate("edgeseg.slots('hero')")
    await page.wait_for_function("edgeseg.slots().hero?.campaign === 'greet'")
    told = await page.evaluate(
        "new Promise((tell) => edgeseg.on('answer', (answer, timing) => tell([answer, timing])))"
    )
    assert told[0]["slots"]["hero"]["variant"] == "only"
    assert told[1]["late"] is False


async def test_custom_values_go_along(page: Page, site: Site) -> None:
    """What page() is given is sent with that view and the calls after it."""
    site.add("/", document(HERO))
    await page.goto("/")
    wait_for_views(site, 1)
    await page.evaluate("edgeseg.page({cart_value: 120})")
    wait_for_views(site, 2)
    assert site.sent()[1].body["context"]["custom"] == {"cart_value": 120}


async def test_the_language_is_the_browsers(chromium: Browser, site: Site) -> None:
    """The service reads it in the header that browsers send anyway."""
    site.add("/languages", document(HERO))
    reader = await chromium.new_context(base_url=site.url, locale="cs-CZ")
    page = await reader.new_page()
    await page.goto("/languages")
    await expect(page.locator("main")).to_contain_text("In Czech")
    await reader.close()
