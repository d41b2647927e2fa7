"""Count what visitors do with products, for recommendations."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from edgeseg.decisions.recommend import Assortment
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.events.device import BOT
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
    if context.get("device") != BOT:
        _note(events, profile, segments, rules, assortment)


def note_products(  # noqa: PLR0913 - what decides on segments, each by its name
    events: Sequence[Event],
    profile: Profile,
    rules: Snapshot,
    assortment: Assortment,
    *,
    consents: Mapping[str, bool],
    bucket_id: str,
    now_ms: int,
    time_zone: tzinfo,
) -> None:
    """Count what a visitor did with products, where no page is known that they were seen on.

    Args:
        events: what the visitor did.
        profile: with the events in it.
        rules: that say what to count, and in which segments.
        assortment: takes note.
        consents: purpose → granted, as known of the visitor.
        bucket_id: what shares stick to.
        now_ms: the present instant.
        time_zone: of the site.
    """
    if rules.remembered is None:
        return
    segments: Sequence[str] = ()
    if rules.popular_in:
        facts = gather_facts(
            rules.sources,
            profile=profile,
            context={},
            consents=consents,
            now_ms=now_ms,
            time_zone=time_zone,
            bucket_id=bucket_id,
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
