"""The past that a profile can be told again from: late events and new rules. Pure.

A stored profile keeps its latest events, and what the profile was before the oldest of
them. From these two it is folded again where adding to the end is not enough: when an
event arrives that happened before others which are folded already, and when the rules
ask for metrics that nobody kept.
"""

from collections.abc import Callable, Sequence

import msgspec

from edgeseg.events.event import BY_TIME, Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.fold import admit, fold, refold
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.rule_change import change_rules, follow, take_behaviour


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
    if not is_late(profile, tail):
        if profile.plan_id != plan.id and profile is not EMPTY_PROFILE:
            told = past()
            profile = change_rules(profile, told.before, told.events, plan)
        return fold(profile, tail, plan)
    told = past()
    history = join(told, tail, profile)
    behaviour = refold(follow(told.before, plan), history, plan)
    return take_behaviour(fold(profile, tail, plan), behaviour)


def join(past: Past, tail: Sequence[Event], folded: Profile) -> tuple[Event, ...]:
    """Answer the events of ``past`` and ``tail``, oldest first, without repeats and "$...".

    ``folded`` is the profile before the tail, which knows the message ids it has seen.
    """
    _changes, behaviour, _recent_ids = admit(folded.recent_ids, tail)
    if not behaviour:
        return past.events
    return tuple(sorted((*past.events, *behaviour), key=BY_TIME))


def move_on(
    past: Past, history: tuple[Event, ...], plan: MetricPlan, retention: Retention, now_ms: int
) -> Past:
    """Answer the past after a compaction, ``past`` itself if that is still so.

    Args:
        past: what was retained up to now.
        history: its events and those since, see `join`.
        plan: what to remember of events that are not retained any longer.
        retention: says which.
        now_ms: the instant of the compaction.
    """
    kept = retention.trim(history, now_ms)
    if kept is history is past.events:
        return past
    left = history[: len(history) - len(kept)]
    before = refold(follow(past.before, plan), left, plan) if left else past.before
    return Past(before, kept)


def is_late(profile: Profile, tail: Sequence[Event]) -> bool:
    """Tell whether what the visitor did in ``tail`` began before what is folded already."""
    if not tail or profile.visit is None:
        return False
    last_ms = profile.visit.last_ms
    if min(map(BY_TIME, tail)) >= last_ms:  # the usual case, and quick
        return False
    return any(event.at_ms < last_ms and event.name[:1] != "$" for event in tail)
