"""Compare two versions of the rules: which segments differ, and who would move. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import tzinfo
from typing import Literal, TypeAlias

import msgspec

from edgeseg.audiences.rule_causes import find_causes
from edgeseg.decisions.snapshot import CAMPAIGN, Snapshot
from edgeseg.events.schema import Field
from edgeseg.profiles.changes import consents_at
from edgeseg.profiles.profile import Profile
from edgeseg.segments.describe import describe_segment
from edgeseg.segments.facts import gather_facts
from edgeseg.segments.rule import Definitions, NamedMetric, Segment

Kind: TypeAlias = Literal["added", "removed", "changed"]
Section: TypeAlias = Literal["segments", "fields", "metrics"]


class SegmentChange(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that is not for the same visitors any more.

    Attributes:
        because: what differs, in words; empty for an added or removed one.
        old: who was in it, in words; "" for an added one.
        new: who is in it, in words; "" for a removed one.
        entering: visitors of the sample who would come to be in it, None without a sample.
        leaving: visitors of the sample who would no longer be in it, likewise.
    """

    segment: str
    name: str
    kind: Kind
    because: list[str] = []
    old: str = ""
    new: str = ""
    entering: int | None = None
    leaving: int | None = None


class Renaming(msgspec.Struct, frozen=True, kw_only=True):
    """A display name that changed; it decides on nothing."""

    section: Section
    id: str
    old: str
    new: str


class RuleDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What is different between two versions of the rules.

    Attributes:
        old: version of the old rules.
        new: version of the new ones.
        segments: added ones first, then removed, then changed, each in file order.
        visitors: size of the sample, None without one.
    """

    old: str
    new: str
    segments: list[SegmentChange]
    renamed: list[Renaming]
    visitors: int | None = None


class Moves:
    """Counts who would enter and leave which segments.

    Attributes:
        visitors: how many were looked at.
    """

    def __init__(self) -> None:
        """Start without visitors."""
        self.visitors = 0
        self._entering: Counter[str] = Counter()
        self._leaving: Counter[str] = Counter()

    def add(self, before: Collection[str], after: Collection[str]) -> None:
        """Take note of one visitor, in these segments by the old and by the new rules."""
        self.visitors += 1
        self._entering.update(set(after) - set(before))
        self._leaving.update(set(before) - set(after))

    def put_into(self, found: RuleDiff) -> RuleDiff:
        """Answer the same differences, with the numbers of visitors."""
        segments = [
            msgspec.structs.replace(
                each,
                entering=self._entering[each.segment],
                leaving=self._leaving[each.segment],
            )
            for each in found.segments
        ]
        return msgspec.structs.replace(found, segments=segments, visitors=self.visitors)


def compare_rules(old: Snapshot, new: Snapshot) -> RuleDiff:
    """Answer which segments were added, removed or changed, by what they mean.

    The order in which conditions are written does not count. A segment also changes with
    the metrics and fields it asks about, the segments it refers to, and those that come
    before it in its exclusive group.
    """
    before, after = old.definitions, new.definitions
    added = [id_ for id_ in after.segments if id_ not in before.segments]
    removed = [id_ for id_ in before.segments if id_ not in after.segments]
    causes = find_causes(before, after)
    changes = [_change(id_, "added", before, after) for id_ in added]
    changes += [_change(id_, "removed", before, after) for id_ in removed]
    changes += [
        _change(id_, "changed", before, after, causes[id_])
        for id_ in after.segments
        if id_ in causes
    ]
    renamed = [
        *_renamings("segments", _names(before.segments), _names(after.segments)),
        *_renamings("fields", _labels(before.fields), _labels(after.fields)),
        *_renamings("metrics", _labels(before.metrics), _labels(after.metrics)),
    ]
    return RuleDiff(old=old.version, new=new.version, segments=changes, renamed=renamed)


def held_segments(
    rules: Snapshot,
    visitor_id: str,
    profile: Profile,
    *,
    now_ms: int,
    time_zone: tzinfo,
    consent_ms: int,
) -> list[str]:
    """Answer the segments that a stored visitor is in at ``now_ms``, without any request.

    What only a request tells, its page and device for example, is missing.

    Args:
        rules: those to judge by.
        visitor_id: what shares of visitors stick to.
        profile: as read with the plan of ``rules``.
        now_ms: the instant to judge at.
        time_zone: of the site.
        consent_ms: how long a consent is good, 0 for ever.
    """
    facts = gather_facts(
        rules.sources,
        profile=profile,
        context={},
        consents=consents_at(profile.consents, now_ms=now_ms, valid_ms=consent_ms),
        now_ms=now_ms,
        time_zone=time_zone,
        bucket_id=profile.bucket_id or visitor_id,
    )
    held = rules.evaluator.evaluate(facts, now_ms).held
    return [key for key in held if not key.startswith(CAMPAIGN)]


def _change(
    id_: str, kind: Kind, before: Definitions, after: Definitions, because: Iterable[str] = ()
) -> SegmentChange:
    old, new = before.segments.get(id_), after.segments.get(id_)
    return SegmentChange(
        segment=id_,
        name=(before if new is None else after).segments[id_].name,
        kind=kind,
        because=list(because),
        old=describe_segment(old, before) if old else "",
        new=describe_segment(new, after) if new else "",
    )


def _renamings(
    section: Section, before: Mapping[str, str], after: Mapping[str, str]
) -> list[Renaming]:
    return [
        Renaming(section=section, id=id_, old=before[id_], new=name)
        for id_, name in after.items()
        if before.get(id_, name) != name
    ]


def _labels(definitions: Mapping[str, Field] | Mapping[str, NamedMetric]) -> dict[str, str]:
    return {id_: each.label for id_, each in definitions.items()}


def _names(segments: Mapping[str, Segment]) -> dict[str, str]:
    return {id_: each.name for id_, each in segments.items()}
