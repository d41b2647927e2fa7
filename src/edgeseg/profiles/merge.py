"""Merge the profiles of two visitors who turn out to be one person. Pure.

The other's stored value travels as one reserved event, ``$merged``, in the tail of the
profile that stays; whoever reads the tail joins the two by the rules below. Retained events
of both are told again in the order of time; what is older is added up (see `combine`).

===================  =================================================================
attributes           of each field, what was set or removed last
consents             of each purpose, the latest; a denial wins a tie
tags, lists          those of both
pins                 those of both; out beats in
bucket id            that of the profile whose first event is older
message ids          those of both, so that repeats of either are known
index entries        those of both; of too many, those of the other go first
behaviour            as if one profile had seen the events of both
===================  =================================================================
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from edgeseg.errors import ProfileCorrupt
from edgeseg.events.event import BY_TIME, MERGED, Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.changes import add_consents, join_attributes
from edgeseg.profiles.combine import combine
from edgeseg.profiles.fold import refold
from edgeseg.profiles.past import Past, bring_up, join
from edgeseg.profiles.profile import MAX_RECENT_IDS, Profile
from edgeseg.profiles.rule_change import follow

MARK: Final = b'"%b"' % MERGED.encode()
"""What a tail with a merge in it contains; so may a property, which costs time only."""


class Told(NamedTuple):
    """A profile with the past that it can be told again from, and what is not folded yet.

    Attributes:
        profile: before ``tail``.
        past: the retained one, before ``tail``.
        tail: the events since, without merges.
        kept_since_ms: when the older one was first stored.
    """

    profile: Profile
    past: Past
    tail: list[Event]
    kept_since_ms: int


def merged_event(
    source_id: str, target_id: str, generation: str, value: bytes, at_ms: int
) -> Event:
    """Answer the event that carries the stored ``value`` of a visitor to another profile.

    Args:
        source_id: whose value it is.
        target_id: whose profile stays.
        generation: makes this merge of ``source_id`` different from any other.
        value: a stored profile, see `codec`.
        at_ms: when they were merged.
    """
    packed = b64encode(zlib.compress(value)).decode()
    carried = {"from": source_id, "into": target_id, "generation": generation, "past": packed}
    return Event(MERGED, at_ms, {**carried})


def tell(stored: codec.StoredProfile, plan: MetricPlan) -> Told:
    """Answer what ``stored`` says, with all merges in its tail carried out.

    A merge that the profile knows of already changes nothing.

    Raises:
        ProfileCorrupt: a part of it does not decode.
    """
    snapshot = codec.decode_snapshot(stored)
    tail = codec.decode_lines(stored.tail)
    told = Told(snapshot.profile, snapshot.past(), [], snapshot.kept_since_ms)
    return absorb(told, tail, plan)


def absorb(told: Told, tail: Sequence[Event], plan: MetricPlan) -> Told:
    """Answer ``told`` with ``tail`` behind it, folded in where a merge is part of it.

    Raises:
        ProfileCorrupt: what one carries does not decode.
    """
    for event in tail:
        if event.name == MERGED:
            told = _absorb_one(_fold_tail(told, plan), event, plan)
        else:
            told.tail.append(event)
    return told


def _fold_tail(told: Told, plan: MetricPlan) -> Told:
    profile = bring_up(told.profile, told.tail, plan, lambda: told.past)
    past = Past(told.past.before, join(told.past, told.tail, told.profile))
    return Told(profile, past, [], told.kept_since_ms)


def _absorb_one(told: Told, event: Event, plan: MetricPlan) -> Told:
    """Answer ``told``, whose tail is folded in, with one merge carried out."""
    given = event.properties
    source_id, target_id = str(given.get("from", "")), str(given.get("into", ""))
    generation = str(given.get("generation", ""))
    if told.profile.aliases.get(source_id) == generation:
        return told
    other = _fold_tail(tell(_unpack(str(given.get("past", ""))), plan), plan)
    past = _join_pasts(told.past, other.past, plan)
    mine, theirs = told.profile, other.profile
    behaviour = refold(past.before, past.events, plan)
    aliases = {**mine.aliases, **theirs.aliases, source_id: generation}
    aliases.pop(target_id, None)
    bucket_id = mine.bucket_id
    if theirs.created_ms and (not mine.created_ms or theirs.created_ms < mine.created_ms):
        bucket_id = theirs.bucket_id or source_id
    joined = msgspec.structs.replace(
        _join_states(behaviour, mine, theirs, past), aliases=aliases, bucket_id=bucket_id
    )
    return Told(joined, past, [], min(told.kept_since_ms, other.kept_since_ms))


def _unpack(text: str) -> codec.StoredProfile:
    try:
        return codec.parse_value(zlib.decompress(b64decode(text)))
    except (ValueError, zlib.error) as error:
        raise ProfileCorrupt(f"a merge carries no profile: {error}") from error


def _join_pasts(one: Past, other: Past, plan: MetricPlan) -> Past:
    known = {event.message_id for event in one.events if event.message_id}
    fresh = (event for event in other.events if event.message_id not in known)
    before = combine(follow(one.before, plan), follow(other.before, plan), plan)
    return Past(before, tuple(sorted((*one.events, *fresh), key=BY_TIME)))


def _join_states(behaviour: Profile, one: Profile, other: Profile, past: Past) -> Profile:
    """Answer ``behaviour`` with what else was known of both."""
    created = [profile.created_ms for profile in (one, other) if profile.created_ms]
    attributes = join_attributes(one.dated_attributes, other.dated_attributes)
    told = ((purpose, change) for purpose, all_ in other.consents.items() for change in all_)
    pins = one.pins | other.pins
    return msgspec.structs.replace(
        behaviour,
        created_ms=min(created, default=0),
        attributes=attributes.values,
        set_ms=attributes.set_ms,
        removed_ms=attributes.removed_ms,
        tags=_union(one.tags, other.tags),
        lists=_union(one.lists, other.lists),
        pins={id_: one.pins.get(id_, True) and other.pins.get(id_, True) for id_ in pins},
        consents=add_consents(one.consents, told),
        recent_ids=_join_ids(one, other, past),
        index_entries=_union(other.index_entries, one.index_entries),  # the first go first
    )


def _join_ids(one: Profile, other: Profile, past: Past) -> tuple[str, ...]:
    """Answer the message ids of both; those of retained events are the latest."""
    retained = dict.fromkeys(event.message_id for event in past.events if event.message_id)
    older = (id_ for id_ in chain(other.recent_ids, one.recent_ids) if id_ not in retained)
    return tuple(dict.fromkeys((*older, *retained)))[-MAX_RECENT_IDS:]


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
