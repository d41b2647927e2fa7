"""Popups: when they open, how they are reached and left, and what is told of them."""

import asyncio

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.service import wait_for
from tests.e2e.snippet.rules import TRIGGERS
from tests.e2e.snippet.site import CONSENT, WAIT_S, Site, document

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

TITLE = "A word before you go"
BODY = (
    '<main><button id="first">First</button>{more}<button id="last">Last</button></main>'
    '<div data-edgeseg-slot="pop" hidden></div>'
)
TALL = "<style>main { height: 5000px }</style>"
EXIT = (
    "document.documentElement.dispatchEvent(new MouseEvent('mouseout',"
    " {bubbles: true, clientX: 400, clientY: -1, relatedTarget: null}))"
)


def _popup(page: Page) -> Locator:
    return page.get_by_role("dialog", name=TITLE)


async def _visit(page: Page, site: Site, name: str, *, more: str = "") -> None:
    """Open the page of one trigger; go on once its popup is armed."""
    site.add("/early.js", CONSENT)
    early = '<script src="/early.js"></script>'
    for path in TRIGGERS:
        site.add(f"/pop/{path}", document(BODY.format(more=more), head=early + TALL))
    async with page.expect_response("**/edgeseg.popups.*.js"):
        await page.goto(f"/pop/{name}")
    await page.evaluate("new Promise((done) => setTimeout(done))")


async def _provoke(page: Page, name: str) -> None:
    actions = {
        "exit": EXIT,
        "scroll": "scrollTo(0, document.body.scrollHeight)",
        "event": "edgeseg.track('asked')",
    }
    if name in actions:
        await expect(page.locator("dialog")).to_have_count(0)
        await page.evaluate(actions[name])


@pytest.mark.parametrize("name", TRIGGERS)
async def test_each_trigger_opens_it(
    page: Page, site: Site, complaints: list[str], name: str
) -> None:
    """On leaving, after a while, once scrolled, when nothing happens, and by an event."""
    await _visit(page, site, name)
    await _provoke(page, name)
    await expect(_popup(page)).to_be_visible()
    await expect(_popup(page)).to_contain_text("Ten per cent off.")
    is_modal = await _popup(page).evaluate("(dialog) => dialog.matches(':modal')")
    assert is_modal is (name not in {"delay", "idle"})
    assert complaints == []


async def test_pages_without_a_popup_do_not_load_the_code_for_it(page: Page, site: Site) -> None:
    """The second file is asked for only where a popup may open."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    site.add("/", document(BODY.format(more='<div data-edgeseg-slot="hero">Original</div>')))
    await page.goto("/", wait_until="networkidle")
    await expect(page.locator("main")).to_contain_text("Filled")
    assert [url for url in asked if "popups" in url] == []


async def test_activity_puts_inactivity_off(page: Page, site: Site) -> None:
    """While the visitor does something the popup waits."""
    await _visit(page, site, "idle")
    for step in range(7):
        await page.mouse.move(100 + step, 100)
        await asyncio.sleep(0.25)
        assert await page.locator("dialog").count() == 0
    await expect(_popup(page)).to_be_visible()


async def test_a_modal_popup_holds_the_focus_and_gives_it_back(page: Page, site: Site) -> None:
    """The keyboard moves within it; Esc closes it and returns to where the visitor was."""
    await _visit(page, site, "exit")
    await page.focus("#first")
    await page.evaluate(EXIT)
    await expect(_popup(page)).to_be_visible()
    for _ in range(6):
        await page.keyboard.press("Tab")
        within = await page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
        assert within
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.locator("#first")).to_be_focused()


async def test_a_popup_that_opens_by_itself_leaves_the_focus(page: Page, site: Site) -> None:
    """A visitor who types goes on typing; Esc closes it from anywhere."""
    await _visit(page, site, "delay", more='<input aria-label="Name">')
    await page.get_by_label("Name").focus()
    await expect(_popup(page)).to_be_visible()
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("Alex")
    assert await page.get_by_label("Name").input_value() == "Alex"
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.get_by_label("Name")).to_be_focused()


async def test_the_focus_returns_from_a_popup_that_is_not_modal(page: Page, site: Site) -> None:
    """Who went into it with the keyboard and closes it is back where they came from."""
    await _visit(page, site, "delay")
    await page.focus("#last")
    await expect(_popup(page)).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(_popup(page).get_by_role("link")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(_popup(page).get_by_role("button", name="Close")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.locator("#last")).to_be_focused()


@pytest.mark.parametrize("way", ["button", "later", "escape", "beside"])
async def test_a_dismissal_is_told_and_remembered_by_the_service(
    page: Page, site: Site, way: str
) -> None:
    """However it is closed: shown and dismissed are told once, and it does not come back."""
    await _visit(page, site, "exit")
    await page.evaluate(EXIT)
    await expect(_popup(page)).to_be_visible()
    if way == "button":
        await _popup(page).get_by_role("button", name="Close").click()
    elif way == "later":
        await _popup(page).get_by_role("button", name="Later").click()
    elif way == "escape":
        await page.keyboard.press("Escape")
    else:
        await page.mouse.click(5, 5)
    await expect(page.locator("dialog")).to_have_count(0)
    dismissed = site.wait_for_event("campaign_dismissed")
    what = {"slot": "pop", "campaign": "pop-exit", "variant": "only"}
    assert dismissed["properties"] == what
    assert [event["properties"] for event in site.events("campaign_shown")] == [what]
    await page.evaluate(EXIT)  # on this page it stays away
    await expect(page.locator("dialog")).to_have_count(0)
    await page.reload()
    wait_for(lambda: len(site.views()) >= 2, WAIT_S, "the page is viewed again")
    answer = await page.evaluate("new Promise((tell) => edgeseg.on('answer', tell))")
    assert answer["slots"]["pop"]["campaign"] is None  # on the next the service knows
    assert await page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


async def test_a_click_is_no_dismissal(page: Page, site: Site) -> None:
    """A link in it closes it, and counts as clicked."""
    await _visit(page, site, "exit")
    await page.evaluate(EXIT)
    await _popup(page).get_by_role("link", name="Take it").click()
    await expect(page.locator("dialog")).to_have_count(0)
    await page.goto("about:blank")
    assert site.wait_for_event("campaign_clicked")["properties"]["campaign"] == "pop-exit"
    assert site.events("campaign_dismissed") == []


async def test_a_refusal_by_a_link_is_no_click(page: Page, site: Site) -> None:
    """A link that closes it is a dismissal alone, as the button is."""
    await _visit(page, site, "exit")
    await page.evaluate(EXIT)
    await _popup(page).get_by_text("Take it").evaluate("(a) => (a.dataset.edgesegClose = '')")
    await _popup(page).get_by_text("Take it").click()
    await expect(page.locator("dialog")).to_have_count(0)
    assert site.wait_for_event("campaign_dismissed")["properties"]["campaign"] == "pop-exit"
    await page.goto("about:blank")
    site.wait_for_event("campaign_shown")
    assert site.events("campaign_clicked") == []


async def test_a_form_that_is_sent_is_a_click_and_no_dismissal(page: Page, site: Site) -> None:
    """Also where `<input type=submit>` sends it, and the visitor closes the popup then."""
    await _visit(page, site, "exit")
    await page.evaluate(EXIT)
    await _popup(page).evaluate(
        "(dialog) => { dialog.querySelector('p').innerHTML ="
        " '<form><input aria-label=Email><input type=submit value=Subscribe></form>';"
        " dialog.addEventListener('submit', (event) => event.preventDefault()); }"
    )
    await _popup(page).get_by_label("Email").press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await page.goto("about:blank")
    assert site.wait_for_event("campaign_clicked")["properties"]["campaign"] == "pop-exit"
    assert site.events("campaign_dismissed") == []


async def test_text_is_selected_without_closing_it(page: Page, site: Site) -> None:
    """Who selects with the mouse often lets go beside it."""
    await _visit(page, site, "exit")
    await page.evaluate(EXIT)
    box = await _popup(page).get_by_text("Ten per cent off.").bounding_box()
    assert box
    await page.mouse.move(box["x"] + 60, box["y"] + 5)
    await page.mouse.down()
    await page.mouse.move(10, box["y"] + 5)
    await page.mouse.up()
    assert await page.evaluate("getSelection().toString().length") > 0
    await expect(_popup(page)).to_be_visible()
    await page.mouse.click(5, 5)
    await expect(page.locator("dialog")).to_have_count(0)


async def test_a_click_on_its_text_or_its_edge_leaves_it_open(page: Page, site: Site) -> None:
    """Nor does a control that the keyboard presses close it; Esc still counts as a dismissal."""
    await _visit(page, site, "exit")
    await page.evaluate(EXIT)
    await _popup(page).get_by_text("Ten per cent off.").click()
    await _popup(page).click(position={"x": 3, "y": 3})
    await _popup(page).evaluate(
        "(dialog) => dialog.querySelector('p').append(Object.assign("
        "document.createElement('input'), {type: 'checkbox', ariaLabel: 'More'}))"
    )
    await _popup(page).get_by_label("More").press("Space")
    await expect(_popup(page).get_by_label("More")).to_be_checked()
    assert site.events("campaign_dismissed") == []
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    assert site.wait_for_event("campaign_dismissed")["properties"]["campaign"] == "pop-exit"


async def test_one_at_a_time(page: Page, site: Site) -> None:
    """While a dialog of the page is open the popup waits, and comes after it."""
    await _visit(page, site, "delay", more="<dialog id='own'>The page's own</dialog>")
    await page.evaluate("document.querySelector('#own').show()")
    await asyncio.sleep(1.3)
    await expect(_popup(page)).to_have_count(0)
    await page.evaluate("document.querySelector('#own').close()")
    await expect(_popup(page)).to_be_visible()


async def test_a_popup_of_the_page_before_does_not_open(page: Page, site: Site) -> None:
    """A router has gone on, and no answer has come for the new page: the old one is not shown."""
    await _visit(page, site, "event")
    site.is_refusing = True
    await page.evaluate("history.pushState({}, '', '/checkout')")
    await page.wait_for_function("new Promise((tell) => edgeseg.on('error', () => tell(true)))")
    await page.evaluate("edgeseg.track('asked')")
    await expect(page.locator("dialog")).to_have_count(0)
    await page.evaluate("history.back()")
    await page.wait_for_function("location.pathname === '/pop/event'")
    await page.evaluate("edgeseg.track('asked')")
    await expect(_popup(page)).to_be_visible()


async def test_a_tab_in_the_background_waits(page: Page, site: Site) -> None:
    """Nobody sees what opens there, and it would count as shown."""
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s})"
    await page.add_init_script(hide % "true")
    await _visit(page, site, "delay")
    await asyncio.sleep(1.3)
    await expect(_popup(page)).to_have_count(0)
    await page.evaluate(hide % "false")
    await expect(_popup(page)).to_be_visible()


async def test_a_long_one_is_read_from_its_title_on(page: Page, site: Site) -> None:
    """On a page that resets all margins; a key that was meant for the page presses no link."""
    await page.set_viewport_size({"width": 1000, "height": 480})
    await _visit(page, site, "exit", more="<style>* { margin: 0; padding: 0 }</style>")
    await page.evaluate(
        "new MutationObserver(() => document.querySelector('dialog p').style.height = '900px')"
        ".observe(document.body, {childList: true})"
    )
    await page.evaluate(EXIT)
    await expect(_popup(page).get_by_role("heading")).to_be_focused()
    await expect(_popup(page).get_by_role("heading")).to_be_in_viewport(ratio=1)
    await expect(_popup(page).get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
    await page.keyboard.press("Enter")
    await expect(_popup(page)).to_be_visible()
    box = await _popup(page).bounding_box()
    assert box
    assert (box["x"], box["y"]) == (260, 16)


@pytest.mark.parametrize("width", [320, 1000])
async def test_it_fits_the_screen(page: Page, site: Site, width: int) -> None:
    """On a small screen, and without a style of the page's own, all of it is in sight."""
    await page.set_viewport_size({"width": width, "height": 480})
    await _visit(page, site, "delay")
    await expect(_popup(page)).to_be_visible()
    box = await _popup(page).bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 480
    long = "Kraftfahrzeughaftpflichtversicherungsbeitragsrueckerstattung"
    await _popup(page).get_by_text("Ten per cent off.").evaluate(f"(p) => p.append('{long}')")
    assert await page.locator("dialog").evaluate("(it) => it.scrollWidth <= it.clientWidth")
    close = await _popup(page).get_by_role("button", name="Close").bounding_box()
    assert close
    assert min(close["width"], close["height"]) >= 44


async def test_nothing_moves_without_asking(page: Page, site: Site) -> None:
    """The popup has no animation of its own and shifts nothing on the page."""
    await page.add_init_script(
        "window.shifts = 0; new PerformanceObserver((list) => list.getEntries().forEach("
        "(e) => (window.shifts += e.value))).observe({type: 'layout-shift', buffered: true})"
    )
    await _visit(page, site, "delay")
    await expect(_popup(page)).to_be_visible()
    assert await _popup(page).evaluate("(dialog) => dialog.getAnimations().length") == 0
    assert await page.evaluate("window.shifts") <= 0.01
