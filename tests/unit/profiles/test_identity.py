"""Ids made of foreign names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import InputError
from edgeseg.profiles.identity import (
    MAX_NAME,
    Identities,
    email_digest,
    is_known,
    staying_first,
)

IDENTITIES = Identities("id-key-of-the-tests")


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_NAME))
def test_names_of_four_kinds_never_meet(name: str) -> None:
    """The same name as user, claim and anonymous id gives three visitors, all well formed."""
    ids = [IDENTITIES.known(name), IDENTITIES.claimed(name), IDENTITIES.anonymous(name)]
    assert len(set(ids)) == 3
    for each in ids:
        kind, _colon, digest = each.partition(":")
        assert kind in {"known", "claimed", "anon"}
        assert len(digest) == 22
        assert all(letter.isalnum() or letter in "-_" for letter in digest)
    assert is_known(ids[0])
    assert not is_known(ids[1])


def test_another_key_makes_another_id() -> None:
    """Without the key nobody can tell whether a visitor is a certain person."""
    assert Identities("another").known("ann") != IDENTITIES.known("ann")
    assert IDENTITIES.known("ann") == IDENTITIES.known("ann")
    assert IDENTITIES.pseudonym("ann") != IDENTITIES.known("ann").partition(":")[2]
    assert IDENTITIES.pseudonym("ann") != IDENTITIES.pseudonym("ben")


def test_an_address_is_the_same_however_it_is_typed() -> None:
    """Case and blanks around do not matter; the published form of the hash is accepted."""
    assert IDENTITIES.email_entry(" Ann@X.Example\n") == IDENTITIES.email_entry("ann@x.example")
    # printf %s ann@example.org | sha256sum
    printed = "438c4c7afe600cdf1e455c369bec76dc970fc8ca463447c7b387a347f3c79331"
    assert email_digest("ann@example.org") == printed
    entry = IDENTITIES.digest_entry(printed)
    assert entry == IDENTITIES.email_entry("ann@example.org")
    assert entry != IDENTITIES.email_entry("ben@example.org")


@pytest.mark.parametrize("name", ["", "x" * (MAX_NAME + 1), "\ud800"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """With the member of the request that held it."""
    with pytest.raises(InputError) as caught:
        IDENTITIES.known(name)
    assert caught.value.field == "userId"


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "g" * 64])
def test_a_digest_that_is_none_is_refused(digest: str) -> None:
    """Sixty-four lower-case hexadecimal digits, nothing else."""
    with pytest.raises(InputError):
        IDENTITIES.digest_entry(digest)


def test_of_two_ids_the_known_one_stays() -> None:
    """Else the one that comes first in the alphabet."""
    assert sorted(["a", "known:z", "b", "known:y"], key=staying_first) == [
        "known:y",
        "known:z",
        "a",
        "b",
    ]
