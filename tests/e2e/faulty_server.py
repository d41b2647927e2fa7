"""A server that does one thing wrong, one that counts, a site of static pages; each in a thread."""

import gzip
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    """Answers from ``pages``, else with ``status``; compressed for whoever takes that.

    ``{Name}`` in a page is what the request says in the header of that name.
    """

    protocol_version = "HTTP/1.1"
    pages: Mapping[str, str] = {}
    status = 404

    def do_GET(self) -> None:
        """Answer a page, or the fault."""
        body = self.pages.get(self.path.partition("?")[0])
        text = body if body is not None else "<h1>the text of an error</h1>"
        text = re.sub(r"\{([\w-]+)\}", lambda name: self.headers.get(name[1], ""), text)
        raw = text.encode()
        self.send_response(200 if body is not None else self.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            raw = gzip.compress(raw)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Cache-Control", "public, max-age=60")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    do_HEAD = do_POST = do_GET  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
        """Say nothing."""


class _Counter(BaseHTTPRequestHandler):
    """Answers with a segment key, and for a fragment with how often that was asked for.

    It takes its time, so that a cache that fetches behind a visitor's back is caught at it.
    """

    protocol_version = "HTTP/1.1"
    caching = ""
    asked: list[str]

    def do_GET(self) -> None:
        """Answer."""
        if self.path.startswith("/v1/fragment/hero"):
            self.asked.append(self.path)
            time.sleep(0.05)
        raw = f"<p>{len(self.asked)}</p>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Edgeseg-Segment-Key", "1.498715.0123456789012345678901")
        self.send_header("Cache-Control", self.caching)
        self.send_header("Vary", "Edgeseg-Segment-Key")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def counting_fragments(caching: str) -> Iterator[tuple[int, Callable[[], int]]]:
    """Serve; answer the port, and what tells how often the fragment ``hero`` was asked for.

    ``caching`` is its header ``Cache-Control``.
    """
    asked: list[str] = []
    handler = type("Handler", (_Counter,), {"caching": caching, "asked": asked})
    with _in_a_thread(handler) as port:
        yield port, lambda: len(asked)


@contextmanager
def serving(pages: Mapping[str, str] | None = None, status: int = 404) -> Iterator[int]:
    """Serve; answer the port. What is not among ``pages`` is answered with ``status``."""
    handler = type("Handler", (_Handler,), {"pages": pages or {}, "status": status})
    with _in_a_thread(handler) as port:
        yield port


@contextmanager
def _in_a_thread(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
