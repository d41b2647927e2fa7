"""What may be stored, as a table: remembered, requested, opted out → allowed, revoked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.delivery.consent import check_purposes, resolve_consent
from edgeseg.delivery.visitor_id import MAX_COOKIE, CookieSigner
from edgeseg.errors import InputError, TooLargeError
from edgeseg.profiles.changes import MAX_PURPOSES

M, S = "marketing", "statistics"
YES, NO = {M: True}, {M: False}
CONSENTS = st.dictionaries(st.sampled_from([M, S, "ads"]), st.booleans())


@pytest.mark.parametrize(
    ("remembered", "requested", "purpose", "may_store", "revoked"),
    [
        ({}, {}, "", False, False),
        ({}, YES, "", True, False),
        ({}, NO, "", False, True),
        (YES, {}, "", True, False),
        (YES, YES, "", True, False),
        (YES, NO, "", False, True),
        (NO, NO, "", False, True),
        (NO, YES, "", True, False),
        (YES, {S: False}, "", True, False),
        ({M: True, S: True}, NO, "", True, False),
        ({M: True, S: True}, {M: False, S: False}, "", False, True),
        ({}, {S: True}, M, False, True),
        ({S: True}, {}, M, False, True),
        (YES, {}, M, True, False),
        ({M: True, S: True}, NO, M, False, True),
        ({M: True, S: True}, {S: False}, M, True, False),
        ({S: True}, NO, M, False, True),
    ],
)
def test_consent_is_resolved(
    remembered: dict[str, bool],
    requested: dict[str, bool],
    purpose: str,
    *,
    may_store: bool,
    revoked: bool,
) -> None:
    """The request wins over the cookie; the storage purpose, or any, decides."""
    found = resolve_consent(remembered, requested, storage_purpose=purpose, opted_out=False)
    assert found.purposes == {**remembered, **requested}
    assert (found.may_store, found.revoked) == (may_store, revoked)


@given(remembered=CONSENTS, requested=CONSENTS, purpose=st.sampled_from(["", M]))
def test_opting_out_wins_over_everything(
    remembered: dict[str, bool], requested: dict[str, bool], purpose: str
) -> None:
    """Under the denying header nothing is granted and nothing is stored."""
    found = resolve_consent(remembered, requested, storage_purpose=purpose, opted_out=True)
    assert not any(found.purposes.values())
    assert not found.may_store
    assert found.purposes.keys() == {**remembered, **requested}.keys()


@given(remembered=CONSENTS, requested=CONSENTS, purpose=st.sampled_from(["", M]))
def test_taking_back_counts_beside_opting_out(
    remembered: dict[str, bool], requested: dict[str, bool], purpose: str
) -> None:
    """The denying header hides no denial, and lets no grant into the cookie."""
    plain = resolve_consent(remembered, requested, storage_purpose=purpose, opted_out=False)
    found = resolve_consent(remembered, requested, storage_purpose=purpose, opted_out=True)
    assert found.revoked is plain.revoked
    denied = {name for name, granted in requested.items() if not granted}
    granted = {name for name, granted in remembered.items() if granted}
    assert {name for name, granted in found.kept.items() if granted} == granted - denied
    assert denied <= found.kept.keys()


@given(remembered=CONSENTS, requested=CONSENTS, purpose=st.sampled_from(["", M]))
def test_consent_fails_closed(
    remembered: dict[str, bool], requested: dict[str, bool], purpose: str
) -> None:
    """Storing needs a purpose granted right now; whoever says something else is revoked."""
    found = resolve_consent(remembered, requested, storage_purpose=purpose, opted_out=False)
    granted = {name for name, is_granted in found.purposes.items() if is_granted}
    assert found.may_store is (purpose in granted if purpose else bool(granted))
    assert not (found.may_store and found.revoked)
    assert found.revoked is (bool(remembered or requested) and not found.may_store)
    assert found.kept == found.purposes


@given(
    names=st.sets(st.text(min_size=1, max_size=100), max_size=MAX_PURPOSES),
    granted=st.booleans(),
    told=st.booleans(),
)
def test_whatever_is_within_the_limits_fits_the_cookie(
    names: set[str], *, granted: bool, told: bool
) -> None:
    """Consents that are accepted are read back from the cookie they make."""
    consents = dict.fromkeys(names, granted)
    try:
        check_purposes(consents)
    except InputError:
        return
    signer = CookieSigner(["key-of-the-tests"])
    value = signer.write("x" * 100, consents, 2**53, told=told)
    assert len(value) <= MAX_COOKIE
    assert signer.read(value).consents == consents


def test_what_is_too_large_is_named() -> None:
    """Too many purposes, a long one, and too much in all are refused as the consent they are."""
    for names in (
        [f"p{n}" for n in range(21)],
        ["p" * 101],
        ["p" * 90 + str(n) for n in range(20)],
    ):
        with pytest.raises(TooLargeError) as caught:
            check_purposes(dict.fromkeys(names, True))
        assert caught.value.field == "consent"
    check_purposes({"p" * 100: True})
    check_purposes({f"p{n}": True for n in range(20)})
    check_purposes(dict.fromkeys(("p" * 99 + str(n) for n in range(9)), True))


@given(consents=st.dictionaries(st.text(max_size=100), st.booleans(), max_size=25))
def test_taking_back_is_never_too_large(consents: dict[str, bool]) -> None:
    """Where the granted purposes were accepted, the same ones refused are accepted too."""
    try:
        check_purposes(dict.fromkeys(consents, True))
    except InputError:
        return
    check_purposes(dict.fromkeys(consents, False))


def test_a_purpose_is_none_of_our_own_words() -> None:
    """The source of a consent is noted beside the purposes, under a name that none has."""
    with pytest.raises(InputError, match="does not begin"):
        check_purposes({"$source": True})
