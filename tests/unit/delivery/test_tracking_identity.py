"""Whose a message of the tracking protocol is, and who is the same, as a table."""

from types import SimpleNamespace
from typing import Any

import jwt
import msgspec
import pytest

from edgeseg.delivery.identity_token import TokenReader
from edgeseg.delivery.tracking_caller import TrackingCaller
from edgeseg.delivery.tracking_identity import Whose, whose
from edgeseg.delivery.visitor_id import Visitor
from edgeseg.errors import InputError
from edgeseg.events.tracking_message import Message
from edgeseg.profiles.identity import Identities

NOW_MS = 1_800_000_000_000
KEY = "identity-key-of-the-tests-long-enough-for-hs256"
IDS = Identities("id-key-of-the-tests")
EDGE: Any = SimpleNamespace(identities=IDS, tokens=TokenReader([KEY]))
ANN, DEVICE, FORMER = IDS.known("ann"), IDS.anonymous("d"), IDS.anonymous("p")
SERVER = TrackingCaller(server=True, cookie=None, opted_out=False)
PAGE = TrackingCaller(server=False, cookie=None, opted_out=False)
TOKEN = jwt.encode({"sub": "ann", "exp": NOW_MS // 1_000 + 60}, KEY, "HS256")
PROVEN = {"context": {"identityToken": TOKEN}}
BOTH = {"userId": "ann", "anonymousId": "d"}
ALIAS = {"userId": "ann", "previousId": "p"}


def _page_of(visitor_id: str) -> TrackingCaller:
    return PAGE._replace(cookie=Visitor(visitor_id, {}, NOW_MS // 1_000))


def _ask(caller: TrackingCaller, kind: str, told: dict[str, Any]) -> Whose:
    return whose(msgspec.convert(told, Message), kind, caller, EDGE, NOW_MS)


@pytest.mark.parametrize(
    ("caller", "kind", "told", "visitor_id", "same"),
    [
        (PAGE, "track", {"anonymousId": "d"}, DEVICE, ()),
        (PAGE, "track", {"anonymousId": 7}, IDS.anonymous("7"), ()),
        (PAGE, "track", {"userId": "ann"}, IDS.claimed("ann"), ()),
        (PAGE, "identify", BOTH, DEVICE, ()),
        (_page_of("v"), "identify", BOTH, "v", ()),
        (SERVER, "track", {"anonymousId": "d"}, DEVICE, ()),
        (SERVER, "track", BOTH, ANN, ()),
        (SERVER, "identify", BOTH, ANN, (DEVICE,)),
        (SERVER, "identify", {"userId": "ann"}, ANN, ()),
        (PAGE, "identify", {"anonymousId": "d", **PROVEN}, ANN, (DEVICE,)),
        (_page_of("v"), "identify", BOTH | PROVEN, ANN, ("v",)),
        # Ben has not logged out of this browser: two people are not one.
        (_page_of(IDS.known("ben")), "identify", PROVEN, ANN, ()),
        (SERVER, "alias", ALIAS, ANN, (FORMER, IDS.known("p"))),
        (SERVER, "alias", ALIAS | BOTH, ANN, (DEVICE, FORMER, IDS.known("p"))),
        # A token proves who somebody is, not who they were.
        (PAGE, "alias", ALIAS | PROVEN, ANN, (FORMER,)),
        (PAGE, "alias", {"userId": "ann", "previousId": "ann"}, IDS.claimed("ann"), ()),
        (SERVER, "track", {"userId": "ben", **PROVEN}, IDS.known("ben"), ()),
    ],
)
def test_ids_are_believed_as_far_as_they_are_proven(
    caller: TrackingCaller, kind: str, told: dict[str, Any], visitor_id: str, same: tuple[str, ...]
) -> None:
    """Else naming somebody would open their profile, or mix it with another."""
    assert _ask(caller, kind, told) == Whose(visitor_id, same)


@pytest.mark.parametrize(
    ("kind", "told", "field"),
    [
        ("track", {}, "anonymousId"),
        ("track", {"userId": "a" * 257}, "userId"),
        ("alias", {"userId": "ann"}, "previousId"),
        ("alias", ALIAS, "previousId"),
        ("alias", {"userId": "ann", "previousId": "p" * 257}, "previousId"),
        ("identify", {"userId": "ben", **PROVEN}, "context.identityToken"),
        ("identify", {"context": {"identityToken": f"{TOKEN}x"}}, "context.identityToken"),
    ],
)
def test_what_a_page_must_not_say_is_refused_by_its_name(
    kind: str, told: dict[str, Any], field: str
) -> None:
    """So that whoever integrates an SDK finds the member."""
    with pytest.raises(InputError) as caught:
        _ask(PAGE, kind, told)
    assert caught.value.field == field
