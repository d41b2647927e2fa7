"""Fetch fragments of edgeseg from a Python site: standard library only, one file to copy.

The page never waits long and never breaks: whatever goes wrong, the answer is the page's
own content. After a failure the service is left alone for a second, so that a page with ten
slots does not wait ten times.
"""

import threading
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

OK = 200
NOTHING = "<!-- edgeseg:"
"""Beginning of a fragment that has nothing to show."""


class Fragments:
    """The fragments of one edgeseg; keep one for the whole site. Safe among threads."""

    def __init__(self, base_url: str, *, timeout_s: float = 0.15, pause_s: float = 1.0) -> None:
        """Talk to the service at ``base_url``.

        Args:
            base_url: such as ``http://127.0.0.1:8080``.
            timeout_s: for connecting, and again for the answer.
            pause_s: how long the service is left alone after a failure.
        """
        address = urlsplit(base_url)
        self._secure = address.scheme == "https"
        self._netloc = address.netloc
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._away_until_s = 0.0
        self._kept = threading.local()

    def fetch(  # noqa: PLR0913 - what edgeseg is told of the visitor, each by its name
        self,
        slot: str,
        fallback: str = "",
        *,
        page: str,
        cookie: str = "",
        agent: str = "",
        language: str = "",
        gpc: str = "",
        address: str = "",
    ) -> str:
        """Answer the HTML of a slot, or ``fallback``; never raise.

        Args:
            slot: id of the slot.
            fallback: the page's own content.
            page: full address of the page that is being built.
            cookie: header ``Cookie`` of the visitor's request.
            agent: header ``User-Agent`` of the visitor's request.
            language: header ``Accept-Language`` of the visitor's request.
            gpc: header ``Sec-GPC`` of the visitor's request, who is then not recognised.
            address: where that request comes from; behind proxies, what ``X-Forwarded-For``
                says, a comma, and the last proxy's.
        """
        if time.monotonic() < self._away_until_s:
            return fallback
        headers = {
            "Cookie": cookie,
            "User-Agent": agent,
            "Accept-Language": language,
            "Sec-GPC": gpc,
            "X-Forwarded-For": address,
            "Accept-Encoding": "identity",
        }
        path = f"/v1/fragment/{quote(slot)}?url={quote(page, safe='')}"
        try:
            html = self._get(path, {name: text for name, text in headers.items() if text})
        except (OSError, HTTPException, ValueError):
            self._away_until_s = time.monotonic() + self._pause_s
            return fallback
        return fallback if not html or html.startswith(NOTHING) else html

    def close(self) -> None:
        """Let go of this thread's connection; the next call opens another one."""
        kept = getattr(self._kept, "connection", None)
        if kept is not None:
            kept.close()

    def _get(self, path: str, headers: dict[str, str]) -> str:
        """Answer the body, over a kept connection if it still lives."""
        kept = getattr(self._kept, "connection", None)
        self._kept.connection = None
        if kept is not None:
            try:
                return self._ask(kept, path, headers)
            except TimeoutError:
                raise
            except (OSError, HTTPException):
                kept.close()  # the other side closed it meanwhile
        kind = HTTPSConnection if self._secure else HTTPConnection
        return self._ask(kind(self._netloc, timeout=self._timeout_s), path, headers)

    def _ask(self, connection: HTTPConnection, path: str, headers: dict[str, str]) -> str:
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read().decode()
        except BaseException:
            connection.close()
            raise
        if answer.status != OK:
            connection.close()
            message = f"status {answer.status}"
            raise HTTPException(message)
        self._kept.connection = connection
        return body
