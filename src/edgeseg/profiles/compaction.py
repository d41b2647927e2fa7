"""What a stored profile says, and its shorter form. Pure; the stores carry it out."""

import msgspec

from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.codec import Snapshot, StoredProfile
from edgeseg.profiles.fold import catch_up, fold
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.retention import Retention, join_history


class Compacted(msgspec.Struct, frozen=True, gc=False):
    """The value to put in the place of another, and its time to live."""

    value: bytes
    ttl_ms: int


def read_profile(stored: StoredProfile, plan: MetricPlan) -> tuple[Profile, int]:
    """Fold snapshot and tail of ``stored`` by ``plan``; answer when it was refreshed, too.

    Raises:
        ProfileCorrupt: one of them does not decode.
    """
    snapshot = codec.decode_snapshot(stored)
    profile = fold(_follow(snapshot, plan), codec.decode_lines(stored.tail), plan)
    return profile, snapshot.refreshed_ms


def read_history(stored: StoredProfile) -> tuple[Event, ...]:
    """Answer the retained events of ``stored``, oldest first.

    Raises:
        ProfileCorrupt: a part of it does not decode.
    """
    snapshot = codec.decode_snapshot(stored)
    tail = codec.decode_lines(stored.tail)
    return join_history(codec.decode_journal(snapshot), tail, snapshot.profile)


def compact(
    stored: StoredProfile,
    plan: MetricPlan,
    retention: Retention,
    *,
    now_ms: int,
    generation: bytes,
) -> Compacted:
    """Fold the tail of ``stored`` into its snapshot.

    Raises:
        ProfileCorrupt: a part of it does not decode.
    """
    before = codec.decode_snapshot(stored)
    tail = codec.decode_lines(stored.tail)
    history = join_history(codec.decode_journal(before), tail, before.profile)
    after = Snapshot(
        profile=fold(_follow(before, plan), tail, plan),
        journal=codec.encode_journal(retention.trim(history, now_ms)),
        refreshed_ms=now_ms,
        kept_since_ms=before.kept_since_ms,
    )
    return Compacted(
        codec.encode_value(after, generation), retention.ttl_ms(before.kept_since_ms, now_ms)
    )


def _follow(snapshot: Snapshot, plan: MetricPlan) -> Profile:
    profile = snapshot.profile
    if profile is EMPTY_PROFILE or profile.plan_id == plan.id:
        return profile  # nothing was folded yet, or by this very plan
    return catch_up(snapshot.profile, codec.decode_journal(snapshot), plan)
