"""The bytes of a snapshot: what was folded so far, and the past it can be told again from. Pure.

A snapshot is MessagePack of four members: the profile and the past, both packed (see
`packing`), and two instants. The past, which tells much of the same, is packed with the
profile's bytes for words. Which format these are in is told by the header of the value.
"""

import zlib
from collections.abc import Callable
from typing import Final

import msgspec

from edgeseg.errors import ProfileCorrupt
from edgeseg.events.event import Event
from edgeseg.profiles.packing import pack, pack_both, unpack
from edgeseg.profiles.past import EMPTY_PAST, Past
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile

UNREADABLE: Final = (ValueError, RecursionError, zlib.error)  # msgspec's are ValueErrors
_CONSENTS_AT: Final = 3
"""Position of the consents in a profile of format 1, purpose → granted."""


class Retained:
    """The past as it is stored: unpacked and decoded when it is asked for, and once."""

    __slots__ = ("_packed", "_past", "_plain", "_words")

    def __init__(self, packed: bytes = b"", words: bytes = b"") -> None:
        """Hold what was packed with ``words``, b"" for nothing."""
        self._packed = packed
        self._words = words
        self._plain: bytes | None = None
        self._past: Past | None = None

    def __call__(self) -> Past:
        """Answer the past.

        Raises:
            ProfileCorrupt: it does not decode.
        """
        if self._past is None:
            try:
                self._past = _past_decoder.decode(self.plain) if self._packed else EMPTY_PAST
            except UNREADABLE as error:
                raise ProfileCorrupt(f"the retained past does not decode: {error}") from error
        return self._past

    @property
    def plain(self) -> bytes:
        """The same as MessagePack, b"" for nothing."""
        if self._plain is None:
            self._plain = unpack(self._packed, self._words) if self._packed else b""
        return self._plain


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """What was folded so far.

    Attributes:
        profile: the fold of all events before the tail.
        past: answers the retained ones of those events, and the profile before them. It is
            asked only for a late event, a change of the rules or a compaction.
        refreshed_ms: when the expiry was last set.
        kept_since_ms: when the profile was first stored (an imported event can be older).
    """

    profile: Profile
    past: Retained
    refreshed_ms: int
    kept_since_ms: int


class _Packed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A snapshot as it is stored."""

    profile: bytes
    past: bytes
    refreshed_ms: int
    kept_since_ms: int


_encoder = msgspec.msgpack.Encoder()
_packed_decoder = msgspec.msgpack.Decoder(_Packed)
_profile_decoder = msgspec.msgpack.Decoder(Profile)
_past_decoder = msgspec.msgpack.Decoder(Past)
_journal_decoder = msgspec.msgpack.Decoder(tuple[Event, ...])


def empty_snapshot(created_ms: int) -> Snapshot:
    """Answer what stands for a profile of which nothing was folded yet."""
    return Snapshot(EMPTY_PROFILE, Retained(), created_ms, created_ms)


def encode_snapshot(
    profile: Profile, past: Past | Retained, refreshed_ms: int, kept_since_ms: int
) -> bytes:
    """Answer the bytes of a snapshot, in the present format."""
    plain = _encoder.encode(profile)
    if isinstance(past, Retained):
        told = past.plain  # as it was: not worth encoding again
    else:
        told = _encoder.encode(past) if past != EMPTY_PAST else b""
    packed = pack_both(plain, told) if told else (pack(plain), b"")
    return _encoder.encode(_Packed(*packed, refreshed_ms, kept_since_ms))


def decode_snapshot(encoded: bytes) -> Snapshot:
    """Answer the snapshot that bytes in the present format say.

    Raises:
        ProfileCorrupt: they are none.
    """
    try:
        packed = _packed_decoder.decode(encoded)
        plain = unpack(packed.profile)
        return Snapshot(
            _profile_decoder.decode(plain),
            Retained(packed.past, plain),
            packed.refreshed_ms,
            packed.kept_since_ms,
        )
    except UNREADABLE as error:
        raise ProfileCorrupt(f"the snapshot does not decode: {error}") from error


def upgrade_snapshot(encoded: bytes, older: int) -> bytes:
    """Answer a snapshot of format ``older`` in the next one; b"", nothing folded yet, as it is.

    Raises:
        ProfileCorrupt: it is none, or of a format that nobody knows any more.
    """
    if older not in UPGRADES:
        raise ProfileCorrupt(f"there is no upgrade from format {older}")
    try:
        return UPGRADES[older](encoded) if encoded else encoded
    except (*UNREADABLE, TypeError, LookupError, AttributeError) as error:
        raise ProfileCorrupt(f"a snapshot of format {older} does not decode: {error}") from error


def _upgrade_1(snapshot: bytes) -> bytes:
    """Answer a snapshot of format 2, which keeps the profile before its journal, too.

    Format 1 kept the journal alone. Where that holds every event there was, the profile
    before is empty; elsewhere it cannot be told any more: what was folded then stands
    for it, and nothing before the upgrade is retained. Nor did it keep when a consent
    was given: any later change wins.
    """
    plain, journal, *rest = msgspec.msgpack.decode(snapshot, strict=False)
    plain[_CONSENTS_AT] = {
        purpose: ((granted, 0, ""),) for purpose, granted in plain[_CONSENTS_AT].items()
    }
    profile = msgspec.convert(plain, Profile)
    events = _journal_decoder.decode(zlib.decompress(journal)) if journal else ()
    counted = sum(total.count for total in profile.totals.values())
    past = Past(events=events) if counted == len(events) else Past(before=profile)
    return encode_snapshot(profile, past, *rest)


UPGRADES: Final[dict[int, Callable[[bytes], bytes]]] = {1: _upgrade_1}
"""Format version → function from a snapshot of it to one of the next version."""
