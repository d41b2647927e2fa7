"""The past that a profile can be told again from: late events and new rules. Pure.

A stored profile keeps its latest events, and what the profile was before the oldest of
them. From these two it is folded again where adding to the end is not enough: when an
event arrives that happened before others which are folded already, and when the rules
ask for metrics that nobody kept.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

import msgspec

from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.fold import admit, fold, refold
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.retention import Retention

_BY_TIME = attrgetter("at_ms")


class Past(msgspec.Struct, frozen=True, array_like=True):
    """What is retained of the time before.

    Attributes:
        before: the visitor's behaviour before ``events``; of a profile, what events without
            "$" make, the rest is left out.
        events: the latest ones of those that are folded, oldest first, none of them "$...".
    """

    before: Profile = EMPTY_PROFILE
    events: tuple[Event, ...] = ()


EMPTY_PAST = Past()


def bring_up(
    profile: Profile, tail: Sequence[Event], plan: MetricPlan, past: Callable[[], Past]
) -> Profile:
    """Answer ``profile`` with ``tail`` folded in, as ``plan`` asks.

    Args:
        profile: what was folded so far, by this plan or another.
        tail: the events since, in the order of their arrival.
        plan: what to remember.
        past: answers the retained past; called only if it is needed.
    """
    is_followed = profile.plan_id == plan.id or profile is EMPTY_PROFILE
    if is_followed and not _is_late(profile, tail):
        return fold(profile, tail, plan)
    told = past()
    history = join(told, tail, profile)
    behaviour = refold(follow(told.before, plan), history, plan)
    stood = fold(profile, tail, plan)
    return msgspec.structs.replace(
        stood,
        totals=behaviour.totals,
        metrics=behaviour.metrics,
        visit=behaviour.visit,
        first_landing_path=behaviour.first_landing_path,
        first_referrer_host=behaviour.first_referrer_host,
        plan_id=plan.id,
        affinities=behaviour.affinities,
        ledgers=behaviour.ledgers,
        since_ms=behaviour.since_ms,
        affinities_since_ms=behaviour.affinities_since_ms,
    )


def join(past: Past, tail: Iterable[Event], folded: Profile) -> tuple[Event, ...]:
    """Answer the events of ``past`` and ``tail``, oldest first, without repeats and "$...".

    ``folded`` is the profile before the tail, which knows the message ids it has seen.
    """
    fresh, _recent_ids = admit(folded.recent_ids, tail)
    done = (event for event in fresh if not event.name.startswith("$"))
    return tuple(sorted((*past.events, *done), key=_BY_TIME))


def move_on(
    past: Past, history: tuple[Event, ...], plan: MetricPlan, retention: Retention, now_ms: int
) -> Past:
    """Answer the past after a compaction.

    Args:
        past: what was retained up to now.
        history: its events and those since, see `join`.
        plan: what to remember of events that are not retained any longer.
        retention: says which.
        now_ms: the instant of the compaction.
    """
    kept = retention.trim(history, now_ms)
    left = history[: len(history) - len(kept)]
    before = refold(follow(past.before, plan), left, plan) if left else past.before
    return Past(before, kept)


def _is_late(profile: Profile, tail: Iterable[Event]) -> bool:
    """Tell whether something in ``tail`` happened before what is folded already."""
    if profile.visit is None:
        return False
    last_ms = profile.visit.last_ms
    return any(event.at_ms < last_ms and not event.name.startswith("$") for event in tail)


def follow(before: Profile, plan: MetricPlan) -> Profile:
    """Make what was folded by another plan follow this one.

    Metrics that the plan lacks are forgotten. Of those that are not kept, nothing before
    this instant can be known.
    """
    if before.visit is None or before.plan_id == plan.id:
        return before
    asked = {metric.key for metric in plan.metrics}
    ledgers = {
        name: msgspec.structs.replace(
            ledger, settled={key: state for key, state in ledger.settled.items() if key in asked}
        )
        for name, ledger in before.ledgers.items()
    }
    since_ms = before.visit.last_ms + 1
    return msgspec.structs.replace(
        before,
        metrics={key: state for key, state in before.metrics.items() if key in asked},
        affinities={
            name: each for name, each in before.affinities.items() if name in plan.affinities
        },
        plan_id=plan.id,
        ledgers=ledgers,
        since_ms=since_ms,
        affinities_since_ms={
            name: before.affinities_since_ms.get(name, since_ms)
            for name in plan.affinities
            if name not in before.affinities or name in before.affinities_since_ms
        },
    )
