"""Who calls, and what a visitor's cookie alone tells of that: worked out once a cookie."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import msgspec

from edgeseg.clock import SECOND_MS
from edgeseg.delivery.consent import Consent, consent_event, resolve_consent
from edgeseg.delivery.visitor_id import RENEW_AFTER_MS, CookieSigner, Visitor
from edgeseg.events.event import Event

REMEMBERED: Final = 4_096
"""Genuine cookies remembered in each worker, about 1 KB each."""

_FOR_EVER_MS: Final = 2**63


class Caller(msgspec.Struct, frozen=True):
    """Who calls, and on whose behalf.

    Attributes:
        server: whether a server key was shown.
        visitor_id: whose profile may be used, "" where nothing may be stored.
        remembered: consents of the cookie.
        told: of which the profile has been told: those, or none while it could not be.
        cookie: the cookie, None where there is no genuine one.
        revoked_id: the visitor to erase since consent is taken back, "" for none.
        requested: consents in the request itself.
        holds_until_ms: when the first of the consents may expire, epoch ms; 0 where that was
            not worked out.
        unread: whether the store did not tell the consents of a visitor whom a server names.
    """

    server: bool
    visitor_id: str
    consent: Consent
    remembered: Mapping[str, bool]
    told: Mapping[str, bool]
    cookie: Visitor | None
    revoked_id: str
    requested: Mapping[str, bool] = MappingProxyType({})
    holds_until_ms: int = 0
    unread: bool = False

    def said(self) -> dict[str, int]:
        """Answer purpose of the cookie → when it was said, epoch seconds, if it still holds."""
        known = self.cookie.said() if self.cookie else {}
        return {
            purpose: at_s
            for purpose, at_s in known.items()
            if purpose in self.remembered
            and self.requested.get(purpose, self.remembered[purpose]) == self.remembered[purpose]
        }

    def untold(self, now_ms: int, source: str) -> list[Event]:
        """Answer what the profile is to be told of the consents, [] where it has been.

        Each as of when it was said: to say something of one purpose renews no other, and does
        not outweigh what was said of it since, on another device. The cookie knows the second;
        its end counts, so that of two decisions within one second the latter stands.

        Args:
            now_ms: the instant of the request.
            source: who notes it.
        """
        purposes = self.consent.purposes
        if purposes == self.told:
            return []
        said = self.said()
        together: dict[int, dict[str, bool]] = {}
        for purpose, granted in purposes.items():
            if purpose not in said and self.told.get(purpose) == granted:
                continue  # of a visitor whom a server names: what is stored has its time there
            at_ms = (said[purpose] + 1) * SECOND_MS - 1 if purpose in said else now_ms
            at_ms = min(at_ms, now_ms)
            together.setdefault(at_ms, {})[purpose] = granted
        return [consent_event(each, at_ms, source) for at_ms, each in together.items()]

    def consents_end_ms(self, now_ms: int, valid_ms: int) -> int | None:
        """Answer when the first of the grants in force expires, None for never."""
        if not valid_ms:
            return None
        if now_ms < self.holds_until_ms:
            return self.holds_until_ms
        if self.cookie and not self.requested:
            end_ms = self.cookie.oldest_s() * SECOND_MS + valid_ms
            if end_ms > now_ms:
                return end_ms  # maybe that of a denial: early is not wrong
        granted = [purpose for purpose, yes in self.consent.purposes.items() if yes]
        now_s, said = now_ms // SECOND_MS, self.said()
        ends_ms = (said.get(purpose, now_s) * SECOND_MS + valid_ms for purpose in granted)
        return min(ends_ms, default=None)

    def needs_cookie(self, visitor_id: str, now_ms: int) -> bool:
        """Tell whether the browser's cookie says something else than that, or is growing old."""
        known = self.cookie
        return (
            known is None
            or known.id != visitor_id
            or now_ms - known.issued_s * SECOND_MS >= RENEW_AFTER_MS
            or known.consents != self.consent.purposes
        )


class CookieCaller(msgspec.Struct, frozen=True):
    """What a cookie tells.

    Attributes:
        visitor: as the cookie has it; its id is "" for somebody who wants no profile.
        caller: who calls, if nothing else of the request says anything, and until its
            ``holds_until_ms``.
    """

    visitor: Visitor
    caller: Caller


class CookieCallers:
    """Tells callers by their cookies. One a process.

    Visitors come back within minutes, so those whose cookies were found genuine lately are
    remembered. Only the cookie and the settings are in that, nothing of a profile.
    """

    def __init__(self, signer: CookieSigner, storage_purpose: str, valid_ms: int) -> None:
        """Take what reads cookies, and the policies.

        Args:
            signer: tells whether a cookie is genuine.
            storage_purpose: the purpose that allows storing, "" for any.
            valid_ms: for how long a consent holds, 0 for ever.
        """
        self._signer = signer
        self._storage_purpose = storage_purpose
        self._valid_ms = valid_ms
        self.read = lru_cache(REMEMBERED)(self._read)
        """Answer what a cookie tells, or raise `Forged` where its signature does not hold."""

    def _read(self, value: str) -> CookieCaller:
        visitor = self._signer.read(value)
        consent = resolve_consent(
            visitor.consents, {}, storage_purpose=self._storage_purpose, opted_out=not visitor.id
        )
        holds_until_ms = 0
        if visitor.id:
            ends_ms = visitor.oldest_s() * SECOND_MS + self._valid_ms
            holds_until_ms = ends_ms if self._valid_ms else _FOR_EVER_MS
        caller = Caller(
            server=False,
            visitor_id=visitor.id if consent.may_store else "",
            consent=consent,
            remembered=visitor.consents,
            told={} if visitor.untold else visitor.consents,
            cookie=visitor,
            revoked_id=visitor.id if consent.revoked else "",
            holds_until_ms=holds_until_ms,
        )
        return CookieCaller(visitor, caller)
