"""The page views of an access log, with their pacing."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgeseg.clock import SECOND_MS
from edgeseg.errors import InputError
from edgeseg.events.access_log import LoggedRequest, parse_line
from edgeseg.events.log_traffic import why_skipped
from journeys import PageView, Visit

SLOTS = ("home-hero", "recommendations")
CONSENT = {"marketing": True}


def paced_requests(
    path: Path, speed: float, duration_s: float
) -> Iterator[tuple[float, Visit, PageView]]:
    """Answer page views with their instants, seconds from the first one's.

    Args:
        path: an access log in the combined form or JSON lines, perhaps gzipped.
        speed: how many times faster than it happened.
        duration_s: what would come later is left out.
    """
    requests = sorted(_page_views(_lines(path)), key=lambda request: request.at_ms)
    for request in requests:
        at_s = (request.at_ms - requests[0].at_ms) / SECOND_MS / speed
        if at_s >= duration_s:
            return
        visit = Visit(consent=CONSENT)
        yield at_s, visit, PageView(path=request.target, slots=SLOTS)


def _lines(path: Path) -> Iterator[bytes]:
    read = gzip.open if path.suffix == ".gz" else open
    with read(path, "rb") as file:
        yield from file


def _page_views(lines: Iterable[bytes]) -> Iterator[LoggedRequest]:
    for line in lines:
        try:
            request = parse_line(line)
        except InputError:
            continue  # `edgeseg replay` reports these; a load test has enough of the others
        if not why_skipped(request) and request.target.startswith("/"):
            yield request
