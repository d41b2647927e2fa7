"""Contender: the least that an ASGI application can do. The measure of the others."""

from typing import Any

BODY = b"Hello, world!"
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")],
}


async def app(scope: dict[str, Any], _receive: object, send: Any) -> None:  # noqa: ANN401 - bare
    """Answer any HTTP request."""
    if scope["type"] == "http":
        await send(START)
        await send({"type": "http.response.body", "body": BODY})


def build() -> object:
    """Answer the application, as the factories of the others do."""
    return app
