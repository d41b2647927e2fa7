"""The visitor cookie: written and read again, rotated, and never believed when changed."""

from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.delivery.visitor_id import (
    ID_BYTES,
    MAX_COOKIE,
    CookieSigner,
    Forged,
    Visitor,
    new_visitor_id,
)

OLD, NEW = "old-key-of-the-tests", "new-key-of-the-tests"
NOW_MS = 1_800_000_000_123
SIGNER = CookieSigner([NEW])
COOKIE = SIGNER.write("Xb2kq4Jm6o7ZyL0cKQpVtA", {"marketing": True}, NOW_MS)


@given(
    visitor_id=st.text(max_size=100),
    consents=st.dictionaries(st.text(max_size=20), st.booleans(), max_size=5),
    now_ms=st.integers(0, 2**53),
)
def test_what_is_written_is_read_again(
    visitor_id: str, consents: dict[str, bool], now_ms: int
) -> None:
    """Id, consents and the second of issue survive the way through the cookie."""
    found = SIGNER.read(SIGNER.write(visitor_id, consents, now_ms))
    assert found == Visitor(visitor_id, consents, now_ms // 1_000)


def test_each_consent_keeps_its_own_instant() -> None:
    """A renewed cookie does not renew what was said long ago; what is too old is not granted."""
    now_s = NOW_MS // 1_000
    consents = {"a": True, "b": True, "c": False}
    cookie = SIGNER.read(SIGNER.write("v", consents, NOW_MS, said={"a": now_s - 100, "c": 1}))
    assert cookie.said() == {"a": now_s - 100, "b": now_s, "c": 1}
    assert cookie.consents_at(NOW_MS, 0) == consents
    assert cookie.consents_at(NOW_MS, 10**12) == consents
    assert cookie.consents_at(NOW_MS, 100_000) == {"b": True, "c": False}
    plain = SIGNER.read(SIGNER.write("v", {"a": True}, NOW_MS))
    assert plain.consents_at(NOW_MS + 99_000, 100_000) == {"a": True}
    assert plain.consents_at(NOW_MS + 100_000, 100_000) == {}


def test_the_value_needs_no_quoting() -> None:
    """The value is made of letters that every cookie may hold."""
    assert all(letter.isalnum() or letter in "-_." for letter in COOKIE)


@given(bit=st.integers(0, len(COOKIE) * 8 - 1))
def test_a_flipped_bit_is_a_forgery(bit: int) -> None:
    """No single bit can be changed anywhere in the value."""
    raw = bytearray(COOKIE.encode())
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Forged):
        SIGNER.read(raw.decode("latin-1"))


@given(place=st.integers(0, len(COOKIE)), added=st.text(min_size=1, max_size=3))
def test_an_added_letter_is_a_forgery(place: int, added: str) -> None:
    """Nothing can be slipped in, not even what a base64 decoder skips."""
    with pytest.raises(Forged):
        SIGNER.read(COOKIE[:place] + added + COOKIE[place:])


@given(value=st.text(max_size=200))
def test_no_text_is_taken_for_a_cookie(value: str) -> None:
    """Whatever comes instead of a cookie is a forgery, never another error."""
    with pytest.raises(Forged):
        SIGNER.read(value)


def test_a_signature_of_another_key_is_a_forgery() -> None:
    """Only our own keys sign."""
    with pytest.raises(Forged):
        SIGNER.read(CookieSigner(["key-of-somebody-else"]).write("a", {}, NOW_MS))


def test_keys_rotate_without_losing_visitors() -> None:
    """The first key signs, all verify; a key that is taken away verifies no more."""
    old = CookieSigner([OLD]).write("a", {}, NOW_MS)
    rotated = CookieSigner([NEW, OLD])
    assert rotated.read(old).id == "a"
    fresh = rotated.write("a", {}, NOW_MS)
    assert CookieSigner([NEW]).read(fresh).id == "a"
    with pytest.raises(Forged):
        CookieSigner([NEW]).read(old)
    with pytest.raises(Forged):
        CookieSigner([OLD]).read(fresh)


def test_what_is_too_long_is_not_even_verified() -> None:
    """A genuine signature does not make an oversized value acceptable."""
    value = SIGNER.write("a" * MAX_COOKIE, {}, NOW_MS)
    with pytest.raises(Forged):
        SIGNER.read(value)


def test_a_genuine_signature_over_something_else_is_refused() -> None:
    """Another use of the same key does not make a visitor."""
    signer = CookieSigner([NEW])
    signer._encoder = _Fixed(b'{"id": "a"}')  # type: ignore[assignment]
    with pytest.raises(Forged):
        SIGNER.read(signer.write("a", {}, NOW_MS))


class _Fixed:
    """Encodes everything as the same bytes."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def encode(self, _value: object) -> bytes:
        return self._raw


def test_an_id_is_128_random_bits() -> None:
    """The id holds what the source of randomness gave, no more and no less."""
    visitor_id = new_visitor_id(lambda count: bytes(range(count)))
    assert urlsafe_b64decode(visitor_id + "==") == bytes(range(ID_BYTES))
    assert ID_BYTES * 8 == 128
    assert len({new_visitor_id() for _ in range(1_000)}) == 1_000
