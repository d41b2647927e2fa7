"""A proxy that turns the first calls away, as an overloaded service does."""

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

_NOT_FORWARDED = {"host", "connection", "transfer-encoding", "content-length"}


class FlakyProxy:
    """Answers the first POSTs itself, one status after the other, then forwards all."""

    def __init__(self, target: str, turned_away: Sequence[int] = ()) -> None:
        """Stand in front of ``target``, an address without a path."""
        self._target = target
        self._turned_away = list(turned_away)
        self.answered: list[int] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy._answer(self)

            def log_message(self, *_args: Any) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"]))
        with self._lock:
            turned_away = self._turned_away.pop(0) if self._turned_away else 0
        headers = {"retry-after": "1", "content-type": "application/json"}
        content = b"{}"
        status = turned_away
        if not turned_away:
            kept = {
                name: value
                for name, value in request.headers.items()
                if name.lower() not in _NOT_FORWARDED
            }
            answer = httpx.post(self._target + request.path, content=body, headers=kept, timeout=20)
            status, content = answer.status_code, answer.content
        self.answered.append(status)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("content-length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
