"""A website of one's own in front of the service: serves pages, passes the rest on.

Pages and service share an origin, as behind a site's proxy. What the browser sends to the
service is kept for the tests to look at, and may be held up, or refused. On a busy machine
any answer may be late, so the snippet waits longer than it does for visitors, but for pages
that set `window.patience_ms`.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final, NamedTuple

from tests.e2e.service import wait_for

STRICT: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; require-trusted-types-for 'script'; trusted-types edgeseg"
)
_HOP: Final = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}
WAIT_S: Final = 10
_PATIENCE: Final = (b"late:t>600}", b"late:t>(window.patience_ms||1e4)}")
CONSENT: Final = (
    "window.edgeseg = window.edgeseg || []; edgeseg.push(['consent', {marketing: true}]);"
)
"""A script that grants consent before the snippet has loaded."""


class Call(NamedTuple):
    """One request to the service; ``body`` is what its JSON says, {} without."""

    method: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]


class Page(NamedTuple):
    """What the site answers at a path."""

    body: str
    media_type: str = "text/html; charset=utf-8"
    policy: str = ""


class Site:
    """The website, on a free port of this machine."""

    def __init__(self, service_port: int) -> None:
        """Listen at once; ``close`` ends it."""
        self.pages: dict[str, Page] = {}
        self.calls: list[Call] = []
        self.delay_s = 0.0
        self.is_refusing = False
        self.service_port = service_port
        self.woken = threading.Event()
        handler = type("Bound", (_Handler,), {"site": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.woken.set()
        self._server.shutdown()
        self._server.server_close()

    def add(self, path: str, body: str, *, policy: str = "") -> None:
        """Answer ``path`` with HTML, or with a script where the path ends so."""
        kind = "text/javascript" if path.endswith(".js") else Page._field_defaults["media_type"]
        self.pages[path] = Page(body, kind, policy)

    @contextmanager
    def slow(self, delay_s: float) -> Iterator[None]:
        """Hold up every call by so much, until the end of the block."""
        self.woken.clear()
        self.delay_s = delay_s
        yield
        self.delay_s = 0.0
        self.woken.set()

    def sent(self, path: str = "/v1/classify") -> list[Call]:
        """Answer what the browser has sent there."""
        return [call for call in self.calls if call.path == path]

    def views(self) -> list[str]:
        """Answer the paths of the page views."""
        return [
            "/" + call.body["page"]["url"].split("/", 3)[3]
            for call in self.sent()
            if call.body.get("view", True)
        ]

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Answer the events that were sent, or those of one name, each once."""
        events = [event for call in self.sent() for event in call.body.get("events", [])]
        by_id = {event["messageId"]: event for event in events}
        return [event for event in by_id.values() if not name or event["event"] == name]

    def wait_for_event(self, name: str) -> dict[str, Any]:
        """Answer an event that is on its way."""
        return wait_for(lambda: next(iter(self.events(name)), None), WAIT_S, f"{name} is sent")


class _Handler(BaseHTTPRequestHandler):
    site: ClassVar[Site]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        page = self.site.pages.get(path)
        if page is not None:
            self._send_page(page)
        elif path.startswith(("/v1/", "/edgeseg")):
            self._pass_on(path)
        else:
            self._send(204 if path == "/favicon.ico" else 404, b"", {})

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the names that the base class calls

    def _send_page(self, page: Page) -> None:
        headers = {"Content-Type": page.media_type, "Cache-Control": "no-cache"}
        if page.policy:
            headers["Content-Security-Policy"] = page.policy
        self._send(200, page.body.encode(), headers)

    def _pass_on(self, path: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if path.startswith("/v1/"):
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.site.calls.append(Call(self.command, path, _read(body), headers))
            if self.site.delay_s:
                self.site.woken.wait(self.site.delay_s)
            if self.site.is_refusing:
                self.close_connection = True
                return
        connection = HTTPConnection("127.0.0.1", self.site.service_port, timeout=30)
        is_snippet = path == "/edgeseg.js"
        if is_snippet:
            del self.headers["accept-encoding"]
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in _HOP]
            content = answer.read()
            if is_snippet and content:
                assert _PATIENCE[0] in content
                content = content.replace(*_PATIENCE)
            self._send(answer.status, content, kept)
        finally:
            connection.close()

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | list[tuple[str, str]]
    ) -> None:
        self.send_response(status)
        pairs = headers.items() if isinstance(headers, dict) else headers
        for name, value in pairs:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


def _read(body: bytes) -> dict[str, Any]:
    return json.loads(body) if body else {}


def document(body: str, *, head: str = "", script: str = "") -> str:
    """Answer a page with the snippet; ``script`` are further attributes of its tag."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Test</title>'
        '<meta name="viewport" content="width=device-width">'
        f'{head}<script async src="/edgeseg.js" {script}></script></head><body>{body}</body></html>'
    )
