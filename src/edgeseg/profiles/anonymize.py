"""Make a profile one of nobody: counts stay, whatever tells a person goes. Pure."""

from collections.abc import Collection, Mapping

import msgspec

from edgeseg.clock import DAY_MS
from edgeseg.events.event import Event, Value
from edgeseg.events.keyed import AMOUNTS
from edgeseg.profiles import codec
from edgeseg.profiles.changes import ConsentChange
from edgeseg.profiles.merge import merged_event
from edgeseg.profiles.past import Past
from edgeseg.profiles.profile import Ledger, LedgerEntry, MetricState, Profile


def anonymize(profile: Profile, kept_fields: Collection[str]) -> Profile:
    """Answer the profile without a person in it.

    What stays: attributes of ``kept_fields``, tags, lists, pins, the current consents, tallies,
    metrics, the visit without its address, affinities, and orders without their ids, of which
    only amounts are kept. What goes: other attributes, retained events, message ids, former
    ids, entries of the index, first pages, and the time of day of the first event.

    Args:
        profile: of somebody.
        kept_fields: attributes that do not identify a person.
    """
    visit = profile.visit
    return Profile(
        created_ms=profile.created_ms // DAY_MS * DAY_MS,
        attributes={
            name: value for name, value in profile.attributes.items() if name in kept_fields
        },
        tags=profile.tags,
        consents={
            purpose: (ConsentChange(changes[0].granted, changes[0].at_ms),)
            for purpose, changes in profile.consents.items()
        },
        totals=profile.totals,
        metrics=_without_values(profile.metrics),
        visit=msgspec.structs.replace(visit, landing_path="") if visit else None,
        plan_id=profile.plan_id,
        lists=profile.lists,
        pins=profile.pins,
        affinities=profile.affinities,
        ledgers={name: _without_ids(ledger) for name, ledger in profile.ledgers.items()},
        since_ms=profile.since_ms,
        affinities_since_ms=profile.affinities_since_ms,
    )


def _without_values(metrics: Mapping[int, MetricState]) -> dict[int, MetricState]:
    """Replace the different values that a metric has seen by numbers: their count stays."""
    return {
        key: msgspec.structs.replace(
            state, distinct=tuple(str(number) for number in range(len(state.distinct)))
        )
        for key, state in metrics.items()
    }


def _without_ids(ledger: Ledger) -> Ledger:
    entries = {
        str(number): _without_properties(entry)
        for number, entry in enumerate(ledger.entries.values())
    }
    return msgspec.structs.replace(ledger, entries=entries, settled=_without_values(ledger.settled))


def _without_properties(entry: LedgerEntry) -> LedgerEntry:
    layers = tuple((told_ms, _amounts(properties)) for told_ms, properties in entry.layers)
    return msgspec.structs.replace(entry, layers=layers)


def _amounts(properties: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in properties.items() if name in AMOUNTS}


def carry(profile: Profile, visitor_id: str, now_ms: int) -> Event:
    """Answer the event that makes ``profile`` that of ``visitor_id``, of whom nothing is stored."""
    value = codec.encode_value(
        profile,
        Past(before=profile),
        codec.fresh_generation(now_ms, 0),
        refreshed_ms=now_ms,
        kept_since_ms=min(profile.created_ms, now_ms),
    )
    return merged_event(visitor_id, visitor_id, "", value, now_ms)
