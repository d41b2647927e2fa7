"""What the clock tells of a request: hour, weekday and date, of the site and of the visitor."""

from collections.abc import Collection, Mapping
from datetime import timedelta, tzinfo
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edgeseg.clock import HOUR_MS, MINUTE_MS, SECOND_MS, local_time, midnight_ms
from edgeseg.events.event import Value
from edgeseg.segments.context_names import CALENDAR, VISITORS
from edgeseg.segments.schedule import WEEKDAYS, clock_change_ms

REMEMBERED_ZONES: Final = 1_024
"""Names of zones that clients sent and that are remembered, known ones and others."""
REMEMBERED_TIMES: Final = 1_024
"""Times told lately, of several zones."""
_REMEMBERED_DAYS: Final = 256
STEP_MS: Final = 30_000
"""What zones have been off UTC since 1970 is a multiple of it: within a step nothing changes."""
_THEIRS: Final = frozenset(VISITORS + name for name in CALENDAR)
_ASKED: Final = CALENDAR | _THEIRS

Told: TypeAlias = tuple[Mapping[str, Value], int | None]
"""Values by name, and when time changes one of them (None: never)."""
_NOTHING: Final[Told] = ({}, None)


def tell_calendar(
    names: Collection[str], context: Mapping[str, Value], now_ms: int, time_zone: tzinfo
) -> Told:
    """Answer what the clock tells of the names of context that are asked about.

    Args:
        names: those that any rule asks about, other ones than the clock's among them.
        context: of the request; its ``time_zone`` is the visitor's. Without one, or with
            one that nobody knows, nothing is told of the visitor's clock.
        now_ms: the instant of the request.
        time_zone: of the site.
    """
    asked = _ASKED.intersection(names)
    if not asked:
        return _NOTHING
    values, change_ms = _tell(asked & CALENDAR, now_ms // STEP_MS, time_zone)
    theirs = asked & _THEIRS
    zone = find_zone(str(context.get("time_zone") or "")) if theirs else None
    if zone is None:
        return values, change_ms
    bare = frozenset(name.removeprefix(VISITORS) for name in theirs)
    told, their_change_ms = _tell(bare, now_ms // STEP_MS, zone)
    prefixed = {VISITORS + name: value for name, value in told.items()}
    changes = (each for each in (change_ms, their_change_ms) if each is not None)
    return {**values, **prefixed}, min(changes, default=None)


@lru_cache(REMEMBERED_TIMES)
def _tell(asked: frozenset[str], step: int, zone: tzinfo) -> Told:
    """Answer what is asked, for all instants of one step of the clock."""
    if not asked:
        return _NOTHING
    now_ms = step * STEP_MS
    local = local_time(now_ms, zone)
    values: dict[str, Value] = {
        "hour": local.hour,
        "weekday": WEEKDAYS[local.weekday()],
        "date": local.date().isoformat(),
    }
    if "hour" in asked:
        full_ms = now_ms - local.minute * MINUTE_MS - local.second * SECOND_MS + HOUR_MS
        # Not everywhere are clocks set at a full hour: those of Chatham are at a quarter to three.
        return values, clock_change_ms(now_ms, full_ms, zone) or full_ms
    return values, midnight_ms(local.date() + timedelta(days=1), zone)


@lru_cache(REMEMBERED_ZONES)
def find_zone(name: str) -> tzinfo | None:
    """Answer the zone of a name, None for one that nobody knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def day_of(at_ms: int, time_zone: tzinfo) -> str:
    """Answer the day of an instant, such as ``2026-11-22``."""
    return _day_of(at_ms // STEP_MS, time_zone)


@lru_cache(_REMEMBERED_DAYS)
def _day_of(step: int, time_zone: tzinfo) -> str:
    return local_time(step * STEP_MS, time_zone).date().isoformat()
