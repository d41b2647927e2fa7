"""A server that does one thing wrong, and a site of static pages; each in a thread."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    """Answers from ``pages``, else with ``status``."""

    protocol_version = "HTTP/1.1"
    pages: Mapping[str, str] = {}
    status = 404

    def do_GET(self) -> None:
        """Answer a page, or the fault."""
        body = self.pages.get(self.path.partition("?")[0])
        text = body if body is not None else "<h1>the text of an error</h1>"
        raw = text.encode()
        self.send_response(200 if body is not None else self.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Cache-Control", "public, max-age=60")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    do_HEAD = do_POST = do_GET  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
        """Say nothing."""


@contextmanager
def serving(pages: Mapping[str, str] | None = None, status: int = 404) -> Iterator[int]:
    """Serve; answer the port. What is not among ``pages`` is answered with ``status``."""
    handler = type("Handler", (_Handler,), {"pages": pages or {}, "status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
