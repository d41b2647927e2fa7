"""The context that only the profile knows: the visit, and the first page ever."""

from collections.abc import Callable, Mapping
from typing import Final

from edgeseg.clock import SECOND_MS
from edgeseg.profiles.profile import Profile, Visit

Telling = Callable[[Profile], object]
"""Answers one value of a profile, None for none."""


def _of_visit(tell: Callable[[Visit], object]) -> Telling:
    return lambda profile: None if profile.visit is None else tell(profile.visit)


VISIT_FACTS: Final[Mapping[str, Telling]] = {
    "first.landing_path": lambda profile: profile.first_landing_path or None,
    "first.referrer_host": lambda profile: profile.first_referrer_host or None,
    "visit.number": _of_visit(lambda visit: visit.number),
    "visit.pages": _of_visit(lambda visit: visit.pages),
    "visit.seconds": _of_visit(lambda visit: (visit.last_ms - visit.started_ms) // SECOND_MS),
    "visit.landing_path": _of_visit(lambda visit: visit.landing_path or None),
}
"""By name of the context; the instant of a visit is that of its latest event."""
