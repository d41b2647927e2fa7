"""Schedules: from when until when, and which recurring hours, days and months in between."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import inf
from typing import Final

import msgspec

from edgeseg.clock import epoch_ms, local_time, midnight_ms

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AHEAD_DAYS: Final = 367
_MIDNIGHT: Final = time(0)


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
        """Answer the next instant when `is_active` changes, None for never."""
        active = self.is_active(now_ms)
        return next((edge for edge in self._edges(now_ms) if self.is_active(edge) != active), None)

    def _is_in_period(self, now_ms: int) -> bool:
        local = local_time(now_ms, self.time_zone)
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

    def _edges(self, now_ms: int) -> Iterator[int]:
        """Iterate in order over the instants after now at which something may change.

        Periods are followed for a year from the beginning on: what recurs at all changes
        within it.
        """
        until_ms = self.until_ms
        if until_ms is not None and now_ms >= until_ms:
            return
        since_ms = now_ms
        if self.from_ms is not None and self.from_ms > now_ms:
            since_ms = self.from_ms
            yield since_ms
        for edge in self._period_edges(since_ms) if self.recurs else ():
            if until_ms is not None and edge >= until_ms:
                break
            yield edge
        if until_ms is not None:
            yield until_ms

    def _period_edges(self, since_ms: int) -> Iterator[int]:
        """Iterate in order over the instants after one at which a period may begin or end."""
        clocks = {_MIDNIGHT} if self.start == self.end else {self.start, self.end}
        today = local_time(since_ms, self.time_zone).date()
        for ahead in range(-1, min(_LOOK_AHEAD_DAYS, (date.max - today).days)):
            day = today + timedelta(days=ahead)
            # A time of day comes twice, or not at all, where clocks are set.
            edges = {self._instant_ms(day, clock, fold) for clock in clocks for fold in (0, 1)}
            begin_ms = midnight_ms(day, self.time_zone)
            end_ms = midnight_ms(day + timedelta(days=1), self.time_zone)
            set_ms = clock_change_ms(begin_ms, end_ms, self.time_zone)
            if set_ms is not None:
                edges.add(set_ms)
            yield from sorted(edge for edge in edges if edge > since_ms)

    def _instant_ms(self, day: date, clock: time, fold: int) -> int:
        return epoch_ms(datetime.combine(day, clock.replace(fold=fold), tzinfo=self.time_zone))


def clock_change_ms(low_ms: int, high_ms: int, zone: tzinfo) -> int | None:
    """Answer when clocks are set after the first instant, up to the second one; None for never.

    The two are at most a day apart: clocks are set once in that time.
    """
    before = _offset(low_ms, zone)
    if before == _offset(high_ms, zone):
        return None
    while high_ms - low_ms > 1:
        middle_ms = (low_ms + high_ms) // 2
        if _offset(middle_ms, zone) == before:
            low_ms = middle_ms
        else:
            high_ms = middle_ms
    return high_ms


def _offset(at_ms: int, zone: tzinfo) -> timedelta | None:
    return local_time(at_ms, zone).utcoffset()


class Season:
    """A schedule that remembers until when its last answer holds."""

    def __init__(self, schedule: Schedule) -> None:
        """Remember nothing yet."""
        self._schedule = schedule
        self._known: tuple[int, float, bool] = (0, 0, False)

    def at(self, now_ms: int) -> tuple[bool, int | None]:
        """Answer whether it is active, and when that changes (None: never)."""
        since_ms, change_ms, active = self._known
        if not since_ms <= now_ms < change_ms:
            active = self._schedule.is_active(now_ms)
            found = self._schedule.next_change_ms(now_ms)
            change_ms = inf if found is None else found
            self._known = (now_ms, change_ms, active)
        return active, None if change_ms == inf else int(change_ms)
