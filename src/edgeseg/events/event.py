"""The event: one thing a visitor did, at one instant."""

from base64 import urlsafe_b64encode
from hashlib import blake2b
from operator import attrgetter
from typing import Final, TypeAlias

import msgspec

Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | list[Scalar]
"""What a property, an attribute or a context value may be; null counts as absent."""

PAGE_VIEWED: Final = "page_viewed"

# Changes of the profile itself are events too, so that one append-only log tells
# all. Their names start with "$", which no client may use.
CONSENT_CHANGED: Final = "$consent"
"""Properties: purpose → True (granted) or False (revoked), and `CONSENT_SOURCE`."""
CONSENT_SOURCE: Final = "$source"
"""Who noted a consent; no purpose begins with "$"."""
IMPORTED: Final = "import"
"""As `CONSENT_SOURCE`: somebody says that visitors consented; it outweighs no denial."""
ATTRIBUTES_SET: Final = "$attributes"
"""Properties: attribute → value; an empty list removes the attribute."""
TAGS_ADDED: Final = "$tags_added"
TAGS_REMOVED: Final = "$tags_removed"
"""Properties: ``tags`` → list of tag names."""
PINS_CHANGED: Final = "$pins"
"""Properties: segment → True (in), False (out) or an empty list (as its rule says)."""
LISTS_ADDED: Final = "$lists_added"
LISTS_REMOVED: Final = "$lists_removed"
"""Properties: ``lists`` → list of list names."""
INDEXED: Final = "$indexed"
"""Properties: ``entries`` → entries of the store's index that name the visitor."""
INDEX_DROPPED: Final = "$index_dropped"
"""Properties: ``entries`` → entries of the index that name the visitor no longer."""
ALIASES_DROPPED: Final = "$aliases_dropped"
"""Properties: ``aliases`` → former ids that lead to the profile no longer."""
MERGED: Final = "$merged"
"""The profile of another visitor joins this one, see `profiles.merge`."""


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One thing that happened.

    Encoded as an array, since it is one line of a stored profile.

    Attributes:
        name: snake_case, at most 100 characters; "$..." are edgeseg's own.
        at_ms: when it happened, epoch milliseconds UTC, never after its receipt.
        properties: what is known about it; strings at most 1,000 characters.
        message_id: by which repeats are dropped, see `shorten_id`; "" for none.
    """

    name: str
    at_ms: int
    properties: dict[str, Value] = {}
    message_id: str = ""


BY_TIME: Final = attrgetter("at_ms")
"""Key by which events are sorted."""


def is_number(value: object) -> bool:
    """Tell whether ``value`` is a number; booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


_ID_BYTES: Final = 6


def shorten_id(message_id: str) -> str:
    """Answer a digest of a client's message id, "" for none.

    48 bits tell the repeats of one visitor apart; what clients send is several times as
    long, and would be the largest part of many a stored profile.
    """
    if not message_id:
        return ""
    digest = blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES).digest()
    return urlsafe_b64encode(digest).decode()
