"""Tally who is in which segment as decisions come in. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

_NONE: frozenset[str] = frozenset()


class SegmentSize(NamedTuple):
    """Members of one segment, as far as the tally saw.

    Attributes:
        inside: visitors in it at their last view.
        ever: visitors in it at any of their views.
        joined: times that a visitor came to be in it; the first view counts.
        left: times that a visitor was no longer in it.
    """

    inside: int
    ever: int
    joined: int
    left: int


class MembershipTally:
    """Counts members of segments, view by view.

    Remembers two sets of segments for each visitor; equal sets are kept once.
    """

    def __init__(self) -> None:
        """Start without visitors."""
        self._sets: dict[frozenset[str], frozenset[str]] = {_NONE: _NONE}
        self._latest: dict[str, frozenset[str]] = {}
        self._ever: dict[str, frozenset[str]] = {}
        self._inside: Counter[str] = Counter()
        self._ever_inside: Counter[str] = Counter()
        self._joined: Counter[str] = Counter()
        self._left: Counter[str] = Counter()

    @property
    def visitors(self) -> int:
        """How many different visitors were seen."""
        return len(self._latest)

    def add(self, visitor_id: str, segments: Iterable[str]) -> None:
        """Take note that ``visitor_id`` is now in exactly ``segments``."""
        before = self._latest.get(visitor_id, _NONE)
        now = self._keep(frozenset(segments))
        self._latest[visitor_id] = now
        if now is before:
            return
        joined, left = now - before, before - now
        self._joined.update(joined)
        self._left.update(left)
        self._inside.update(joined)
        self._inside.subtract(left)
        ever = self._ever.get(visitor_id, _NONE)
        self._ever_inside.update(joined - ever)
        self._ever[visitor_id] = self._keep(ever | joined)

    def size(self, segment: str) -> SegmentSize:
        """Answer the size of ``segment``, zeros for one that nobody was in."""
        return SegmentSize(
            self._inside[segment],
            self._ever_inside[segment],
            self._joined[segment],
            self._left[segment],
        )

    def _keep(self, segments: frozenset[str]) -> frozenset[str]:
        return self._sets.setdefault(segments, segments)
