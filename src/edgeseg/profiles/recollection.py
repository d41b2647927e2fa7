"""What is known of a visitor, or the next best when the store fails.

The order is: what the store says; the same without having written, where it takes no
writes; what it said a moment ago; nothing.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import TypeAlias

from edgeseg.errors import StoreError, WriteRefused
from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.store import ProfileStore


class Trust(Enum):
    """How far a recollection goes."""

    FULL = auto()
    """It is what is stored."""
    UNSAVED = auto()
    """The events of this request are part of it and were not stored."""
    STALE = auto()
    """Likewise, and it is a moment old."""
    NONE = auto()
    """There is none: the visitor is unknown."""


Recollection: TypeAlias = tuple[Profile | None, Trust]
"""The profile, None for an unknown visitor, and how far to trust it."""


async def recollect(
    store: ProfileStore,
    visitor_id: str,
    events: Sequence[Event],
    *,
    plan: MetricPlan,
    now_ms: int,
) -> Recollection:
    """Record ``events``, or read where there are none; never raises `StoreError`.

    Raises:
        InputError: an event holds what cannot be stored.
    """
    known: Profile | None
    try:
        if events:
            known = await store.record(visitor_id, events, plan=plan, now_ms=now_ms)
        else:
            known = await store.read(visitor_id, plan=plan)
    except WriteRefused:
        return await _only_read(store, visitor_id, events, plan)
    except StoreError:
        return _recall(store, visitor_id, events, plan)
    # An id without a profile is a visitor of whom nothing is known yet, not an unknown one.
    return known or EMPTY_PROFILE, Trust.FULL


async def _only_read(
    store: ProfileStore, visitor_id: str, events: Sequence[Event], plan: MetricPlan
) -> Recollection:
    try:
        known = await store.read(visitor_id, plan=plan) or EMPTY_PROFILE
    except StoreError:
        return _recall(store, visitor_id, events, plan)
    return fold(known, events, plan), Trust.UNSAVED


def _recall(
    store: ProfileStore, visitor_id: str, events: Sequence[Event], plan: MetricPlan
) -> Recollection:
    known = store.recall(visitor_id, plan=plan)
    if known is None:
        return None, Trust.NONE
    return fold(known, events, plan), Trust.STALE
