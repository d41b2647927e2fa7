"""How the demo site looks where screens, words and the service are not as they should be."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.e2e.demo.visits import MAX_SHIFT, PAGES, SHIFTS, become, come
from tests.e2e.service import Service

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

LONG = "Kraftfahrzeughaftpflichtversicherungsbeitragsrueckerstattung"
MANY_TABS = 60
# What has the focus, and whether all of it is behind something else.
FOCUS = """
() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const {left, top, width, height} = it.getBoundingClientRect();
  const [x, y] = [left + width / 2, top + height / 2];
  const above = document.elementFromPoint(x, y)?.closest(".consent, .panel");
  const isHidden = y < 0 || y > innerHeight || (!!above && !above.contains(it));
  return {name: it.textContent.trim(), isHidden, outline: getComputedStyle(it).outlineStyle};
}
"""
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
IN_CART = """
sessionStorage.setItem("cart", JSON.stringify([{product_id: "enamel-kettle",
  name: "Enamel kettle", category: "Kitchen", price: 79, quantity: 1}]));
"""

# How much higher the cart is than the room that was kept for it, in pixels.
BEYOND_ROOM = """
() => {
  const it = document.querySelector("[data-cart-page], [data-checkout]");
  const room = it ? parseFloat(getComputedStyle(it).minHeight) : 0;
  it?.style.setProperty("min-height", "0");
  return it ? it.getBoundingClientRect().height - room : 0;
}
"""


@pytest.mark.parametrize(("width", "height"), [(1_280, 800), (360, 740), (640, 450)])
@pytest.mark.parametrize("name", PAGES)
async def test_the_focus_is_always_in_sight(
    chromium: Browser, demo: Service, name: str, width: int, height: int
) -> None:
    """By the keyboard alone each link and button is reached, marked, and not behind the banner."""
    async with come(chromium, demo, viewport={"width": width, "height": height}) as context:
        page = await context.new_page()
        await page.goto(PAGES[name])
        await expect(page.locator("[data-consent-banner]")).to_be_visible()
        await expect(page.locator('[data-held] [data-id="everyone"]')).to_be_attached()
        seen: list[dict[str, Any]] = []
        for _ in range(MANY_TABS):
            await page.keyboard.press("Tab")
            focus = await page.evaluate(FOCUS)
            if focus is None:
                break
            seen.append(focus)
        assert [each for each in seen if each["isHidden"] or each["outline"] == "none"] == []
        assert "Allow" in [each["name"] for each in seen]


@pytest.mark.parametrize("width", [1_280, 640, 360])
@pytest.mark.parametrize("name", ["home", "cart", "checkout"])
async def test_nothing_moves_for_who_has_something_in_the_cart(
    chromium: Browser, demo: Service, name: str, width: int
) -> None:
    """The count and the lines have their room before the script that writes them has loaded."""
    async with come(chromium, demo, viewport={"width": width, "height": 800}) as context:
        await context.add_init_script(IN_CART + SHIFTS)
        page = await context.new_page()
        await page.goto(PAGES[name])
        await expect(page.locator("[data-cart-count]")).to_have_text("1")
        await expect(page.locator('[data-held] [data-id="everyone"]')).to_be_attached()
        assert await page.evaluate("window.shifts") <= MAX_SHIFT
        assert await page.locator("[data-cart-empty]:visible").count() == 0
        assert await page.evaluate(BEYOND_ROOM) <= 0


async def test_an_emptied_cart_is_called_empty(page: Page) -> None:
    """The room that was kept goes with the last line."""
    await page.goto("/about-this-demo")
    await page.evaluate(IN_CART)
    await page.goto("/cart")
    await page.get_by_role("button", name="Remove").press("Enter")
    await expect(page.locator("[data-cart-empty]")).to_be_visible()
    await expect(page.locator("[data-cart-empty] a")).to_be_focused()
    await expect(page.locator("[data-cart-count]")).to_be_hidden()


async def test_a_small_screen_holds_all(chromium: Browser, demo: Service) -> None:
    """At 320 by 256 (a wide window at 400 %) the question, the tour and the popup fit."""
    async with come(chromium, demo, viewport={"width": 320, "height": 256}) as context:
        page = await context.new_page()
        await page.goto("/")
        title = page.get_by_role("heading", name="May we remember your visit?")
        await expect(title).to_be_in_viewport(ratio=1)
        await page.get_by_role("button", name="Allow", exact=True).click()
        await page.get_by_role("button", name="Take the tour").click()
        end = page.get_by_role("button", name="End the tour")
        await expect(page.get_by_role("link", name="Open the Current Account")).to_be_visible()
        await expect(end).to_be_in_viewport(ratio=1)
        assert not await page.evaluate(TOO_WIDE)


async def test_long_words_stay_on_the_page(chromium: Browser, demo: Service) -> None:
    """A compound of sixty letters breaks in the hero, the suggestions and the cart."""

    async def lengthen(route: Route) -> None:
        answered = await route.fetch()
        said = await answered.json()
        for slot in said["slots"].values():
            slot["html"] = slot["html"].replace("Visit the shop", LONG)
            slot["html"] = re.sub("<span>[^<]+", f"<span>{LONG}", slot["html"])  # suggested goods
        await route.fulfill(response=answered, json=said)

    async with come(chromium, demo, viewport={"width": 360, "height": 740}) as context:
        page = await context.new_page()
        await page.goto("/about-this-demo")
        await page.locator("main").get_by_role("button", name="High-value customer").click()
        await expect(page.locator("[data-edgeseg-shown*=thank-high-value]")).to_be_visible()
        await page.route("**/v1/classify", lengthen)
        for path in ("/", "/shop/enamel-kettle"):
            await page.goto(path)
            await expect(page.locator("main")).to_contain_text(LONG)
            assert not await page.evaluate(TOO_WIDE)
        await page.evaluate(IN_CART.replace("Enamel kettle", LONG))
        await page.goto("/cart")
        await expect(page.locator("[data-cart-lines]")).to_contain_text(LONG)
        assert not await page.evaluate(TOO_WIDE)
        await page.unroute_all(behavior="wait")  # what was shown may be on its way


async def test_forced_colours_still_tell_what_is_what(chromium: Browser, demo: Service) -> None:
    """Of the navigation only the present page is underlined, and the popup has an edge."""
    async with come(chromium, demo, forced_colors="active") as context:
        page = await context.new_page()
        await become(page, "cart-abandoner")
        await page.goto("/shop")
        lines = await page.locator(".masthead nav a").evaluate_all(
            "(links) => links.map((link) => getComputedStyle(link).borderBottomColor)"
        )
        ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert [line != ground for line in lines] == [False, True, False, False]
        light = page.locator("[data-light]")
        assert await light.evaluate("(it) => getComputedStyle(it).backgroundColor") != ground


async def test_the_panel_says_when_there_is_no_snippet(page: Page) -> None:
    """Nor does it ask for ever where a blocker keeps the script away."""
    await page.route("**/edgeseg.js", lambda route: route.abort())
    await page.goto("/")
    await expect(page.locator("[data-gist]")).to_have_text("no answer")
    await expect(page.locator("[data-visitor]")).to_contain_text("edgeseg does not answer")


async def test_the_panel_says_when_the_service_is_away(page: Page) -> None:
    """Without an answer there are no headings over nothing."""
    await page.route("**/v1/**", lambda route: route.abort())
    await page.goto("/")
    await expect(page.locator("[data-visitor]")).to_contain_text("edgeseg does not answer")
    await expect(page.get_by_role("heading", name="Slots on this page")).to_be_hidden()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Money you understand")
    await page.unroute("**/v1/**")
    await page.evaluate("edgeseg.page()")
    await expect(page.get_by_role("heading", name="Slots on this page")).to_be_visible()


async def test_the_panel_says_when_nobody_could_be_forgotten(page: Page) -> None:
    """Neither button passes over a store that is away; the visitor stays who they are."""
    await become(page, "cart-abandoner")
    await page.route("**/v1/me", lambda route: route.fulfill(status=503))
    for name in ("Forget me", "Start over"):
        await page.locator("[data-news]").evaluate("(it) => (it.textContent = '')")
        await page.get_by_role("button", name=name).click()
        await expect(page.locator("[data-news]")).to_contain_text("Not forgotten")
    await expect(page.locator("[data-cart-count]")).to_have_text("1")
    await page.unroute("**/v1/me")
    await page.get_by_role("button", name="Forget me").click()
    await expect(page.locator("[data-visitor]")).to_contain_text("Not remembered")
    await expect(page.locator("[data-news]")).not_to_contain_text("Not forgotten")


async def test_the_panel_says_when_a_copy_or_a_preview_link_decided(page: Page) -> None:
    """Neither is the same as what is stored; and nothing of it is printed."""

    async def degrade(route: Route) -> None:
        answered = await route.fetch()
        said = await answered.json() | {"degraded": True}
        for slot in said["slots"].values():
            slot["reason"] = "STALE"
        said["slots"]["home-hero"]["preview"] = True
        await route.fulfill(response=answered, json=said)

    await page.route("**/v1/classify", degrade)
    await page.goto("/")
    await expect(page.locator("[data-facts]")).to_contain_text("a recent copy was read")
    await expect(page.locator("[data-slots] small")).to_have_text(
        ["a preview link asks for it", "from a recent copy"]
    )
    await page.emulate_media(media="print")
    await expect(page.locator("[data-panel-root]")).to_be_hidden()
    await expect(page.locator("[data-consent-banner]")).to_be_hidden()


async def test_on_a_phone_the_panel_covers_nothing_for_good(
    chromium: Browser, demo: Service
) -> None:
    """Its bar tells what is new; open, it lets the page's end be seen; pages begin without it."""
    async with come(chromium, demo, viewport={"width": 390, "height": 844}) as context:
        page = await context.new_page()
        await page.goto("/")
        await page.get_by_role("button", name="Allow", exact=True).click()
        await expect(page.locator("[data-consent-banner]")).to_be_hidden()
        await page.goto("/accounts/current-account")
        bar = page.locator("[data-panel-toggle]")
        await expect(bar).to_contain_text("Joined Prospective", use_inner_text=True)
        await bar.click()
        await expect(bar).not_to_contain_text("Joined Prospective", use_inner_text=True)
        end = page.locator(".footer a")
        await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        await end.click()
        await expect(page).to_have_url(re.compile("about-this-demo"))
        await expect(bar).to_have_attribute("aria-expanded", "false")
