"""Gather the facts that the rules ask about, from the profile, the request and the clock."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo

import msgspec

from edgeseg.bucketing import bucket
from edgeseg.events.event import Value
from edgeseg.profiles.affinity import strongest
from edgeseg.profiles.amounts import add_all
from edgeseg.profiles.profile import NO_STATE, VISIT_TIMEOUT_MS, EventTotal, MetricState, Profile
from edgeseg.segments.calendar import tell_calendar
from edgeseg.segments.fact_caps import add_caps
from edgeseg.segments.fact_keys import CONSENT
from edgeseg.segments.fact_sources import Extreme, FactSources
from edgeseg.segments.tables import UNKNOWN
from edgeseg.segments.traits import Traits, traits_of
from edgeseg.segments.visit_facts import VISIT_FACTS


class Facts(msgspec.Struct, frozen=True, gc=False):
    """Values of facts at one instant.

    Attributes:
        values: fact key → value; instants as epoch milliseconds.
        absent: None when a fact not in ``values`` is missing, `UNKNOWN` when it
            cannot be read because the profile cannot, or may not, be read.
        change_ms: when time alone changes a value, None for never.
        pins: segment → whether the visitor is in it by hand, whatever the rule says. An
            unknown profile has none: whoever is not stored was never pinned.
        profile: whose facts they are, None for unknown; explanations look at its bounds.
        traits: those among ``values``, None where there are none.
    """

    values: dict[str, object]
    absent: object
    change_ms: int | None
    pins: Mapping[str, bool] = {}
    profile: Profile | None = None
    traits: Traits | None = None


def gather_facts(
    sources: FactSources,
    *,
    profile: Profile | None,
    context: Mapping[str, Value],
    consents: Mapping[str, bool],
    now_ms: int,
    time_zone: tzinfo = UTC,
    bucket_id: str = "",
) -> Facts:
    """Answer the facts of one visitor and one request.

    Args:
        sources: what the rules ask about.
        profile: None when it is unknown: its facts are then unknown, not missing.
        context: value of each context name; `visit.` and `first.` come from the profile.
        consents: purpose → granted, as known for this request.
        now_ms: the instant of the request.
        time_zone: of the site, for `hour`, `weekday` and `date`.
        bucket_id: what shares stick to, "" for a visitor without id: shares are then unknown.
    """
    traits, values = None, dict[str, object]()
    if profile is not None:
        traits = traits_of(profile, sources, time_zone)
        values = traits.values_with(sources, profile.metrics)
    values[CONSENT] = tuple(filter(consents.get, consents))  # those that are granted
    change_ms = _add_context(values, sources, context, profile, now_ms, time_zone)
    for key, salt in sources.shares.items():
        values[key] = bucket(salt, bucket_id) if bucket_id else UNKNOWN
    for key, season in sources.seasons.items():
        values[key], ends_ms = season.at(now_ms)
        change_ms = earlier(change_ms, ends_ms)
    if profile is None:
        return Facts(values, UNKNOWN, change_ms)
    behaved_ms = _add_behaviour(values, sources, profile, now_ms, time_zone)
    for key, age_key in sources.instants.items():
        values[age_key] = values.get(key)
    change_ms = earlier(change_ms, behaved_ms)
    return Facts(values, None, change_ms, profile.pins, profile, traits)


def _add_context(
    values: dict[str, object],
    sources: FactSources,
    context: Mapping[str, Value],
    profile: Profile | None,
    now_ms: int,
    time_zone: tzinfo,
) -> int | None:
    """Add what is asked of the request; answer when the clock changes a part of it."""
    calendar, change_ms = tell_calendar(sources.context, context, now_ms, time_zone)
    for name, key in sources.context.items():
        value: object = context.get(name)
        if value is None:
            of_visit = VISIT_FACTS.get(name)
            if of_visit is None:
                value = calendar.get(name)
            elif profile is None:
                continue  # unknown; a request's own value is missing even then
            else:
                value = of_visit(profile)
        values[key] = value
    return change_ms


def _add_behaviour(
    values: dict[str, object],
    sources: FactSources,
    profile: Profile,
    now_ms: int,
    time_zone: tzinfo,
) -> int | None:
    """Add what the visitor did; answer when time alone changes a part of it."""
    change_ms = None
    for key, event in sources.totals.items():
        total = profile.totals.get(event)
        values[key] = total.count if total else 0
    for key, (name, number) in sources.affinities.items():
        values[key] = strongest(profile.affinities.get(name, {}), number)
    if sources.recent_sums:
        change_ms = _add_recent_sums(values, sources, profile, now_ms)
    if sources.extremes or sources.total_extremes:
        change_ms = earlier(change_ms, _add_extremes(values, sources, profile, now_ms))
    if sources.caps:
        free_ms = add_caps(values, sources.caps, profile, now_ms, time_zone)
        change_ms = earlier(change_ms, free_ms)
    return change_ms


def _add_extremes(
    values: dict[str, object], sources: FactSources, profile: Profile, now_ms: int
) -> int | None:
    """Add first and last instants; answer when the visit ends, if one of them then changes."""
    visit = profile.visit
    number = -1  # no visit is going on, so that whatever was last is last
    if visit is not None and now_ms - visit.last_ms <= VISIT_TIMEOUT_MS:
        number = visit.number
    is_held_back = False
    for key, tally, which in _tallies(sources, profile):
        values[key] = _extreme(tally, which, number)
        is_held_back |= which == "last" and tally is not None and tally.visit == number
    return visit.last_ms + VISIT_TIMEOUT_MS + 1 if visit is not None and is_held_back else None


def _tallies(
    sources: FactSources, profile: Profile
) -> Iterator[tuple[str, MetricState | EventTotal | None, Extreme]]:
    for key, (metric, which) in sources.extremes.items():
        yield key, profile.metrics.get(metric), which
    for key, (event, which) in sources.total_extremes.items():
        yield key, profile.totals.get(event), which


def _extreme(tally: MetricState | EventTotal | None, which: Extreme, visit: int) -> int | None:
    """Answer the first instant ever, or the last before the current visit."""
    if tally is None:
        return None
    if which == "first":
        return tally.first_ms
    return (tally.earlier_ms if tally.visit == visit else tally.last_ms) or None


def _add_recent_sums(
    values: dict[str, object], sources: FactSources, profile: Profile, now_ms: int
) -> int | None:
    """Add sums in windows; answer when the next amount leaves one of them."""
    change_ms = None
    for key, (metric, window_ms) in sources.recent_sums.items():
        state = profile.metrics.get(metric, NO_STATE)
        inside = [at_ms for at_ms in state.recent if now_ms - window_ms < at_ms]
        values[key] = add_all(state.amounts[: len(inside)])
        change_ms = earlier(change_ms, _leaves_ms(inside, state.amounts, window_ms))
    return change_ms


def _leaves_ms(inside: Sequence[int], amounts: Sequence[int | float], window_ms: int) -> int | None:
    """Answer when an amount leaves its window and is missed; what is nothing is not."""
    gone: dict[int, int | float] = {}
    for at_ms, amount in zip(inside, amounts, strict=False):
        gone[at_ms] = gone.get(at_ms, 0) + amount
    first_ms = min((at_ms for at_ms, amount in gone.items() if amount), default=None)
    return None if first_ms is None else first_ms + window_ms


def earlier(one: int | None, other: int | None) -> int | None:
    """Answer the earlier of two instants, None standing for never."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
