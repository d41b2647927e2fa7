"""Rules as typed, frozen structs: segments, metrics and what they are made of."""

from datetime import UTC, tzinfo
from typing import Final

import msgspec

from edgeseg.events.schema import EventType, Field
from edgeseg.segments.condition import (
    EVERYONE,
    All,
    Any,
    Condition,
    SeasonTest,
    ShareTest,
    Where,
)
from edgeseg.segments.schedule import Schedule


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One of several definitions of a segment under test, for its share of visitors."""

    id: str
    weight: int
    when: Condition


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A named group of visitors.

    Attributes:
        when: who is in it, of those in ``base`` and while ``season`` lasts.
        base: who may be in it at all.
        season: when it may have anybody, None for always.
        versions: definitions under test, besides ``when``; each visitor gets one.
        priority: higher wins where an order is needed, -1,000,000 to 1,000,000.
        exclusive_group: of the segments of one group only the first holds, "" for none.
    """

    id: str
    name: str
    when: Condition
    description: str = ""
    tags: tuple[str, ...] = ()
    priority: int = 0
    base: Condition = EVERYONE
    season: Schedule | None = None
    versions: tuple[Version, ...] = ()
    exclusive_group: str = ""

    @property
    def condition(self) -> Condition:
        """All that decides on membership: season, base, version and ``when``."""
        parts: list[Condition] = []
        if self.season is not None:
            parts.append(SeasonTest(self.season))
        if self.base != EVERYONE:
            parts.append(self.base)
        if self.versions:
            parts.append(self._version())
        if not parts:
            return self.when
        return All((*parts, self.when)) if self.when != EVERYONE else All(tuple(parts))

    def _version(self) -> Condition:
        total = sum(version.weight for version in self.versions)
        reached, cases = 0, []
        for version in self.versions:
            low, reached = reached, reached + version.weight
            if version.weight:
                percent, above = 100 * reached / total, 100 * low / total
                share = ShareTest(percent, self.id, above, version.id)
                cases.append(All((share, version.when)))
        return Any(tuple(cases))


OF_INSTANTS: Final = frozenset({"first", "last", "instants"})
"""Aggregates of metrics that are tested as instants, not as numbers."""


class NamedMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that rules refer to by name.

    Attributes:
        aggregate: ``count``, ``distinct``, ``sum``, ``average``, ``first``, ``last`` or
            ``instants``.
        of: the property that ``distinct``, ``sum``, ``average`` and ``instants`` are about.
    """

    id: str
    label: str
    event: str
    aggregate: str
    of: str = ""
    where: Where = ()


class Definitions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that segments are made of, in file order.

    Attributes:
        events: the schema, empty where nothing is said of any.
        time_zone: of the site, for dates and instants that name none.
    """

    events: dict[str, EventType] = {}
    fields: dict[str, Field] = {}
    metrics: dict[str, NamedMetric] = {}
    segments: dict[str, Segment] = {}
    time_zone: tzinfo = UTC
