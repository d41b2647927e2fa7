"""The packing of stored profiles."""

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis.strategies import binary

from edgeseg.profiles.packing import pack, pack_both, unpack


@given(binary(max_size=5_000))
def test_what_was_packed_comes_back(plain: bytes) -> None:
    """Whatever it is."""
    assert unpack(pack(plain)) == plain


@given(binary(max_size=5_000), binary(max_size=5_000))
def test_two_that_were_packed_together_come_back_one_by_one(plain: bytes, more: bytes) -> None:
    """The first without the other, the other by the words of the first."""
    first, other = pack_both(plain, more)
    assert unpack(first) == plain
    assert unpack(other, plain) == more


def test_two_together_are_as_short_as_one_by_one() -> None:
    """What both say is said once."""
    plain = b"".join(b"%d says something of %d;" % (number, number**3) for number in range(50))
    first, other = pack_both(plain, plain)
    assert len(first) <= len(pack(plain)) + 7
    assert len(other) < 40


@given(binary(max_size=200))
def test_other_bytes_are_refused_or_harmless(junk: bytes) -> None:
    """No other error leaves than that of a packing gone wrong."""
    with suppress(zlib.error):
        unpack(junk)


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_packing_cut_short_is_noticed(cut: int) -> None:
    """Also where what is left could be read."""
    packed = pack(bytes(range(256)))
    with pytest.raises(zlib.error):
        unpack(packed[:-cut])
    with pytest.raises(zlib.error, match="end"):
        unpack(packed + b"x")


def test_the_words_of_the_format_do_not_change() -> None:
    """A profile packed by the first version of them is read for ever."""
    packed = bytes.fromhex(FIRST)
    assert unpack(packed) == b"page_viewed order_completed revenue currency CZK"


FIRST = "43568cee570c973947790300"
