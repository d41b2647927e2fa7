"""Schedules: from when until when, and which recurring hours, days and months in between."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import msgspec

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AHEAD_DAYS: Final = 367
_MIDNIGHT: Final = time(0)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When something is active.

    Attributes:
        from_ms: not before this instant, None for no beginning.
        until_ms: not at or after this instant, None for no end.
        weekdays: only on these, 0 for Monday; empty for all.
        months: only in these, 1 to 12; empty for all.
        start: only from this time of day ...
        end: ... and before this one; before ``start`` means on the next day.
        time_zone: of days and times.
    """

    from_ms: int | None = None
    until_ms: int | None = None
    weekdays: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    start: time = _MIDNIGHT
    end: time = _MIDNIGHT
    time_zone: tzinfo = UTC

    @property
    def recurs(self) -> bool:
        """Whether only some hours, days or months are meant."""
        return bool(self.weekdays or self.months or self.start != self.end)

    def is_active(self, now_ms: int) -> bool:
        """Tell whether it is active at an instant."""
        if self.from_ms is not None and now_ms < self.from_ms:
            return False
        if self.until_ms is not None and now_ms >= self.until_ms:
            return False
        return not self.recurs or self._is_in_period(now_ms)

    def next_change_ms(self, now_ms: int) -> int | None:
        """Answer the next instant when `is_active` changes, None for never.

        A period that does not change within a year is looked at again after it.
        """
        active = self.is_active(now_ms)
        edges = (edge for edge in self._edges(now_ms) if edge > now_ms)
        changes = (edge for edge in edges if self.is_active(edge) != active)
        return next(changes, None)

    def _is_in_period(self, now_ms: int) -> bool:
        local = (_EPOCH + timedelta(milliseconds=now_ms)).astimezone(self.time_zone)
        clock = local.time()
        if self.start == self.end:
            return self._is_day(local.date())
        if self.start < self.end:
            return self.start <= clock < self.end and self._is_day(local.date())
        if clock >= self.start:
            return self._is_day(local.date())
        return clock < self.end and self._is_day(local.date() - timedelta(days=1))

    def _is_day(self, day: date) -> bool:
        return (not self.weekdays or day.weekday() in self.weekdays) and (
            not self.months or day.month in self.months
        )

    def _edges(self, now_ms: int) -> "list[int]":
        """Answer all instants within a year at which something may change, in order."""
        edges = {edge for edge in (self.from_ms, self.until_ms) if edge is not None}
        if self.recurs:
            clocks = {_MIDNIGHT} if self.start == self.end else {self.start, self.end}
            today = (_EPOCH + timedelta(milliseconds=now_ms)).astimezone(self.time_zone).date()
            for ahead in range(-1, _LOOK_AHEAD_DAYS):
                day = today + timedelta(days=ahead)
                edges.update(self._instant_ms(day, clock) for clock in clocks)
            edges.add(self._instant_ms(today + timedelta(days=_LOOK_AHEAD_DAYS), _MIDNIGHT))
        return sorted(edges)

    def _instant_ms(self, day: date, clock: time) -> int:
        local = datetime.combine(day, clock, tzinfo=self.time_zone)
        return round(local.timestamp() * 1_000)


class Season:
    """A schedule that remembers until when its last answer holds."""

    def __init__(self, schedule: Schedule) -> None:
        """Remember nothing yet."""
        self._schedule = schedule
        self._known = (0, 0, False)

    def at(self, now_ms: int) -> tuple[bool, int | None]:
        """Answer whether it is active, and when that changes (None: never)."""
        since_ms, change_ms, active = self._known
        if not since_ms <= now_ms < change_ms:
            active = self._schedule.is_active(now_ms)
            found = self._schedule.next_change_ms(now_ms)
            if found is None:
                return active, None
            since_ms, change_ms = now_ms, found
            self._known = (since_ms, change_ms, active)
        return active, change_ms
