"""Pages for browsers without scripts: the site's server asks edgeseg, as a CMS would.

The server tells of the page view by classify, fills each slot with its fragment, and
passes the visitor's cookie on in both directions.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec
from jinja2 import Environment
from litestar import MediaType, Response

from edgeseg.demo.page_list import REQUEST_PATH, PageFacts
from edgeseg.demo.service import Answered, AnyRequest, Service

PLAIN: Final = "plain"
"""The query that asks for such a page."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What edgeseg says of the visitor, if it answers; ``segments`` are display names."""

    is_answered: bool
    visitor: str | None
    segments: tuple[str, ...] = ()


class PlainPages:
    """Renders the pages, each for one visitor."""

    def __init__(
        self,
        templates: Environment,
        pages: Mapping[str, PageFacts],
        headers: Mapping[str, str],
    ) -> None:
        """Keep what all have in common."""
        self._templates = templates
        self._pages = pages
        self._headers = {**headers, "Cache-Control": "private, no-store"}

    async def answer(self, request: AnyRequest, path: str) -> Response[str]:
        """Count the page view, then put the page together."""
        page = self._pages[path]
        service = Service(request)
        viewed = await service.classify(explain=True)
        filled = await asyncio.gather(*(service.fragment(slot) for slot in page.slots))
        fragments = dict(zip(page.slots, filled, strict=True))
        html = page.render(self._templates, plain=_known(viewed), fragments=fragments)
        return self._respond(html, viewed)

    async def thank(self, request: AnyRequest) -> Response[str]:
        """Count the form that was sent, and thank for it."""
        sent = [{"event": "form_submitted", "properties": {"form": "request-account"}}]
        told = await Service(request).classify(events=sent, view=False, explain=True)
        page = msgspec.structs.replace(self._pages[REQUEST_PATH], facts={"is_sent": True})
        return self._respond(page.render(self._templates, plain=_known(told)), told)

    def _respond(self, html: str, answered: Answered) -> Response[str]:
        headers = {**self._headers, **answered.cookie}
        return Response(html, media_type=MediaType.HTML, headers=headers)


def _known(answered: Answered) -> Known:
    answer = answered.json()
    names = answer.get("names", {})
    return Known(
        is_answered=bool(answer),
        visitor=answer.get("visitor"),
        segments=tuple(names.get(segment, segment) for segment in answer.get("segments", ())),
    )
