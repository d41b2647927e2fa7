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

from collections.abc import Sequence
from typing import Final

import msgspec

from edgeseg.errors import InputError, ProfileCorrupt, ProfileTooNew
from edgeseg.events.event import Event
from edgeseg.profiles import snapshot as snapshots
from edgeseg.profiles.past import Past
from edgeseg.profiles.profile import Profile
from edgeseg.profiles.snapshot import UNREADABLE, Retained, Snapshot

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


class StoredProfile(msgspec.Struct, frozen=True, gc=False):
    """A value taken apart, nothing decoded yet.

    ``header`` is b"" where the value has none: its key vanished between the
    two commands that create it and append to it. ``is_profile`` is false for a
    tombstone and a pointer. ``size`` is that of the whole value in bytes, as it is
    stored: an upgrade changes the snapshot.
    """

    header: bytes
    is_profile: bool
    snapshot: bytes
    tail: bytes
    size: int

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
    def tail_count(self) -> int:
        """How many events follow the snapshot."""
        return self.tail.count(b"\n")


_journal_encoder = msgspec.msgpack.Encoder()
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
        return StoredProfile(b"", is_profile=True, snapshot=b"", tail=value, size=len(value))
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
    mark, snapshot = header[:1], value[HEADER_BYTES:end]
    if version < VERSION and mark != POINTER_MARK:
        for older in range(version, VERSION):
            snapshot = snapshots.upgrade_snapshot(snapshot, older)
    return StoredProfile(header, mark == PROFILE_MARK, snapshot, value[end:], len(value))


def encode_value(
    profile: Profile,
    past: Past | Retained,
    generation: bytes,
    *,
    refreshed_ms: int,
    kept_since_ms: int,
) -> bytes:
    """Answer header and snapshot, the value of a profile without a tail.

    The arguments are those of `Snapshot`, but for ``generation``, see `next_generation`.
    """
    encoded = snapshots.encode_snapshot(profile, past, refreshed_ms, kept_since_ms)
    return build_header(generation, len(encoded)) + encoded


def decode_snapshot(stored: StoredProfile) -> Snapshot:
    """Answer the snapshot of ``stored``, an empty one where nothing was folded yet.

    Raises:
        ProfileCorrupt: its bytes are no snapshot.
    """
    if stored.snapshot:
        return snapshots.decode_snapshot(stored.snapshot)
    try:
        return snapshots.empty_snapshot(int(stored.header[_CREATED_AT] or b"0", 16))
    except ValueError as error:
        raise ProfileCorrupt(f"the header does not tell an instant: {error}") from error


def encode_lines(events: Sequence[Event]) -> bytes:
    """Answer ``events`` as lines to append.

    Raises:
        InputError: an event could not be read back (NaN, an infinity, a lone
            surrogate, an integer beyond 64 bits), which would spoil the profile.
    """
    try:
        lines = _line_encoder.encode_lines(events)
        _journal_encoder.encode(events)  # the journal must be able to take them, too
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
    except UNREADABLE as error:
        raise ProfileCorrupt(f"an event line does not decode: {error}") from error
