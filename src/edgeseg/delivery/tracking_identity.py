"""Whose profile a message of the tracking protocol belongs to, and who turns out to be the same.

Ids in messages are words. A server key vouches for them, or an identity token that the
site's login has signed; then ``identify`` and ``alias`` join what was stored before. To
anybody else a ``userId`` is a claim: it opens no profile but one of its own.
"""

from typing import NamedTuple

from edgeseg.delivery.edge import Edge
from edgeseg.delivery.tracking_caller import TrackingCaller
from edgeseg.errors import AccessError, InputError
from edgeseg.events.tracking_message import Message
from edgeseg.profiles.identity import is_known


class Whose(NamedTuple):
    """Whom a message is about.

    Attributes:
        visitor_id: whose profile it belongs to.
        same: ids whose profiles belong to the same person, as the message proves.
    """

    visitor_id: str
    same: tuple[str, ...] = ()


class _Named(NamedTuple):
    """The person that a message names; ``own_id`` is that of the client itself, "" for none."""

    user_id: str
    is_proven: bool
    own_id: str


def whose(message: Message, kind: str, caller: TrackingCaller, edge: Edge, now_ms: int) -> Whose:
    """Answer whom a message is about.

    Raises:
        InputError: it names nobody, joins what it must not, or shows a token that is not good.
    """
    named = _named(message, caller, edge, now_ms)
    previous_id = _previous_id(message, named) if kind == "alias" else ""
    identities = edge.identities
    if not (named.is_proven and named.user_id):
        return Whose(named.own_id or identities.claimed(named.user_id))
    same = []
    if kind in {"identify", "alias"} and named.own_id and not is_known(named.own_id):
        same.append(named.own_id)
    if previous_id:
        same.append(identities.anonymous(previous_id))
        if caller.server:  # a token proves who somebody is, not who they were
            same.append(identities.known(previous_id))
    return Whose(identities.known(named.user_id), tuple(same))


def _named(message: Message, caller: TrackingCaller, edge: Edge, now_ms: int) -> _Named:
    user_id, anonymous_id = message.id_of("user_id"), message.id_of("anonymous_id")
    token = message.context.identity_token if message.context else None
    is_proven = caller.server
    if token and not caller.server:
        user_id, is_proven = _proven_id(token, user_id, edge, now_ms), True
    if not user_id and not anonymous_id:
        raise InputError("a `userId` or an `anonymousId` is needed", field="anonymousId")
    own_id = edge.identities.anonymous(anonymous_id) if anonymous_id else ""
    if caller.cookie is not None:
        own_id = caller.cookie.id
    return _Named(user_id, is_proven, own_id)


def _proven_id(token: str, user_id: str, edge: Edge, now_ms: int) -> str:
    field = "context.identityToken"
    try:
        person = edge.tokens.read(token, now_ms)
    except AccessError as error:
        raise InputError(str(error), field=field) from error
    if user_id and user_id != person.user_id:
        raise InputError("the token names somebody else than `userId`", field=field)
    return person.user_id


def _previous_id(message: Message, named: _Named) -> str:
    """Answer the id that an alias call joins, "" for none.

    Raises:
        InputError: there is none, or nobody vouches for it.
    """
    previous_id = message.id_of("previous_id")
    if not previous_id:
        raise InputError("an alias call needs a `previousId`", field="previousId")
    if previous_id == message.id_of("user_id"):
        return ""  # what the browser SDK sends for somebody whom it has identified before
    if not named.is_proven:
        text = "only a server key, or an identity token of the person, joins two profiles"
        raise InputError(text, field="previousId")
    return previous_id
