"""The service as the demo site's own server calls it: over HTTP, like any website.

The site is in the same process as the service, and could ask it directly; but what it
shows is how a website uses edgeseg, so it takes the way that a website has.
"""

import asyncio
import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from litestar import Request

AnyRequest = Request[Any, Any, Any]
TIMEOUT_S: Final = 1.0
"""After this a page is sent with its own markup."""
_PASSED_ON: Final = ("host", "cookie", "user-agent", "accept-language", "sec-gpc")


class Answered(NamedTuple):
    """What came back; ``status`` is 0 where nothing did."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def cookie(self) -> dict[str, str]:
        """The header that gives the visitor's browser the service's cookie, if there is one."""
        return {name: self.headers[name] for name in ("set-cookie",) if name in self.headers}

    def json(self) -> dict[str, Any]:
        """Answer the body of a good answer, else an empty one."""
        return json.loads(self.body) if self.status == 200 else {}  # noqa: PLR2004 - HTTP's OK


_NOTHING: Final = Answered(0, b"", {})


class Service:
    """The service, asked on behalf of one request's visitor."""

    def __init__(self, request: AnyRequest, *, as_visitor: bool = True) -> None:
        """Pass on who asks.

        Args:
            request: of the visitor to the site.
            as_visitor: False to come as somebody new, without a cookie.
        """
        self._server = request.scope.get("server") or ("", 0)
        names = _PASSED_ON if as_visitor else [name for name in _PASSED_ON if name != "cookie"]
        given = request.headers
        self._headers = {name: given[name] for name in names if name in given}
        self.page_url = str(request.url.with_replacements(query="", fragment=""))

    async def classify(self, **members: Any) -> Answered:  # noqa: ANN401 - any member of the body
        """Record a page view, or what ``members`` say, and answer what is decided."""
        body = {"page": {"url": self.page_url}, **members}
        return await self._call("POST", "/v1/classify", body)

    async def consent(self, *, marketing: bool) -> Answered:
        """Remember the visitor's choice."""
        return await self._call("POST", "/v1/consent", {"consent": {"marketing": marketing}})

    async def fragment(self, slot: str) -> str:
        """Answer what a campaign shows in a slot, "" where the page's own markup stays."""
        answered = await self._call("GET", f"/v1/fragment/{slot}?url={quote(self.page_url)}")
        is_filled = answered.headers.get("edgeseg-status", "").startswith("variant")
        return answered.body.decode() if is_filled else ""

    async def _call(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> Answered:
        payload = json.dumps(body).encode() if body else None
        return await asyncio.to_thread(self._send, method, path, payload)

    def _send(self, method: str, path: str, payload: bytes | None) -> Answered:
        host, port = self._server
        connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, payload, self._headers)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, answer.read(), headers)
        except (OSError, HTTPException):
            return _NOTHING
        finally:
            connection.close()
