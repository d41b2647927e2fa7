"""How long and how much of a visitor is kept. Pure: every store follows it alike."""

import msgspec

from edgeseg.clock import DAY_MS, HOUR_MS
from edgeseg.events.event import Event

THIRTEEN_MONTHS_MS = 396 * DAY_MS


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds on what is stored of one visitor.

    Attributes:
        retention_ms: a profile that nothing was recorded for in this time is gone.
        cap_ms: a profile is gone this long after it was first stored, active or not.
        journal_events: how many folded-away events are kept, for late ones and new rules.
        journal_age_ms: older events leave the journal at the next compaction.
        tail_lines: a value with this many events after its snapshot is compacted.
        refresh_ms: the expiry is pushed forward at most this often.
        grace_ms: how long after an erasure late writes are turned away.
        quarantine_ms: how long a corrupt value is kept aside for inspection.
        counts_ms: how long the counts of a day, which name no visitor, are kept.
    """

    retention_ms: int = THIRTEEN_MONTHS_MS
    cap_ms: int = THIRTEEN_MONTHS_MS
    journal_events: int = 50
    journal_age_ms: int = THIRTEEN_MONTHS_MS
    tail_lines: int = 16
    refresh_ms: int = DAY_MS
    grace_ms: int = HOUR_MS
    quarantine_ms: int = 7 * DAY_MS
    counts_ms: int = 400 * DAY_MS

    @property
    def first_ttl_ms(self) -> int:
        """The time to live of a new profile."""
        return min(self.retention_ms, self.cap_ms)

    def ttl_ms(self, kept_since_ms: int, now_ms: int) -> int:
        """Answer the time left to a profile refreshed at ``now_ms``, at least 1 ms."""
        return max(1, min(self.retention_ms, kept_since_ms + self.cap_ms - now_ms))

    def is_due(self, lines: int, refreshed_ms: int, now_ms: int) -> bool:
        """Tell whether a value with ``lines`` events after its snapshot is to be compacted."""
        return lines >= self.tail_lines or now_ms - refreshed_ms > self.refresh_ms

    def trim(self, history: tuple[Event, ...], now_ms: int) -> tuple[Event, ...]:
        """Answer the part of ``history``, oldest first, that the journal may keep."""
        since_ms = now_ms - self.journal_age_ms
        if len(history) <= self.journal_events and (not history or history[0].at_ms >= since_ms):
            return history
        latest = history[-self.journal_events :] if self.journal_events else ()
        return tuple(event for event in latest if event.at_ms >= since_ms)
