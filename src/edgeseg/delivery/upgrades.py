"""Requests that ask for another protocol as well, answered as if they had not.

A server may pass over the header Upgrade (RFC 9110, section 7.8). httptools hands out no body
then, and uvicorn answers as if there were none; Java's client asks for HTTP/2 with each request
over plain HTTP, also with those that have a body.
"""

import sys
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_WISHES: Final = frozenset({b"connection", b"upgrade", b"http2-settings"})


class PassingOver(HttpToolsProtocol):
    """One connection. Whoever feeds it catches `httptools.HttpParserUpgrade`, see `pass_over`."""

    parser: Any

    def on_headers_complete(self) -> None:
        """Begin a request, but for one that comes again without its wish."""
        if not self._has_wish():
            super().on_headers_complete()
            self.headers = []  # what follows the body is no header (RFC 9110, section 6.5.1)

    def on_message_complete(self) -> None:
        """End a request, likewise."""
        if not self._has_wish():
            super().on_message_complete()

    def _has_wish(self) -> bool:
        parser = self.parser  # to which CONNECT is a wish, too, and never comes again
        return (
            parser.should_upgrade()
            and parser.get_method() != b"CONNECT"
            and not self._should_upgrade()
        )

    def _unsupported_upgrade_warning(self) -> None:
        """Hand on the exception that is being handled."""
        wish = sys.exception()
        if self._has_wish() and wish is not None:
            raise wish

    def pass_over(self, rest: bytes) -> bytes:
        """Answer what to feed next: the head that was read, without its wish, and ``rest``."""
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += (b"%b: %b" % each for each in self.headers if each[0] not in _WISHES)
        if any(name == b"connection" and b"close" in text.lower() for name, text in self.headers):
            lines.append(b"connection: close")
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        return b"\r\n".join((*lines, b"", rest))
