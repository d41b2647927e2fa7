"""Find the caps that a visitor has reached, and when the first of them lets go again."""

from collections.abc import Mapping
from datetime import timedelta, tzinfo
from typing import Final

from edgeseg.clock import local_time, midnight_ms
from edgeseg.profiles.profile import VISIT_TIMEOUT_MS, Profile
from edgeseg.segments.fact_keys import CAP
from edgeseg.segments.fact_sources import CapSource

_ALWAYS_MS: Final = 0


def add_caps(
    values: dict[str, object],
    caps: Mapping[int, Mapping[str, CapSource]],
    profile: Profile,
    now_ms: int,
    time_zone: tzinfo,
) -> int | None:
    """Add the names of the reached caps; answer when time alone frees one, None for never.

    Only the caps on what this visitor was shown are looked at, however many there are.
    """
    periods = _Periods(profile, now_ms, time_zone)
    reached, free_ms = [], None
    for key in caps.keys() & profile.metrics.keys():
        recent = profile.metrics[key].recent
        for name, cap in caps[key].items():
            if len(recent) < cap.at_most:
                continue
            decisive_ms = recent[cap.at_most - 1]
            since_ms, until_ms = periods.of(cap, decisive_ms)
            if decisive_ms >= since_ms:
                reached.append(name)
                if until_ms is not None and (free_ms is None or until_ms < free_ms):
                    free_ms = until_ms
    values[CAP] = reached
    return free_ms


class _Periods:
    """The visit and the day of one request, worked out when first asked for."""

    def __init__(self, profile: Profile, now_ms: int, time_zone: tzinfo) -> None:
        self._visit = profile.visit
        self._now_ms = now_ms
        self._time_zone = time_zone
        self._day: tuple[int, int] | None = None

    def of(self, cap: CapSource, decisive_ms: int) -> tuple[int, int | None]:
        """Answer from when on events count, and when the one at ``decisive_ms`` will not."""
        if cap.within_ms is not None:
            return self._now_ms - cap.within_ms + 1, decisive_ms + cap.within_ms
        match cap.per:
            case "visit":
                return self._current_visit()
            case "day":
                self._day = self._day or self._today()
                return self._day
            case _:
                return _ALWAYS_MS, None

    def _current_visit(self) -> tuple[int, int]:
        visit = self._visit
        if visit is None or self._now_ms - visit.last_ms > VISIT_TIMEOUT_MS:
            return self._now_ms + 1, self._now_ms  # the next event begins another
        return visit.started_ms, visit.last_ms + VISIT_TIMEOUT_MS + 1

    def _today(self) -> tuple[int, int]:
        """Answer the first moments of today and of tomorrow, by the site's clocks."""
        day = local_time(self._now_ms, self._time_zone).date()
        tomorrow = day + timedelta(days=1)
        return midnight_ms(day, self._time_zone), midnight_ms(tomorrow, self._time_zone)
