"""The bytes of a stored profile."""

import math
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import InputError, ProfileCorrupt, ProfileTooNew
from edgeseg.events.event import Event
from edgeseg.profiles import codec
from edgeseg.profiles.changes import ConsentChange
from edgeseg.profiles.past import EMPTY_PAST, Past
from edgeseg.profiles.profile import EventTotal, MetricState, Profile, Visit
from edgeseg.profiles.snapshot import UPGRADES

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
EVENTS = st.builds(
    Event,
    TEXT,
    st.integers(0, 2**53),
    st.dictionaries(TEXT, SCALARS | st.lists(SCALARS, max_size=3), max_size=4),
    TEXT,
)
PROFILE = Profile(
    5,
    {"city": "Brno", "tags": ["a", 1, 2.5]},
    ("vip",),
    {"marketing": (ConsentChange(granted=False, at_ms=7, source="tcf"),)},
    {"page_viewed": EventTotal(3, 1, 2)},
    {2**63 - 1: MetricState(3, 1, 2, 1.5, (2, 1), ("x",))},
    Visit(2, 1, 2, 1, "/"),
    "/first",
    "a.example",
    ("m1",),
    "plan",
)


@given(st.lists(EVENTS, max_size=5))
def test_events_come_back_as_they_were(events: list[Event]) -> None:
    """One line each, whatever the texts contain."""
    lines = codec.encode_lines(events)
    assert lines.count(b"\n") == len(events)
    assert codec.decode_lines(lines) == events


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, "\ud800", 2**64, -(2**63) - 1, [math.nan]]
)
def test_what_could_not_be_read_back_is_refused(value: object) -> None:
    """Before it is written, since one bad line would spoil the profile."""
    with pytest.raises(InputError, match="cannot be stored"):
        codec.encode_lines([Event("e", 1, {"p": value})])  # type: ignore[dict-item]


def test_the_word_null_is_fine() -> None:
    """Only a null value is not."""
    events = [Event("null", 1, {"null": "null"})]
    assert codec.decode_lines(codec.encode_lines(events)) == events


def _value(past: Past, generation: bytes = b"%016x" % 1) -> bytes:
    return codec.encode_value(PROFILE, past, generation, refreshed_ms=7, kept_since_ms=3)


def test_a_fresh_profile_knows_when_it_was_created() -> None:
    """Its header says so, until the first snapshot does."""
    header = codec.build_header(codec.fresh_generation(1_780_000_000_123, 2**20 - 1))
    stored = codec.parse_value(header + b'["e",1]\n')
    assert (len(header), stored.tail_count, stored.snapshot) == (27, 1, b"")
    snapshot = codec.decode_snapshot(stored)
    assert snapshot.kept_since_ms == snapshot.refreshed_ms == 1_780_000_000_123
    assert snapshot.past() == EMPTY_PAST


def test_a_snapshot_comes_back_as_it_was() -> None:
    """With its past and a tail behind it."""
    past = Past(Profile(totals={"e": EventTotal(1, 1, 1)}), (Event("e", 1, {"a": [1, "b"]}, "m"),))
    value = _value(past, codec.next_generation(2**64 - 1)) + b'["f",2]\n'
    stored = codec.parse_value(value)
    found = codec.decode_snapshot(stored)
    assert (found.profile, found.refreshed_ms, found.kept_since_ms) == (PROFILE, 7, 3)
    assert found.past() == past
    assert codec.decode_lines(stored.tail) == [Event("f", 2)]
    assert stored.size == len(value)
    assert stored.header.startswith(b"E2ffffffffffffffff")


def test_a_tombstone_is_recognised() -> None:
    """Also with late events behind it."""
    stored = codec.parse_value(codec.build_tombstone(codec.next_generation(1)) + b'["e",1]\n')
    assert stored.erased
    assert stored.tail_count == 1


def test_lines_without_a_header_are_recognised() -> None:
    """They are a tail of nothing."""
    stored = codec.parse_value(b'["e",1]\n')
    assert (stored.header, stored.tail_count) == (b"", 1)
    assert codec.decode_snapshot(stored).profile == Profile()


@pytest.mark.parametrize("value", [b"E3", b"E9" + b"0" * 24 + b"\n", b"X3..."])
def test_a_newer_format_is_not_guessed_at(value: bytes) -> None:
    """However its header may look."""
    with pytest.raises(ProfileTooNew, match="format"):
        codec.parse_value(value)


def test_an_older_format_is_upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step, on reading."""
    value = _value(EMPTY_PAST)
    monkeypatch.setattr(codec, "VERSION", 4)
    monkeypatch.setitem(UPGRADES, 2, lambda found: found + b"?")
    monkeypatch.setitem(UPGRADES, 3, lambda found: found[:-1])
    assert codec.decode_snapshot(codec.parse_value(value)).profile == PROFILE


@pytest.mark.parametrize("counted", [1, 2])
def test_a_profile_of_the_first_format_is_read(counted: int) -> None:
    """Its journal is the past, if that is all there was; else its own state is."""
    plain = [5, {"city": "Brno"}, ["vip"], {"ads": True}, {"e": [counted, 1, 1]}, {}, [1, 1, 1]]
    journal = zlib.compress(msgspec.msgpack.encode([Event("e", 1)]))
    snapshot = msgspec.msgpack.encode([plain, journal, 7, 3])
    value = codec.build_header(codec.next_generation(1), len(snapshot)) + snapshot
    stored = codec.parse_value(b"E1" + value[2:])
    assert stored.size == len(value), "or a compaction would lose what is appended meanwhile"
    found = codec.decode_snapshot(stored)
    assert (found.profile.attributes, found.refreshed_ms) == ({"city": "Brno"}, 7)
    assert found.profile.consents == {"ads": (ConsentChange(granted=True, at_ms=0),)}
    past = found.past()
    assert past.events == ((Event("e", 1),) if counted == 1 else ())
    assert past.before.totals == ({} if counted == 1 else found.profile.totals)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"E2", b"Z2"),
        (b"E2", b"Ex"),
        (b"E2000", b"E2z00"),
        (b"00000005", b"0000000x"),
        (b"00000005\n", b"00000005 "),
        (b"00000005", b"000000ff"),
        (b'["e",1]\n', b'["e",1]'),
    ],
)
def test_a_value_that_was_damaged_or_cut_short_is_corrupt(old: bytes, new: bytes) -> None:
    """Before anything is appended to it or folded."""
    value = codec.build_header(codec.next_generation(1), 5) + b'abcde["e",1]\n'
    assert codec.parse_value(value).tail_count == 1
    with pytest.raises(ProfileCorrupt):
        codec.parse_value(value.replace(old, new, 1))


@given(st.binary(max_size=60))
def test_junk_is_corrupt_and_nothing_else(junk: bytes) -> None:
    """No other exception leaves the codec, whatever the bytes."""
    value = _value(Past(events=(Event("e", 1),)))
    for spoiled in (junk, b"E2" + junk, value[:40] + junk + value[40 + len(junk) :], value + junk):
        try:
            stored = codec.parse_value(spoiled)
            codec.decode_snapshot(stored).past()
            codec.decode_lines(stored.tail)
        except (ProfileCorrupt, ProfileTooNew):
            pass
