"""A stored profile that is made to follow other rules, while nothing is recorded. Pure."""

from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.merge import MARK, Told, absorb
from edgeseg.profiles.past import bring_up, join, move_on
from edgeseg.profiles.profile import Profile
from edgeseg.profiles.retention import Retention


def catch_up(
    stored: StoredProfile,
    plan: MetricPlan,
    retention: Retention,
    *,
    now_ms: int,
    generation: bytes,
) -> tuple[Profile, bytes | None]:
    """Answer the profile, and the value that follows ``plan``; None where ``stored`` does already.

    It does not if its tail is so long that a page view would fold it, too.
    The new value is to live as long as the old one would have.

    Args:
        stored: what was read, with a header.
        plan: what to remember.
        retention: how much of the past is kept.
        now_ms: the present instant.
        generation: of the new value.

    Raises:
        ProfileCorrupt: a part of it does not decode.
    """
    snapshot = codec.decode_snapshot(stored)
    tail = codec.decode_lines(stored.tail)
    follows = not stored.snapshot or snapshot.profile.plan_id == plan.id
    is_long = stored.tail_count >= retention.tail_lines  # as after an import
    if follows and stored.is_latest and not is_long and MARK not in stored.tail:
        return bring_up(snapshot.profile, tail, plan, snapshot.past), None
    retained = snapshot.past()
    told = absorb(Told(snapshot.profile, retained, [], snapshot.kept_since_ms), tail, plan)
    profile = bring_up(told.profile, told.tail, plan, lambda: told.past)
    history = join(told.past, told.tail, told.profile)
    past = move_on(told.past, history, plan, retention, now_ms)
    value = codec.encode_value(
        profile,
        snapshot.past if past is retained else past,
        generation,
        refreshed_ms=snapshot.refreshed_ms,
        kept_since_ms=told.kept_since_ms,
    )
    return profile, value
