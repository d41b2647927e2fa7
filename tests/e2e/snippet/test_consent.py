"""Consent platforms as pages have them; before consent nothing is stored anywhere."""

import asyncio
import time
from typing import Any

import jwt
import pytest
from playwright.async_api import BrowserContext, Page, Response, expect

from tests.e2e.service import Service, wait_for
from tests.e2e.snippet.conftest import IDENTITY_KEY
from tests.e2e.snippet.site import WAIT_S, Site, document

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

HERO = '<main><div data-edgeseg-slot="hero"><p>Original</p></div></main>'
FILLED = "Filled by the campaign"

# A platform of the TCF 2: a stub that queues, as its specification has it in every page, and
# the platform itself, which comes later and plays what was queued.
TCF = """
(() => {
  const queue = [];
  window.__tcfapi = (...call) => { queue.push(call); };
  const listeners = [];
  const tell = (listener, id) => listener({...window.tcData, listenerId: id}, true);
  window.decide = (eventStatus, consents, gdprApplies = true) => {
    window.tcData = {tcString: "CPXxRfA", tcfPolicyVersion: 4, cmpStatus: "loaded",
      eventStatus, gdprApplies, purpose: {consents, legitimateInterests: {}}, vendor: {}};
    listeners.forEach(tell);
  };
  window.loadPlatform = () => {
    window.__tcfapi = (command, version, listener) => {
      if (command !== "addEventListener" || version !== 2) return listener(null, false);
      listeners.push(listener);
      if (window.tcData) tell(listener, listeners.length - 1);
    };
    queue.forEach((call) => window.__tcfapi(...call));
  };
})();
"""
# Google's tag, as sites paste it; `arguments` objects in the data layer, and its own push.
GTAG = """
window.dataLayer = window.dataLayer || [];
function gtag() { dataLayer.push(arguments); }
window.gtag = gtag;
gtag("consent", "default", {ad_storage: "granted", personalization_storage: "granted"});
dataLayer.push({event: "page"});
gtag("js", new Date());
"""
STORED = """
(async () => ({
  cookies: document.cookie, local: localStorage.length, session: sessionStorage.length,
  databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
}))()
"""
NOTHING = {"cookies": "", "local": 0, "session": 0, "databases": 0, "caches": 0}
PURPOSES = {"1": True, "5": True, "6": True}


async def visit(page: Page, site: Site, stub: str, attributes: str) -> None:
    """Open a page with a stub before the snippet; go on once its slot is filled."""
    site.add("/stub.js", stub)
    head = '<script src="/stub.js"></script>'
    site.add("/", document(HERO, head=head, script=attributes))
    await page.goto("/")
    await expect(page.locator("main")).to_contain_text(FILLED)


def consents(site: Site) -> list[dict[str, Any]]:
    """Answer what was said of consent, call by call; what was shown may go out in between."""
    return [call.body["consent"] for call in site.sent() if call.body["consent"]]


def answers_a_choice(response: Response) -> bool:
    """Tell the answer to a choice from one to what was shown, which may come in between."""
    return '"consent":{"' in (response.request.post_data or "")


async def _visitor(page: Page) -> str | None:
    answer = await page.evaluate("new Promise((tell) => edgeseg.on('answer', tell))")
    visitor: str | None = answer["visitor"]
    return visitor


async def _opt_out(context: BrowserContext) -> None:
    """Let pages find Global Privacy Control, from the next one on."""
    await context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
    )


async def wait_for_visitor(page: Page) -> None:
    """Go on once the page knows of a visitor."""
    await page.wait_for_function(
        "new Promise((tell) => edgeseg.on('answer', ({visitor}) => visitor && tell(true)))"
    )


async def test_before_consent_nothing_is_stored(
    page: Page, context: BrowserContext, site: Site, behind: Service
) -> None:
    """Reading, clicking, tracking and leaving write nothing in the browser or the service."""
    before = behind.keys()
    await visit(page, site, "", "")
    await page.evaluate("edgeseg.track('bought', {price: 1}); edgeseg.page();")
    wait_for(lambda: len(site.views()) == 2, WAIT_S, "two views are sent")
    await page.get_by_role("link", name="More").click()
    assert await page.evaluate(STORED) == NOTHING
    await page.goto("about:blank")
    await asyncio.sleep(0.2)
    assert await context.cookies() == []
    assert behind.keys() == before
    assert site.events("campaign_shown") == []


async def test_consent_of_the_page_counts_the_view_that_was_not_stored(
    page: Page, context: BrowserContext, site: Site
) -> None:
    """edgeseg.consent starts the profile with the page in view; taking it back ends it."""
    await visit(page, site, "", "")
    await page.evaluate("edgeseg.consent({marketing: true})")
    await wait_for_visitor(page)
    assert [call.body["view"] for call in site.sent()] == [True, True]
    [cookie] = await context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert await page.evaluate(STORED) == NOTHING
    await page.evaluate("edgeseg.consent({marketing: true})")  # says nothing new
    await page.evaluate("edgeseg.consent({marketing: false})")
    wait_for(lambda: len(consents(site)) == 2, WAIT_S, "the change is sent")
    await page.wait_for_function(
        "new Promise((tell) => edgeseg.on('answer', ({visitor}) => !visitor && tell(true)))"
    )
    assert await context.cookies() == []
    assert consents(site) == [{"marketing": True}, {"marketing": False}]


async def test_a_tcf_platform_that_decides_later(page: Page, site: Site) -> None:
    """While its dialog is open nothing is decided; what the visitor then says counts."""
    await visit(page, site, TCF, 'data-tcf="marketing=1,5,6 statistics=8"')
    await page.evaluate("loadPlatform(); decide('cmpuishown', {})")
    assert await _visitor(page) is None
    await page.evaluate(f"decide('useractioncomplete', {PURPOSES})".replace("True", "true"))
    await wait_for_visitor(page)
    assert consents(site) == [{"marketing": True}]
    await page.evaluate("decide('useractioncomplete', {1: true, 5: true})")
    wait_for(lambda: len(consents(site)) == 2, WAIT_S, "the change is sent")
    assert consents(site)[1] == {"marketing": False}


async def test_a_tcf_platform_that_remembers(page: Page, site: Site) -> None:
    """A choice that is known when the page loads goes along with its view, and is not repeated."""
    remembering = f"{TCF} loadPlatform(); decide('tcloaded', {PURPOSES});".replace("True", "true")
    await visit(page, site, remembering, 'data-tcf="marketing=1,5,6"')
    await wait_for_visitor(page)
    assert consents(site) == [{"marketing": True}]
    await page.evaluate(f"decide('tcloaded', {PURPOSES})".replace("True", "true"))
    await page.evaluate("edgeseg.page()")
    wait_for(lambda: len(site.views()) == 2, WAIT_S, "the next view is sent")
    assert consents(site) == [{"marketing": True}]


async def test_a_tcf_platform_outside_of_the_gdpr(page: Page, site: Site) -> None:
    """Where it says that the GDPR does not apply, its purposes are granted."""
    stub = TCF + "loadPlatform(); decide('tcloaded', {}, false);"
    await visit(page, site, stub, 'data-tcf="marketing=1,5,6"')
    await wait_for_visitor(page)


async def test_consent_mode_follows_updates_alone(page: Page, site: Site) -> None:
    """A default is the site's word; an update is the visitor's, also one made by a tag manager."""
    await visit(page, site, GTAG, 'data-consent-mode="marketing=personalization_storage"')
    assert consents(site) == []
    assert await _visitor(page) is None
    await page.evaluate("gtag('consent', 'update', {ad_storage: 'granted'})")
    await page.evaluate("gtag('consent', 'update', {personalization_storage: 'granted'})")
    await wait_for_visitor(page)
    await page.evaluate("gtag('consent', 'update', {personalization_storage: 'denied'})")
    wait_for(lambda: len(consents(site)) == 2, WAIT_S, "the change is sent")
    assert consents(site) == [{"marketing": True}, {"marketing": False}]
    assert await page.evaluate("dataLayer.length") == 6  # all of it still reaches Google's tag


async def test_consent_mode_that_was_updated_before(page: Page, site: Site) -> None:
    """An update made before the snippet has loaded goes along with the first view."""
    stub = GTAG + "gtag('consent', 'update', {personalization_storage: 'granted'});"
    await visit(page, site, stub, 'data-consent-mode="marketing=personalization_storage"')
    assert consents(site) == [{"marketing": True}]


async def test_global_privacy_control_wins(
    page: Page, context: BrowserContext, site: Site, behind: Service
) -> None:
    """A browser that opts out grants nothing and is not recognised, whatever platforms say."""
    await _opt_out(context)
    before = behind.keys()
    stub = GTAG + "gtag('consent', 'update', {personalization_storage: 'granted'});"
    await visit(page, site, stub, 'data-consent-mode="marketing=personalization_storage"')
    await page.evaluate("edgeseg.consent({marketing: true}); edgeseg.page()")
    wait_for(lambda: len(site.views()) == 2, WAIT_S, "the next view is sent")
    assert await _visitor(page) is None
    assert consents(site) == []
    assert await context.cookies() == []
    assert behind.keys() == before


async def test_consent_is_taken_back_beside_global_privacy_control(
    page: Page, context: BrowserContext, site: Site
) -> None:
    """Who has allowed before they opted out can still have what is stored erased."""
    await visit(page, site, "", "")
    await page.evaluate("edgeseg.consent({marketing: true})")
    await wait_for_visitor(page)
    await _opt_out(context)
    await context.set_extra_http_headers({"Sec-GPC": "1"})
    await page.reload()
    assert await _visitor(page) is None
    async with page.expect_response(answers_a_choice) as answered:
        await page.evaluate("edgeseg.consent({marketing: false})")
    assert "Max-Age=0" in (await (await answered.value).all_headers())["set-cookie"]
    assert await context.cookies() == []


async def test_a_mapping_that_says_too_little_grants_nothing(page: Page, site: Site) -> None:
    """A purpose without a list is not granted; spaces and line breaks are no purposes."""
    remembering = f"{TCF} loadPlatform(); decide('tcloaded', {PURPOSES});".replace("True", "true")
    await visit(page, site, remembering, 'data-tcf="\n sales  marketing=1,5\n  other=7 "')
    assert consents(site) == [{"marketing": True, "other": False}]


async def test_global_privacy_control_does_not_send_an_older_cookie(
    page: Page, context: BrowserContext, site: Site
) -> None:
    """Who opts out later is not recognised by what was granted before."""
    await visit(page, site, "", "")
    await page.evaluate("edgeseg.consent({marketing: true})")
    await wait_for_visitor(page)
    await _opt_out(context)
    await page.reload()
    assert await _visitor(page) is None
    views = [call for call in site.sent() if call.body["view"]]  # what was shown may come late
    assert "cookie" not in views[-1].headers


async def test_a_token_in_the_queue_takes_the_consent_along(page: Page, site: Site) -> None:
    """A page after a login may say both before the snippet has loaded: one visitor comes of it."""
    claims = {"sub": "customer-4712", "exp": int(time.time()) + 600}
    token = jwt.encode(claims, IDENTITY_KEY, algorithm="HS256")
    early = f"(window.edgeseg = window.edgeseg || []).push(['identify', '{token}']);"
    await visit(page, site, early + "edgeseg.push(['consent', {marketing: true}]);", "")
    assert [call.path for call in site.calls] == ["/v1/me/identify", "/v1/classify"]
    visitor = await _visitor(page)
    await page.evaluate("(token) => edgeseg.identify(token)", token)
    wait_for(lambda: len(site.sent()) == 2, WAIT_S, "the page asks again")
    assert await _visitor(page) == visitor


async def test_a_signed_token_says_who_the_visitor_is(page: Page, site: Site) -> None:
    """After a login the visitor is the person that the site's server names; others are refused."""
    await visit(page, site, "", "")
    await page.evaluate("edgeseg.consent({marketing: true})")
    await wait_for_visitor(page)
    before = await _visitor(page)
    told = "new Promise((tell) => edgeseg.on('error', (error) => tell(error.message)))"
    await page.evaluate("edgeseg.identify('forged')")
    assert "identity token" in await page.evaluate(told)
    claims = {"sub": "customer-4711", "exp": int(time.time()) + 600}
    token = jwt.encode(claims, IDENTITY_KEY, algorithm="HS256")
    calls = len(site.sent())
    await page.evaluate("(token) => edgeseg.identify(token)", token)
    wait_for(lambda: len(site.sent()) > calls, WAIT_S, "the page asks who that is")
    await page.wait_for_function(
        "(before) => new Promise((tell) => edgeseg.on('answer', "
        "({visitor}) => visitor !== before && tell(true)))",
        arg=before,
    )
    assert len(site.views()) == 2  # an identification is no view
