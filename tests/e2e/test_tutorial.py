"""The tutorial as a newcomer takes it: a real browser on the demo site."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect

from tests.e2e.service import Service
from tests.plugins.needs import path_of

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="module")]

HERO = '[data-edgeseg-slot="home-hero"]'
BANNER = "[data-consent-banner]"
PROSPECT = '[data-held] [data-id="prospective-account-clients"]'
ABANDONER = '[data-held] [data-id="cart-abandoners"]'
EVERYONE = '[data-held] [data-id="everyone"]'
ORIGINAL = "Money you understand"


Visit = tuple[Page, BrowserContext, list[str]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running `edgeseg demo`."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    with closing(Service(folder, command="demo", budget_ms=1_000)) as running:
        yield running.start()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A running Chromium; every newcomer gets a profile of their own in it."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path_of("chromium"))
        yield running
        await running.close()


@asynccontextmanager
async def _come(
    chromium: Browser, demo: Service, headers: dict[str, str] | None = None
) -> AsyncIterator[Visit]:
    """Open a tab on the demo site; collect whatever its pages complain about."""
    context = await chromium.new_context(
        base_url=demo.url, extra_http_headers=headers, viewport={"width": 1300, "height": 900}
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await context.add_init_script(
        "addEventListener('securitypolicyviolation', "
        "(e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`))"
    )
    yield page, context, complaints
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(chromium: Browser, demo: Service) -> AsyncIterator[Visit]:
    """One newcomer."""
    async with _come(chromium, demo) as opened:
        yield opened


@pytest.fixture
def page(visit: Visit) -> Page:
    """The newcomer's tab."""
    return visit[0]


@pytest.fixture
def context(visit: Visit) -> BrowserContext:
    """The newcomer's browser, with its cookies."""
    return visit[1]


@pytest.fixture
def complaints(visit: Visit) -> list[str]:
    """Console errors, uncaught exceptions and policy violations of all pages so far."""
    return visit[2]


async def _allow(page: Page) -> None:
    await page.locator(f"{BANNER} [data-consent=yes]").click()
    await expect(page.locator(".panel [data-consent-state]")).to_have_text("Marketing: granted")


async def _become_prospect(page: Page) -> None:
    await page.goto("/")
    await _allow(page)
    await page.goto("/accounts/current-account")
    await expect(page.locator(PROSPECT)).to_be_visible()


async def test_the_tutorial_from_consent_to_leaving(page: Page, complaints: list[str]) -> None:
    """Reading an account joins the segment and changes the hero; the form undoes both."""
    await page.goto("/")
    await expect(page.locator(HERO)).to_contain_text(ORIGINAL)
    await _allow(page)
    await expect(page.locator(PROSPECT)).to_have_count(0)

    await page.goto("/accounts/current-account")
    await expect(page.locator(PROSPECT)).to_be_visible()
    await expect(page.locator("[data-news]")).to_have_text("Joined Prospective Account Clients")

    await page.goto("/")
    await expect(page.locator(HERO)).to_contain_text("Request an account")
    await expect(page.locator(HERO)).not_to_contain_text(ORIGINAL)
    shown = await page.locator(HERO).get_attribute("data-edgeseg-shown")
    assert shown in {"open-an-account/calm", "open-an-account/bold"}

    await page.locator(HERO).get_by_role("link", name="Request an account").click()
    await page.get_by_label("Your name").fill("Alex Example")
    await page.get_by_label("Email").fill("alex@shop.example")
    await page.get_by_role("button", name="Request account").click()
    await expect(page.get_by_role("heading", name="Thank you, your request is in")).to_be_visible()
    await expect(page.locator("[data-news]")).to_have_text("Left Prospective Account Clients")

    await page.goto("/")
    await expect(page.locator(EVERYONE)).to_be_visible()
    await expect(page.locator(PROSPECT)).to_have_count(0)
    await expect(page.locator(HERO)).to_contain_text(ORIGINAL)
    assert complaints == []


async def test_the_variant_stays_the_same_from_page_to_page(page: Page) -> None:
    """A visitor who was assigned a variant keeps it."""
    await _become_prospect(page)
    shown = set()
    for _ in range(3):
        await page.goto("/")
        await expect(page.locator(HERO)).to_contain_text("Request an account")
        shown.add(await page.locator(HERO).get_attribute("data-edgeseg-shown"))
    assert len(shown) == 1


async def test_the_panel_says_why(page: Page) -> None:
    """The panel unfolds the conditions of a segment, with what was found."""
    await _become_prospect(page)
    await page.locator(PROSPECT).get_by_role("button").click()
    reason = page.locator(f"{PROSPECT} .reason")
    await expect(reason).to_be_visible()
    await expect(reason).to_contain_text("/accounts/current-account")


async def test_without_an_answer_to_the_banner_nothing_is_stored(
    page: Page, context: BrowserContext, demo: Service, complaints: list[str]
) -> None:
    """Undecided visitors get no cookie and no profile, whatever they read."""
    before = demo.keys()
    for path in ("/", "/accounts/current-account", "/"):
        await page.goto(path)
        await expect(page.locator(EVERYONE)).to_be_visible()
    await expect(page.locator(BANNER)).to_be_visible()
    await expect(page.locator(HERO)).to_contain_text(ORIGINAL)
    assert await context.cookies() == []
    assert demo.keys() == before
    assert complaints == []


async def test_refusing_stores_nothing(
    page: Page, context: BrowserContext, demo: Service, complaints: list[str]
) -> None:
    """Who refuses gets no cookie, no profile and no campaign."""
    before = demo.keys()
    await page.goto("/")
    await page.locator(f"{BANNER} [data-consent=no]").click()
    await expect(page.locator(BANNER)).to_be_hidden()
    await page.goto("/accounts/current-account")
    await expect(page.locator("[data-visitor]")).to_contain_text("Not remembered")
    await expect(page.locator(PROSPECT)).to_have_count(0)
    assert await context.cookies() == []
    assert demo.keys() == before
    assert complaints == []


async def test_global_privacy_control_wins_over_a_click(chromium: Browser, demo: Service) -> None:
    """A browser that sends the header is not remembered even where its visitor allows it."""
    before = demo.keys()
    async with _come(chromium, demo, {"Sec-GPC": "1"}) as (page, context, complaints):
        await page.goto("/")
        # Playwright adds the header to what a page sends while it is there, not as it goes.
        says = '"consent":{"marketing":true}'
        async with page.expect_response(lambda got: says in (got.request.post_data or "")):
            await page.locator(f"{BANNER} [data-consent=yes]").click()
        await page.goto("/accounts/current-account")
        await expect(page.locator("[data-visitor]")).to_contain_text("Not remembered")
        assert await context.cookies() == []
        assert complaints == []
    assert demo.keys() == before


async def test_leaving_with_a_full_cart_opens_the_popup_once(
    page: Page, complaints: list[str]
) -> None:
    """A cart abandoner whose pointer leaves meets the popup; dismissed, it stays away."""
    await page.goto("/")
    await _allow(page)
    await page.goto("/shop/stoneware-mug")
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator(ABANDONER)).to_be_visible()

    await page.goto("/shop")
    await expect(page.locator(ABANDONER)).to_be_visible()
    await _leave(page)
    popup = page.get_by_role("dialog", name="Your cart is still here")
    await expect(popup).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(popup).to_have_count(0)

    await _leave(page)
    await page.goto("/shop")
    await expect(page.locator(ABANDONER)).to_be_visible()
    await _leave(page)
    await expect(page.locator("dialog")).to_have_count(0)
    assert complaints == []


async def test_ordering_ends_the_cart_reminder(page: Page, complaints: list[str]) -> None:
    """Whoever orders is no cart abandoner any more and meets no popup."""
    await page.goto("/shop/stoneware-mug")
    await _allow(page)
    await page.get_by_role("button", name="Add to cart").click()
    await expect(page.locator(ABANDONER)).to_be_visible()
    await page.goto("/checkout")
    await page.locator("[data-place-order]").click()
    await expect(page.locator(ABANDONER)).to_have_count(0)
    await page.goto("/")
    await expect(page.locator(EVERYONE)).to_be_visible()
    await _leave(page)
    await expect(page.locator("dialog")).to_have_count(0)
    assert complaints == []


async def test_forget_me_removes_cookie_and_profile(
    page: Page, context: BrowserContext, demo: Service, complaints: list[str]
) -> None:
    """After 'Forget me' the browser holds no cookie and the store no events."""
    await _become_prospect(page)
    visitor = await page.locator("[data-visitor] .code").get_attribute("title")
    key = f"edgeseg:p:{{{visitor}}}"
    assert [cookie["name"] for cookie in await context.cookies()] == ["edgeseg"]
    assert b"current-account" in _value(demo, key)

    await page.locator("[data-forget]").click()
    await expect(page.locator("[data-visitor]")).to_contain_text("Not remembered")
    await expect(page.locator(PROSPECT)).to_have_count(0)
    assert await context.cookies() == []
    assert b"current-account" not in _value(demo, key)
    assert complaints == []


async def test_an_answer_that_never_comes_leaves_the_original(
    page: Page, complaints: list[str]
) -> None:
    """With the service frozen the page is whole and shows its own markup."""
    await _become_prospect(page)
    held: list[Route] = []
    await page.route("**/v1/classify", lambda route: held.append(route))  # noqa: PLW0108
    async with page.expect_request("**/v1/classify"):
        await page.goto("/")
    # Past the time within which a slot may be filled: what comes now comes too late.
    await page.evaluate("new Promise((go) => setTimeout(go, 1000 - performance.now()))")
    await expect(page.locator(HERO)).to_contain_text(ORIGINAL)
    await expect(page.locator(HERO)).to_be_visible()
    for route in held:
        await route.continue_()
    await expect(page.locator(PROSPECT)).to_be_visible()
    await expect(page.locator(HERO)).to_contain_text(ORIGINAL)
    assert complaints == []


async def test_a_service_that_cannot_be_reached_leaves_the_original(page: Page) -> None:
    """With the service gone the page keeps its markup, and no exception reaches it."""
    await _become_prospect(page)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.route("**/v1/classify", lambda route: route.abort())
    await page.goto("/")
    await expect(page.locator("[data-gist]")).to_contain_text("no answer")
    await expect(page.locator(HERO)).to_contain_text(ORIGINAL)
    assert errors == []


async def _leave(page: Page) -> None:
    """Move the pointer towards the tabs, as far as a test can: out of the document."""
    await page.mouse.move(400, 300)
    await page.evaluate(
        "document.documentElement.dispatchEvent(new MouseEvent('mouseout',"
        " {bubbles: true, clientX: 400, clientY: -1, relatedTarget: null}))"
    )


def _value(demo: Service, key: str) -> bytes:
    with demo.store() as client:
        return bytes(client.get(key) or b"")
