r"""The bytes of a stored profile. Pure.

The value of a visitor is one string that grows at its end:

    E2 0123456789abcdef 00000120 \n   header, 27 bytes (without the blanks)
    ...                               snapshot, as long as the header says
    ["page_viewed",1770000000000,{}]  the tail: events since, one a line

``E`` marks a profile, ``X`` the tombstone of an erased visitor, ``M`` a pointer: its
"snapshot" is the id that the visitor was merged into, a line feed, and the value that
is still to be carried there, if any. The digit is the version of this format. The
generation (16 hex digits) differs in every header ever written for a key, so that a
compaction can tell whether the value is still the one it read. The first header of a
profile has the instant of its creation in the first 11 digits, see `fresh_generation`,
and no snapshot.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from edgeseg.errors import InputError, ProfileCorrupt, ProfileTooNew
from edgeseg.events.event import Event
from edgeseg.profiles.packing import pack, unpack
from edgeseg.profiles.past import EMPTY_PAST, Past
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile

VERSION: Final = 2
HEADER_BYTES: Final = 27
MARK_BYTES: Final = 18
"""What precedes the length in a header: mark, version and generation."""
TOMBSTONE_MARK: Final = b"X"
POINTER_MARK: Final = b"M"
PROFILE_MARK: Final = b"E"
NO_PROFILE: Final = (TOMBSTONE_MARK, POINTER_MARK)
_GENERATION_AT: Final = slice(2, 18)
_CREATED_AT: Final = slice(2, 13)
_LENGTH_AT: Final = slice(18, 26)
_MARKS: Final = b"EXM"
_CONSENTS_AT: Final = 3
"""Position of the consents in a profile of format 1, purpose → granted."""
_UNREADABLE: Final = (ValueError, RecursionError, zlib.error)  # msgspec's are ValueErrors


class Snapshot(NamedTuple):
    """What was folded so far.

    Attributes:
        profile: the fold of all events before the tail.
        past: answers the retained ones of those events, and the profile before them. It is
            unpacked only for a late event, a change of the rules or a compaction, and raises
            `ProfileCorrupt` where it does not decode.
        refreshed_ms: when the expiry was last set.
        kept_since_ms: when the profile was first stored (an imported event can be older).
    """

    profile: Profile
    past: Callable[[], Past]
    refreshed_ms: int
    kept_since_ms: int


class _Packed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A snapshot as it is stored: MessagePack, with profile and past packed.

    The past, which tells much of the same, is packed with the profile's bytes for words.
    """

    profile: bytes
    past: bytes
    refreshed_ms: int
    kept_since_ms: int


class StoredProfile(msgspec.Struct, frozen=True, gc=False):
    """A value taken apart, nothing decoded yet.

    ``header`` is b"" where the value has none: its key vanished between the
    two commands that create it and append to it. ``is_profile`` is false for a
    tombstone and a pointer.
    """

    header: bytes
    is_profile: bool
    snapshot: bytes
    tail: bytes

    @property
    def erased(self) -> bool:
        """Tell whether it is the tombstone of an erased visitor."""
        return self.header[:1] == TOMBSTONE_MARK

    @property
    def points_to(self) -> str:
        """The id that the visitor was merged into, "" for a value that is no pointer."""
        if self.header[:1] != POINTER_MARK:
            return ""
        return self.snapshot.partition(b"\n")[0].decode()

    @property
    def carried(self) -> bytes:
        """The value of a pointer that is not part of the other profile yet."""
        return self.snapshot.partition(b"\n")[2]

    @property
    def is_latest(self) -> bool:
        """Tell whether it has the present format, or will have with its first snapshot."""
        return not self.snapshot or self.header[1:2] == b"%d" % VERSION

    @property
    def size(self) -> int:
        """Length of the whole value in bytes, as it is stored: an upgrade changes the snapshot."""
        if not self.header:
            return len(self.tail)
        return HEADER_BYTES + int(self.header[_LENGTH_AT], 16) + len(self.tail)

    @property
    def tail_count(self) -> int:
        """How many events follow the snapshot."""
        return self.tail.count(b"\n")


_encoder = msgspec.msgpack.Encoder()
_packed_decoder = msgspec.msgpack.Decoder(_Packed)
_profile_decoder = msgspec.msgpack.Decoder(Profile)
_past_decoder = msgspec.msgpack.Decoder(Past)
_journal_decoder = msgspec.msgpack.Decoder(tuple[Event, ...])
_line_encoder = msgspec.json.Encoder()
_line_decoder = msgspec.json.Decoder(Event)


def fresh_generation(now_ms: int, random_bits: int) -> bytes:
    """Answer the generation of a profile first stored at ``now_ms``."""
    return b"%011x%05x" % (now_ms & 0xFFF_FFFF_FFFF, random_bits & 0xF_FFFF)


def next_generation(random_bits: int) -> bytes:
    """Answer the generation of a value that replaces another, or of a tombstone."""
    return b"%016x" % (random_bits & 0xFFFF_FFFF_FFFF_FFFF)


def generation_of(header: bytes) -> bytes:
    """Answer the generation that a header names."""
    return header[_GENERATION_AT]


def build_header(generation: bytes, snapshot_bytes: int = 0) -> bytes:
    """Answer the header of a profile whose snapshot has ``snapshot_bytes``."""
    return b"E%d%b%08x\n" % (VERSION, generation, snapshot_bytes)


def build_tombstone(generation: bytes) -> bytes:
    """Answer the whole value that stands for an erased visitor."""
    return b"X%d%b00000000\n" % (VERSION, generation)


def build_pointer(generation: bytes, target_id: str) -> bytes:
    """Answer the whole value of a pointer that carries nothing, or nothing any longer."""
    line = target_id.encode() + b"\n"
    return b"M%d%b%08x\n%b" % (VERSION, generation, len(line), line)


def parse_value(value: bytes) -> StoredProfile:
    """Take a stored value apart.

    Raises:
        ProfileCorrupt: it is not a profile.
        ProfileTooNew: a newer version wrote it.
    """
    if value[:1] == b"[":
        return StoredProfile(b"", is_profile=True, snapshot=b"", tail=value)
    if value[:1] not in _MARKS or not value[1:2].isdigit():
        raise ProfileCorrupt("the stored value does not start with a header")
    version = value[1] - ord("0")
    if version > VERSION:
        raise ProfileTooNew(f"the profile has format {version}, known is up to {VERSION}")
    return _take_apart(value, version)


def _take_apart(value: bytes, version: int) -> StoredProfile:
    header = value[:HEADER_BYTES]
    try:
        int(header[_GENERATION_AT], 16)
        end = HEADER_BYTES + int(header[_LENGTH_AT], 16)
    except ValueError as error:
        raise ProfileCorrupt("the header of the stored value is damaged") from error
    if header[-1:] != b"\n" or len(value) < end or (value[end:] and value[-1:] != b"\n"):
        raise ProfileCorrupt("the stored value is cut short")
    snapshot = value[HEADER_BYTES:end]
    for older in range(version, VERSION) if header[:1] != POINTER_MARK else ():
        if older not in UPGRADES:
            raise ProfileCorrupt(f"there is no upgrade from format {older}")
        snapshot = _upgrade(snapshot, older)
    return StoredProfile(header, header[:1] == b"E", snapshot, value[end:])


def _upgrade(snapshot: bytes, older: int) -> bytes:
    if not snapshot:
        return snapshot  # nothing was folded yet
    try:
        return UPGRADES[older](snapshot)
    except (*_UNREADABLE, TypeError, LookupError, AttributeError) as error:
        raise ProfileCorrupt(f"a snapshot of format {older} does not decode: {error}") from error


def encode_value(
    profile: Profile,
    past: Past,
    generation: bytes,
    *,
    refreshed_ms: int,
    kept_since_ms: int,
) -> bytes:
    """Answer header and snapshot, the value of a profile without a tail.

    The arguments are those of `Snapshot`, but for ``generation``, see `next_generation`.
    """
    encoded = _encode_snapshot(profile, past, refreshed_ms, kept_since_ms)
    return build_header(generation, len(encoded)) + encoded


def _encode_snapshot(profile: Profile, past: Past, *instants: int) -> bytes:
    plain = _encoder.encode(profile)
    retained = pack(_encoder.encode(past), plain) if past != EMPTY_PAST else b""
    return _encoder.encode(_Packed(pack(plain), retained, *instants))


def decode_snapshot(stored: StoredProfile) -> Snapshot:
    """Answer the snapshot of ``stored``, an empty one where nothing was folded yet.

    Raises:
        ProfileCorrupt: its bytes are no snapshot.
    """
    try:
        if not stored.snapshot:
            created_ms = int(stored.header[_CREATED_AT] or b"0", 16)
            return Snapshot(EMPTY_PROFILE, lambda: EMPTY_PAST, created_ms, created_ms)
        packed = _packed_decoder.decode(stored.snapshot)
        plain = unpack(packed.profile)
        return Snapshot(
            _profile_decoder.decode(plain),
            lambda: _decode_past(packed.past, plain),
            packed.refreshed_ms,
            packed.kept_since_ms,
        )
    except _UNREADABLE as error:
        raise ProfileCorrupt(f"the snapshot does not decode: {error}") from error


def _decode_past(packed: bytes, words: bytes) -> Past:
    if not packed:
        return EMPTY_PAST
    try:
        return _past_decoder.decode(unpack(packed, words))
    except _UNREADABLE as error:
        raise ProfileCorrupt(f"the retained past does not decode: {error}") from error


def encode_lines(events: Sequence[Event]) -> bytes:
    """Answer ``events`` as lines to append.

    Raises:
        InputError: an event could not be read back (NaN, an infinity, a lone
            surrogate, an integer beyond 64 bits), which would spoil the profile.
    """
    try:
        lines = _line_encoder.encode_lines(events)
        _encoder.encode(events)  # the journal must be able to take them, too
        if b"null" in lines:  # what NaN turns into; rarely a property's text
            _line_decoder.decode_lines(lines)
    except (ValueError, OverflowError) as error:
        raise InputError(f"an event cannot be stored: {error}", field="events") from error
    return lines


def decode_lines(tail: bytes) -> list[Event]:
    """Answer the events of a tail in the order of their arrival.

    Raises:
        ProfileCorrupt: a line is no event.
    """
    try:
        return _line_decoder.decode_lines(tail)
    except _UNREADABLE as error:
        raise ProfileCorrupt(f"an event line does not decode: {error}") from error


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
    return _encode_snapshot(profile, past, *rest)


UPGRADES: Final[dict[int, Callable[[bytes], bytes]]] = {1: _upgrade_1}
"""Format version → function from a snapshot of it to one of the next version."""
