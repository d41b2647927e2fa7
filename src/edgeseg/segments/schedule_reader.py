"""Read ``active``: the schedule of a segment or a campaign."""

from contextlib import suppress
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

import yaml

from edgeseg.clock import epoch_ms, parse_instant
from edgeseg.segments.calendar import find_zone
from edgeseg.segments.rule_files import RuleReader
from edgeseg.segments.schedule import WEEKDAYS, Schedule

_MONTHS: Final = 12
_YEARS: Final = range(1970, 9999)
"""Years that schedules may name, so that every zone's clock can tell their days."""


def read_schedule(reader: RuleReader, node: yaml.Node, site_zone: tzinfo) -> Schedule:
    """Read a schedule.

    Args:
        reader: of the file.
        node: a mapping with ``from``, ``until``, ``every`` and ``time_zone``.
        site_zone: of days and times where the schedule names no zone.

    Raises:
        Unreadable: a part is wrong; the problem is reported.
    """
    parts = reader.mapping(node, ("from", "until", "every", "time_zone"))
    if not set(parts) - {"time_zone"}:
        raise reader.fail(node, "a schedule needs `from`, `until` or `every`")
    zone = _zone(reader, parts["time_zone"]) if "time_zone" in parts else site_zone
    from_ms = _instant(reader, parts["from"], zone) if "from" in parts else None
    until_ms = _instant(reader, parts["until"], zone, end=True) if "until" in parts else None
    if from_ms is not None and until_ms is not None and from_ms >= until_ms:
        raise reader.fail(parts["until"], "`until` is not after `from`")
    if "every" not in parts:
        return Schedule(from_ms=from_ms, until_ms=until_ms, time_zone=zone)
    every = reader.mapping(parts["every"], ("weekday", "month", "from", "until"))
    if not every:
        raise reader.fail(parts["every"], "`every` needs `weekday`, `month`, `from` or `until`")
    start = _clock(reader, every["from"]) if "from" in every else time(0)
    end = _clock(reader, every["until"]) if "until" in every else time(0)
    if start == end and {"from", "until"} & set(every):
        raise reader.fail(parts["every"], "`from` and `until` are the same time of day")
    return Schedule(
        from_ms=from_ms,
        until_ms=until_ms,
        weekdays=_weekdays(reader, every["weekday"]) if "weekday" in every else frozenset(),
        months=_months(reader, every["month"]) if "month" in every else frozenset(),
        start=start,
        end=end,
        time_zone=zone,
    )


def _zone(reader: RuleReader, node: yaml.Node) -> tzinfo:
    name = reader.text(node)
    zone = find_zone(name)
    if zone is None:
        raise reader.fail(node, f"unknown time zone `{name}`", "such as Europe/Prague")
    return zone


def _instant(reader: RuleReader, node: yaml.Node, zone: tzinfo, *, end: bool = False) -> int:
    """Read an instant; a bare day that ends something is meant to be part of it."""
    text = reader.text(node)
    at = _parse(text, end=end)
    if at is None or at.year not in _YEARS:
        hint = "write 2026-11-21 or 2026-11-21T09:30:00Z, from 1970 to 9998"
        raise reader.fail(node, f"`{text}` is not an instant", hint)
    return epoch_ms(at, zone)


def _parse(text: str, *, end: bool) -> datetime | None:
    with suppress(ValueError, OverflowError):
        return datetime.combine(date.fromisoformat(text) + timedelta(days=end), time(0))
    with suppress(ValueError):
        return parse_instant(text)
    return None


def _weekdays(reader: RuleReader, node: yaml.Node) -> frozenset[int]:
    parts = _some(reader, node, "weekday")
    return frozenset(WEEKDAYS.index(reader.one_of(part, WEEKDAYS)) for part in parts)


def _months(reader: RuleReader, node: yaml.Node) -> frozenset[int]:
    parts = _some(reader, node, "month")
    return frozenset(reader.integer(part, low=1, high=_MONTHS) for part in parts)


def _some(reader: RuleReader, node: yaml.Node, name: str) -> list[yaml.Node]:
    parts = reader.sequence(node)
    if not parts:
        raise reader.fail(node, f"`{name}` needs at least one value")
    return parts


def _clock(reader: RuleReader, node: yaml.Node) -> time:
    text = reader.text(node)
    clock = None
    with suppress(ValueError):
        clock = time.fromisoformat(text)
    is_over = text.lstrip("T").startswith("24")  # which Python takes from 3.14 on
    if clock is None or is_over or clock.tzinfo is not None or clock.microsecond:
        raise reader.fail(node, f"`{text}` is not a time of day", "write 08:00")
    return clock
