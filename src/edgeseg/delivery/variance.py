"""Keep what answers vary on where pages of other origins may call.

Litestar's CORS puts ``Vary: Origin`` in the place of what an answer says itself. A shared
cache would then show one segment key's fragment to another's visitors, or a compressed script
to who cannot unpack it. So it is noted below CORS, and put back above it.
"""

from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

_NOTED: Final = "edgeseg.varies_on"
"""Member of a scope: the headers ``Vary`` of the answer itself."""
_VARY: Final = b"vary"
_START: Final = "http.response.start"


def note_variance(app: ASGIApp) -> ASGIApp:
    """Answer a middleware that stands below CORS."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        noted: list[bytes] | None = scope.get(_NOTED)  # type: ignore[assignment]
        if noted is None:
            await app(scope, receive, send)
            return

        async def note(message: Message) -> None:
            if message["type"] == _START:
                noted.extend(value for name, value in message["headers"] if name.lower() == _VARY)
            await send(message)

        await app(scope, receive, note)

    return answer


def telling_variance(scope: Scope, send: Send) -> Send:
    """Answer how to send above CORS: every answer varies on its origin, and on what was noted."""
    noted: list[bytes] = []
    scope[_NOTED] = noted  # type: ignore[typeddict-unknown-key]

    async def tell(message: Message) -> None:
        if message["type"] == _START:
            others = [each for each in message["headers"] if each[0].lower() != _VARY]
            names = [name.strip() for value in noted for name in value.split(b",")]
            vary = b", ".join(dict.fromkeys([*names, b"Origin"]))
            message["headers"] = [*others, (_VARY, vary)]
        await send(message)

    return tell
