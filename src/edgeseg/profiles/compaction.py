"""What a stored profile says, and its shorter form. Pure; the stores carry it out."""

from collections.abc import Callable

import msgspec

from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN, MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.merge import MARK, Told, tell
from edgeseg.profiles.past import bring_up, join, move_on
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.retention import Retention


class Compacted(msgspec.Struct, frozen=True, gc=False):
    """The value to put in the place of another, and its time to live."""

    value: bytes
    ttl_ms: int


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What a stored value says.

    Attributes:
        profile: by the rules in force, the tail folded in.
        refreshed_ms: when the expiry was last set; 0 for one that was folded by other rules,
            or merged, so that it is compacted soon and the next request need not catch up again.
        told: answers what the profile was told from; raises `ProfileCorrupt` where the
            retained past does not decode.
    """

    profile: Profile
    refreshed_ms: int
    told: Callable[[], Told]


def read_profile(stored: StoredProfile, plan: MetricPlan, folded: Profile | None = None) -> Reading:
    """Fold snapshot and tail of ``stored`` by ``plan``.

    Args:
        stored: the value.
        plan: what to remember.
        folded: what comes out, where it is known.

    Raises:
        ProfileCorrupt: one of them does not decode.
    """
    if MARK in stored.tail:
        told = tell(stored, plan)
        return Reading(bring_up(told.profile, told.tail, plan, lambda: told.past), 0, lambda: told)
    snapshot = codec.decode_snapshot(stored)
    tail = codec.decode_lines(stored.tail)
    before, past, kept_since_ms = snapshot.profile, snapshot.past, snapshot.kept_since_ms
    profile = folded or bring_up(before, tail, plan, past)
    is_followed = before.plan_id in {plan.id, EMPTY_PROFILE.plan_id}
    return Reading(
        profile,
        snapshot.refreshed_ms if is_followed else 0,
        lambda: Told(before, past(), tail, kept_since_ms),
    )


def read_history(stored: StoredProfile) -> tuple[Event, ...]:
    """Answer the retained events of ``stored``, oldest first.

    Raises:
        ProfileCorrupt: a part of it does not decode.
    """
    told = tell(stored, EMPTY_PLAN)
    return join(told.past, told.tail, told.profile)


def compact(
    reading: Reading, plan: MetricPlan, retention: Retention, *, now_ms: int, generation: bytes
) -> Compacted:
    """Make the value that says the same without a tail.

    Args:
        reading: by ``plan``.
        plan: what to remember.
        retention: how much of the past is kept.
        now_ms: the instant of the compaction.
        generation: of the new value.

    Raises:
        ProfileCorrupt: the retained past does not decode.
    """
    told = reading.told()
    history = join(told.past, told.tail, told.profile)
    value = codec.encode_value(
        reading.profile,
        move_on(told.past, history, plan, retention, now_ms),
        generation,
        refreshed_ms=now_ms,
        kept_since_ms=told.kept_since_ms,
    )
    return Compacted(value, retention.ttl_ms(told.kept_since_ms, now_ms))
