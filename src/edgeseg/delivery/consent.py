"""What may be stored of this request: decided before anything is written, failing closed."""

from collections.abc import Mapping
from typing import Final

import msgspec

from edgeseg.errors import InputError, TooLargeError
from edgeseg.events.event import CONSENT_CHANGED, CONSENT_SOURCE, Event
from edgeseg.profiles.changes import MAX_PURPOSES

MAX_PURPOSE: Final = 100
MAX_BYTES: Final = 1_024
"""Of all names as JSON, since they travel in the visitor's cookie."""


class Consent(msgspec.Struct, frozen=True):
    """The consents in force for one request.

    Attributes:
        purposes: purpose → granted.
        may_store: whether a profile may be kept.
        revoked: whether what is stored of the visitor, if anything is, has to go.
        kept: what the cookie is to remember: ``purposes``, but under a denying header what it
            did, with what the request itself denies.
    """

    purposes: dict[str, bool]
    may_store: bool
    revoked: bool
    kept: Mapping[str, bool]


def resolve_consent(
    remembered: Mapping[str, bool],
    requested: Mapping[str, bool],
    *,
    storage_purpose: str,
    opted_out: bool,
) -> Consent:
    """Answer the consents.

    Args:
        remembered: from the visitor's signed cookie.
        requested: from the request; it wins over what is remembered.
        storage_purpose: the purpose that allows storing, "" for any.
        opted_out: a denying header; under it nothing is granted, and what was stored is kept
            unless the request itself takes consent back.
    """
    purposes = {**remembered, **requested}
    allowed = may_store(purposes, storage_purpose)
    # Should erasing fail, the cookie keeps the denial, and the next request tries again.
    revoked = bool(purposes) and not allowed
    if not opted_out:
        return Consent(purposes, allowed, revoked, purposes)
    # Beside the header a grant says nothing, but a denial does.
    denied = {purpose: False for purpose, granted in requested.items() if not granted}
    kept = {**remembered, **denied}
    return Consent(dict.fromkeys(purposes, False), may_store=False, revoked=revoked, kept=kept)


def check_purposes(consent: Mapping[str, bool]) -> None:
    """Check the size of consents.

    Raises:
        TooLargeError: there are too many, a name is too long, or all of them are.
        InputError: a name is one of ours.
    """
    if any(purpose.startswith("$") for purpose in consent):
        message = "the name of a purpose does not begin with `$`"
        raise InputError(message, field="consent")
    if len(consent) > MAX_PURPOSES or any(len(purpose) > MAX_PURPOSE for purpose in consent):
        message = f"at most {MAX_PURPOSES} purposes of at most {MAX_PURPOSE} characters"
        raise TooLargeError(message, field="consent")
    # Of names alone: to take back what was granted must never be too large.
    if len(msgspec.json.encode(list(consent))) > MAX_BYTES:
        message = f"at most {MAX_BYTES:,} bytes of names, those remembered included"
        raise TooLargeError(message, field="consent")


def may_store(purposes: Mapping[str, bool], storage_purpose: str) -> bool:
    """Tell whether these consents allow storing a profile ("" as purpose: any granted one)."""
    if storage_purpose:
        return purposes.get(storage_purpose, False)
    return any(purposes.values())


def consent_event(purposes: Mapping[str, bool], now_ms: int, source: str) -> Event:
    """Answer the change that a profile remembers: who noted which consents, and when."""
    return Event(CONSENT_CHANGED, now_ms, {**purposes, CONSENT_SOURCE: source})
