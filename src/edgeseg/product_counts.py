"""Count what visitors do with products, for recommendations."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from edgeseg.decisions.recommend import Assortment
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.events.event import Event, Value
from edgeseg.profiles.profile import Profile
from edgeseg.segments.facts import gather_facts


def count_products(
    events: Sequence[Event],
    context: Mapping[str, Value],
    profile: Profile,
    segments: Sequence[str],
    rules: Snapshot,
    assortment: Assortment,
) -> None:
    """Count what people in ``segments`` did with products on a page; robots are none."""
    if context.get("device") != "bot":
        _note(events, profile, segments, rules, assortment)


def note_products(
    events: Sequence[Event],
    profile: Profile,
    rules: Snapshot,
    assortment: Assortment,
    *,
    now_ms: int,
    time_zone: tzinfo,
) -> None:
    """Count what a visitor did with products, where no page is known that they were seen on."""
    if rules.remembered is None:
        return
    segments: Sequence[str] = ()
    if rules.popular_in:
        facts = gather_facts(
            rules.sources,
            profile=profile,
            context={},
            consents={},
            now_ms=now_ms,
            time_zone=time_zone,
            bucket_id=profile.bucket_id,
        )
        segments = rules.evaluator.evaluate(facts, now_ms).held
    _note(events, profile, segments, rules, assortment)


def _note(
    events: Sequence[Event],
    profile: Profile,
    segments: Sequence[str],
    rules: Snapshot,
    assortment: Assortment,
) -> None:
    if rules.remembered is not None:
        counted = [segment for segment in rules.popular_in if segment in segments]
        assortment.note(events, profile, counted, rules.remembered)
