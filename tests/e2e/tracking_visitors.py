"""What the tracking tests look at: the visitors whom SDKs tell of, as a server sees them."""

from typing import Any

import httpx

from edgeseg.profiles.identity import Identities
from tests.e2e.service import SERVER_KEY, Service

CONSENT = {"consent": {"categoryPreferences": {"marketing": True}}}
DENIAL = {"consent": {"categoryPreferences": {"marketing": False}}}
ACCOUNT = "/accounts/current-account"
PROSPECTS = "prospective-account-clients"
_HEADERS = {"Authorization": f"Bearer {SERVER_KEY}"}


def page_context(path: str = ACCOUNT, **more: Any) -> dict[str, Any]:
    """Answer the context that a browser SDK sends with every call, with consent."""
    return {"page": {"url": f"https://bank.example{path}", "path": path}, **CONSENT, **more}


class Visitors:
    """Reads profiles and segments with a server key."""

    def __init__(self, service: Service) -> None:
        """Look at the visitors of one service."""
        self._service = service
        secret = (service.data_dir / "secret").read_text("utf-8").strip()
        self.identities = Identities(secret)

    def anonymous(self, anonymous_id: str) -> str:
        """Answer the visitor id of an ``anonymousId``."""
        return self.identities.anonymous(anonymous_id)

    def profile(self, visitor_id: str) -> dict[str, Any] | None:
        """Answer what is stored of a visitor, None for nothing."""
        url = f"{self._service.url}/v1/visitors/{visitor_id}"
        answer = httpx.get(url, headers=_HEADERS, timeout=20)
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def history(self, visitor_id: str) -> list[dict[str, Any]]:
        """Answer the retained events of a visitor."""
        url = f"{self._service.url}/v1/visitors/{visitor_id}/export"
        answer = httpx.get(url, headers=_HEADERS, timeout=20)
        assert answer.status_code == 200, answer.text
        events: list[dict[str, Any]] = answer.json()["history"]
        return events

    def events(self, visitor_id: str) -> dict[str, int]:
        """Answer event name → how many there were."""
        found = self.profile(visitor_id)
        events: dict[str, int] = found["events"] if found else {}
        return events

    def segments(self, visitor_id: str) -> list[str]:
        """Answer the segments of a visitor, without adding a page view."""
        asked = {
            "visitor": visitor_id,
            "page": {"url": "https://bank.example/"},
            "consent": {"marketing": True},
            "view": False,
        }
        url = f"{self._service.url}/v1/classify"
        answer = httpx.post(url, json=asked, headers=_HEADERS, timeout=20)
        assert answer.status_code == 200, answer.text
        segments: list[str] = answer.json()["segments"]
        return segments
