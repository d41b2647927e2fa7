"""What may be stored of this request: decided before anything is written, failing closed."""

from collections.abc import Mapping
from typing import NamedTuple


class Consent(NamedTuple):
    """The consents in force for one request.

    Attributes:
        purposes: purpose → granted.
        may_store: whether a profile may be kept.
        revoked: whether this very request takes the permission to store back.
    """

    purposes: dict[str, bool]
    may_store: bool
    revoked: bool


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
        opted_out: a denying header; it wins over everything.
    """
    purposes = {**remembered, **requested}
    if opted_out:
        return Consent(dict.fromkeys(purposes, False), may_store=False, revoked=False)
    may_store = _allows(purposes, storage_purpose)
    revoked = bool(requested) and not may_store and _allows(remembered, storage_purpose)
    return Consent(purposes, may_store, revoked)


def _allows(purposes: Mapping[str, bool], storage_purpose: str) -> bool:
    if storage_purpose:
        return purposes.get(storage_purpose, False)
    return any(purposes.values())
