"""A popup from its being shown to what it earned, in a real browser."""

from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.e2e.service import SERVER_KEY, Service, wait_for
from tests.e2e.snippet.site import CONSENT, WAIT_S, Site, document
from tests.e2e.snippet.test_popups import EXIT

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

FORM = (
    "<form data-edgeseg-track='form_submitted' data-edgeseg-properties='"
    '{"form": "quote"}\'><button>Send</button></form><div data-edgeseg-slot="pop" hidden></div>'
)


def _counted(service: Service) -> dict[str, Any]:
    """What is counted of the popup on leaving by now."""
    address = f"{service.url}/v1/campaigns/pop-exit/outcomes"
    key = {"authorization": f"Bearer {SERVER_KEY}"}
    (variant,) = httpx.get(address, headers=key, timeout=20).json()["variants"]
    return dict(variant)


async def test_a_popup_is_shown_clicked_and_earns_a_form(
    page: Page, site: Site, behind: Service
) -> None:
    """Counted once each, though beacons are on the wire twice, and not before it opens."""
    before = _counted(behind)

    def grown() -> dict[str, int]:
        after = _counted(behind)
        names = ("shown", "clicked", "dismissed", "visitors", "conversions", "responders")
        return {name: after[name] - before[name] for name in names if after[name] != before[name]}

    site.add("/early.js", CONSENT)
    site.add("/pop/exit", document(FORM, head='<script src="/early.js"></script>'))
    async with page.expect_response("**/edgeseg.popups.*.js"):
        await page.goto("/pop/exit")
    await page.evaluate("new Promise((done) => setTimeout(done))")
    assert grown() == {}

    await page.evaluate(EXIT)
    dialog = page.get_by_role("dialog", name="A word before you go")
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("link", name="Take it").click()
    await expect(dialog).to_have_count(0)
    await page.get_by_role("button", name="Send").click()
    await page.goto("about:blank")  # whatever waits goes out now
    site.wait_for_event("campaign_clicked")
    repeated = [call for call in site.sent() if call.body.get("events")]
    for call in repeated:  # as a network would that lost the answers
        headers = {name: call.headers[name] for name in ("cookie", "user-agent")}
        async with httpx.AsyncClient(timeout=20) as client:
            url = f"{behind.url}{call.path}"
            again = await client.post(url, json={**call.body, "view": False}, headers=headers)
        assert again.status_code == 200, again.text

    wanted = {"shown": 1, "clicked": 1, "visitors": 1, "conversions": 1, "responders": 1}
    wait_for(lambda: grown() == wanted, WAIT_S, f"{wanted}, instead of {grown()}")
