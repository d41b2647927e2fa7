"""What a stored profile says, and its shorter form. Pure; the stores carry it out."""

import msgspec

from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN, MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.merge import MARK, tell
from edgeseg.profiles.past import bring_up, join, move_on
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.retention import Retention


class Compacted(msgspec.Struct, frozen=True, gc=False):
    """The value to put in the place of another, and its time to live."""

    value: bytes
    ttl_ms: int


def read_profile(stored: StoredProfile, plan: MetricPlan) -> tuple[Profile, int]:
    """Fold snapshot and tail of ``stored`` by ``plan``; answer when it was refreshed, too.

    That is 0 for one that was folded by other rules, or merged, so that it is compacted
    soon and the next request need not catch up again.

    Raises:
        ProfileCorrupt: one of them does not decode.
    """
    if MARK in stored.tail:
        told = tell(stored, plan)
        return bring_up(told.profile, told.tail, plan, lambda: told.past), 0
    snapshot = codec.decode_snapshot(stored)
    tail = codec.decode_lines(stored.tail)
    profile = bring_up(snapshot.profile, tail, plan, snapshot.past)
    is_followed = snapshot.profile.plan_id in {plan.id, EMPTY_PROFILE.plan_id}
    return profile, snapshot.refreshed_ms if is_followed else 0


def read_history(stored: StoredProfile) -> tuple[Event, ...]:
    """Answer the retained events of ``stored``, oldest first.

    Raises:
        ProfileCorrupt: a part of it does not decode.
    """
    told = tell(stored, EMPTY_PLAN)
    return join(told.past, told.tail, told.profile)


def compact(
    stored: StoredProfile,
    plan: MetricPlan,
    retention: Retention,
    *,
    now_ms: int,
    generation: bytes,
    profile: Profile | None = None,
) -> Compacted:
    """Fold the tail of ``stored`` into its snapshot.

    Args:
        stored: what was read.
        plan: what to remember.
        retention: how much of the past is kept.
        now_ms: the instant of the compaction.
        generation: of the new value.
        profile: what `read_profile` made of ``stored`` by this plan, where that is known.

    Raises:
        ProfileCorrupt: a part of it does not decode.
    """
    told = tell(stored, plan)
    history = join(told.past, told.tail, told.profile)
    value = codec.encode_value(
        profile or bring_up(told.profile, told.tail, plan, lambda: told.past),
        move_on(told.past, history, plan, retention, now_ms),
        generation,
        refreshed_ms=now_ms,
        kept_since_ms=told.kept_since_ms,
    )
    return Compacted(value, retention.ttl_ms(told.kept_since_ms, now_ms))
