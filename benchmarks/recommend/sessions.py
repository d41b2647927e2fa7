"""Sessions of people, read from an access log: which pages each of them looked at."""

from pathlib import Path
from typing import Final

import msgspec

from edgeseg.cli.log_source import open_log
from edgeseg.errors import InputError
from edgeseg.events.access_log import LoggedRequest, parse_line
from edgeseg.events.device import DeviceDetector
from edgeseg.events.log_traffic import order_by_time, why_skipped
from edgeseg.profiles.profile import VISIT_TIMEOUT_MS

_LATE_LINES: Final = 1_000


class View(msgspec.Struct, frozen=True):
    """One page at one instant."""

    page: str
    at_ms: int


Session = list[View]


def read_sessions(log: Path) -> list[Session]:
    """Answer the sessions of at least two different pages, in the order of their beginning.

    A visitor is an address with a user agent; robots are left out. A session ends
    after half an hour without a page. A page that is reloaded is one view.
    """
    devices = DeviceDetector()
    sessions: list[Session] = []
    latest: dict[tuple[str, str], Session] = {}
    for request in order_by_time(_requests(log), _LATE_LINES):
        if why_skipped(request) or devices.detect(request.agent).kind in {"", "bot"}:
            continue
        visitor = (request.address, request.agent)
        view = View(request.target.partition("?")[0], request.at_ms)
        session = latest.get(visitor)
        if session is None or view.at_ms - session[-1].at_ms > VISIT_TIMEOUT_MS:
            session = latest[visitor] = []
            sessions.append(session)
        if not session or session[-1].page != view.page:
            session.append(view)
    return [each for each in sessions if len({view.page for view in each}) > 1]


def _requests(log: Path) -> list[LoggedRequest]:
    found = []
    with open_log(str(log)) as source:
        for line in source.lines:
            try:
                found.append(parse_line(line))
            except InputError:
                continue
    return found
