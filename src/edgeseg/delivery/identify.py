"""Tie visitors to the people they are: by a login, an SDK's call, or a submitted form.

Who can vouch for it (a server with its key, or a page with a signed identity token) joins
the visitor with the known person's profile. Who cannot, may say a name, but stays apart:
otherwise typing somebody's address would be enough to see their profile, or to spoil it.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from edgeseg.delivery.edge import Edge
from edgeseg.events.event import ATTRIBUTES_SET, Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.identity import MAX_NAME, is_known, staying_first

_TELLING: Final = frozenset({"form_submitted", ATTRIBUTES_SET})


class Identified(NamedTuple):
    """What came of it.

    Attributes:
        visitor_id: where the profile is now; a browser's cookie is to get it.
        joined: whether it is the known person's.
    """

    visitor_id: str
    joined: bool


async def identify(
    edge: Edge,
    visitor_id: str,
    user_id: str,
    *,
    plan: MetricPlan,
    proven: bool,
    now_ms: int,
    email: str = "",
) -> Identified:
    """Say that a visitor is a person; if that is proven, both become one profile.

    A visitor who is known as somebody else already is left alone: who forgot to log out is
    not the same person. The caller has made sure that something may be stored of the visitor.
    Idempotent.

    Args:
        edge: the service's parts.
        visitor_id: id of the cookie or of an anonymous client, "" for none.
        user_id: the person's id on the site.
        plan: of the rules by which the request is answered.
        proven: whether a server key or an identity token vouches for it.
        now_ms: the instant of the request.
        email: the person's address, by which the visitor can then be found; "" for none.

    Raises:
        InputError: an id or address is empty or over 256 characters.
        StoreError: the store did not do it; it may be tried again.
    """
    known_id = edge.identities.known(user_id)
    if not proven:
        if visitor_id and email:
            await index_email(edge, visitor_id, email, now_ms, plan=plan)
        return Identified(visitor_id, joined=False)
    present_id = await edge.store.find(visitor_id) if visitor_id else known_id
    if is_known(present_id) and present_id != await edge.store.find(known_id):
        present_id = known_id  # somebody else has logged in here: two people are not one
    stays = await join(edge, present_id, known_id, now_ms, plan=plan, apart=True)
    if email:
        await index_email(edge, stays, email, now_ms, plan=plan)
    return Identified(stays, joined=True)


async def staying(edge: Edge, *visitor_ids: str) -> str:
    """Answer the id that these lead to, or will once they are merged.

    Raises:
        StoreError: the store did not answer.
    """
    return min([await edge.store.find(each) for each in visitor_ids], key=staying_first)


async def join(
    edge: Edge,
    one_id: str,
    other_id: str,
    now_ms: int,
    *,
    plan: MetricPlan,
    apart: bool = False,
) -> str:
    """Merge two visitors; answer the id that stays. The arguments are those of the store."""
    if one_id == other_id:
        return await edge.store.find(one_id)
    return await edge.store.merge(one_id, other_id, plan=plan, now_ms=now_ms, apart=apart)


async def index_email(
    edge: Edge, visitor_id: str, email: str, now_ms: int, *, plan: MetricPlan
) -> None:
    """Let a visitor be found by an e-mail address, of which only a keyed hash is stored.

    Raises:
        StoreError: the store did not do it; it may be tried again.
    """
    entry = edge.identities.email_entry(email)
    known = await edge.store.read(visitor_id, plan=plan)
    if known is not None and entry not in known.index_entries:
        await edge.store.index(entry, visitor_id, plan=plan, now_ms=now_ms)


def emails_of(events: Iterable[Event], name: str) -> list[str]:
    """Answer the addresses that forms and changed attributes among ``events`` gave as ``name``."""
    return emails_among(event.properties.get(name) for event in events if event.name in _TELLING)


def emails_among(given: Iterable[object]) -> list[str]:
    """Answer what of ``given`` may be an e-mail address."""
    return [text for text in given if isinstance(text, str) and "@" in text[:MAX_NAME]]
