"""Callers by their cookies: remembered, for as long as they are what the long way tells."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edgeseg.delivery.caller import caller_of
from edgeseg.delivery.cookie_caller import CookieCallers
from edgeseg.delivery.visitor_id import RENEW_AFTER_MS, CookieSigner, Forged

NOW_MS = 1_800_000_000_000
NOW_S = NOW_MS // 1_000
SIGNER = CookieSigner(["key-of-the-tests"])
PURPOSES = st.sampled_from(["marketing", "statistics"])


def _callers(storage_purpose: str = "", valid_ms: int = 0) -> CookieCallers:
    return CookieCallers(SIGNER, storage_purpose, valid_ms)


def _edge(callers: CookieCallers, storage_purpose: str, valid_ms: int) -> Any:
    limits = SimpleNamespace(
        cookie="edgeseg",
        server_keys=(),
        write_keys=(),
        consent_ms=valid_ms,
        storage_purpose=storage_purpose,
        respect_gpc=True,
    )
    return SimpleNamespace(limits=limits, callers=callers, clock=lambda: NOW_MS)


@given(
    visitor_id=st.sampled_from(["", "v"]),
    consents=st.dictionaries(PURPOSES, st.booleans()),
    said=st.dictionaries(PURPOSES, st.integers(NOW_S - 200, NOW_S)),
    storage_purpose=st.sampled_from(["", "marketing"]),
    valid_ms=st.sampled_from([0, 100_000]),
    told=st.booleans(),
)
def test_the_short_way_tells_what_the_long_way_does(
    visitor_id: str,
    consents: dict[str, bool],
    said: dict[str, int],
    storage_purpose: str,
    valid_ms: int,
    *,
    told: bool,
) -> None:
    """A header that says nothing makes the caller be worked out anew: it is the same."""
    edge = _edge(_callers(storage_purpose, valid_ms), storage_purpose, valid_ms)
    value = SIGNER.write(visitor_id, consents, NOW_MS - 200_000, said=said, told=told)
    sent = [(b"cookie", b"edgeseg=" + value.encode())]
    short = caller_of({"headers": sent}, edge, {}, mint=False)  # type: ignore[typeddict-item]
    idle = [*sent, (b"authorization", b"Basic eDp5")]
    long = caller_of({"headers": idle}, edge, {}, mint=False)  # type: ignore[typeddict-item]
    assert replace(short, holds_until_ms=0) == long
    assert short.consents_end_ms(NOW_MS, valid_ms) == long.consents_end_ms(NOW_MS, valid_ms)


def test_a_genuine_cookie_is_looked_at_once() -> None:
    """The same cookie gives the same caller; a forged one is never remembered."""
    callers = _callers()
    value = SIGNER.write("v", {"a": True}, NOW_MS)
    assert callers.read(value) is callers.read(value)
    for _ in range(2):
        with pytest.raises(Forged):
            callers.read(value + "A")
    assert callers.read.cache_info().currsize == 1


def test_a_caller_holds_until_a_consent_may_expire() -> None:
    """Without a bound for ever; for somebody who wants no profile never."""
    said = {"a": NOW_S - 50}
    value = SIGNER.write("v", {"a": True, "b": True}, NOW_MS, said=said)
    assert _callers(valid_ms=80_000).read(value).caller.holds_until_ms == NOW_MS + 30_000
    assert _callers().read(value).caller.holds_until_ms == 2**63
    assert _callers().read(SIGNER.write("", {}, NOW_MS)).caller.holds_until_ms == 0


def test_a_cookie_is_renewed_for_a_reason() -> None:
    """Another visitor, other consents or old age are one; else it stays."""
    caller = _callers().read(SIGNER.write("v", {"a": True}, NOW_MS)).caller
    assert not caller.needs_cookie("v", NOW_MS + RENEW_AFTER_MS - 1)
    assert caller.needs_cookie("v", NOW_MS + RENEW_AFTER_MS)
    assert caller.needs_cookie("w", NOW_MS)
    changed = replace(caller, consent=replace(caller.consent, purposes={"a": False}))
    assert changed.needs_cookie("v", NOW_MS)
    assert replace(caller, cookie=None).needs_cookie("v", NOW_MS)
    untold = _callers().read(SIGNER.write("v", {"a": True}, NOW_MS, told=False)).caller
    assert untold.needs_cookie("v", NOW_MS)
    assert (untold.remembered, untold.told) == ({"a": True}, {})
    assert untold.said() == {"a": NOW_S}


def test_a_consent_counts_from_the_end_of_the_second_in_which_it_was_said() -> None:
    """So it outlasts one that was stored earlier in that second; never from the future."""
    value = SIGNER.write("v", {"a": False}, NOW_MS + 700, said={}, told=False)
    caller = _callers().read(value).caller
    assert [each.at_ms for each in caller.untold(NOW_MS + 5_000, "cookie")] == [NOW_MS + 999]
    assert [each.at_ms for each in caller.untold(NOW_MS + 800, "cookie")] == [NOW_MS + 800]


def test_what_the_profile_has_been_told_is_not_told_again() -> None:
    """Else each page view would note the consents once more; what is new is told alone."""
    caller = _callers().read(SIGNER.write("v", {"a": True, "b": False}, NOW_MS)).caller
    assert caller.untold(NOW_MS + 5_000, "cookie") == []
    edge = _edge(_callers(), "", 0)
    value = SIGNER.write("v", {"a": True}, NOW_MS - 9_000, told=False)
    sent = {"headers": [(b"cookie", b"edgeseg=" + value.encode())]}
    untold = caller_of(sent, edge, {"b": False}, mint=False)  # type: ignore[arg-type]
    found = {each.at_ms: each.properties for each in untold.untold(NOW_MS, "page")}
    assert set(found) == {NOW_MS - 9_000 + 999, NOW_MS}
    assert found[NOW_MS]["b"] is False
    assert "a" not in found[NOW_MS]


def test_a_change_of_mind_counts_from_when_it_was_said() -> None:
    """Of that purpose alone, else it would seem as old as what it takes back; all else stays."""
    valid_ms = 100_000
    edge = _edge(_callers(valid_ms=valid_ms), "", valid_ms)
    value = SIGNER.write("v", {"a": False, "b": True}, NOW_MS - 9_000)
    sent = {"headers": [(b"cookie", b"edgeseg=" + value.encode())]}
    caller = caller_of(sent, edge, {"a": True, "b": True}, mint=False)  # type: ignore[arg-type]
    assert caller.said() == {"b": NOW_S - 9}
    told = {each.at_ms: each.properties for each in caller.untold(NOW_MS, "cookie")}
    assert (told[NOW_MS]["a"], "b" in told[NOW_MS]) == (True, False)
    assert caller.consents_end_ms(NOW_MS, valid_ms) == NOW_MS + 91_000
    taken_back = caller_of(sent, edge, {"a": True, "b": False}, mint=False)  # type: ignore[arg-type]
    assert taken_back.consents_end_ms(NOW_MS, valid_ms) == NOW_MS + valid_ms


def test_a_denial_that_has_expired_ends_no_grant() -> None:
    """After it the answer holds until the first of the grants expires, or what is said now."""
    valid_ms = 100_000
    edge = _edge(_callers(valid_ms=valid_ms), "", valid_ms)
    said = {"a": NOW_S - 100, "b": NOW_S - 30, "c": NOW_S - 20, "d": NOW_S - 90}
    consents = {"a": False, "b": True, "c": True, "d": False}
    value = SIGNER.write("v", consents, NOW_MS, said=said)
    sent = {"headers": [(b"cookie", b"edgeseg=" + value.encode())]}
    caller = caller_of(sent, edge, {}, mint=False)  # type: ignore[arg-type]
    assert caller.consents_end_ms(NOW_MS, valid_ms) == NOW_MS + 70_000
    assert caller.consents_end_ms(NOW_MS, 0) is None
    changed = caller_of(sent, edge, {"b": False}, mint=False)  # type: ignore[arg-type]
    assert changed.consents_end_ms(NOW_MS, valid_ms) == NOW_MS + 80_000


@pytest.mark.parametrize(("forged", "is_found"), [(1, True), (15, True), (16, False)])
def test_forged_cookies_do_not_hide_the_genuine_one(forged: int, *, is_found: bool) -> None:
    """Another host of the site may set some, which browsers send first; not all are tried."""
    refused: list[int] = []
    edge = _edge(_callers(), "", 0)
    edge.telemetry = SimpleNamespace(refused_cookies=SimpleNamespace(inc=lambda: refused.append(1)))
    genuine = SIGNER.write("v", {"a": True}, NOW_MS)
    text = "".join(f"edgeseg=forged-{number}; " for number in range(forged))
    sent = {"headers": [(b"cookie", f"{text}edgeseg={genuine}".encode())]}
    caller = caller_of(sent, edge, {}, mint=False)  # type: ignore[arg-type]
    assert caller.visitor_id == ("v" if is_found else "")
    assert len(refused) == 1
