"""Record what a tracking call brought, visitor by visitor, if the consents allow it."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.consent import consent_event, may_store
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.exposures import witness_profile
from edgeseg.delivery.identify import index_email, join
from edgeseg.delivery.tracking_caller import TrackingCaller
from edgeseg.delivery.tracking_sort import Share
from edgeseg.errors import ProfileTooNew
from edgeseg.events.event import Event
from edgeseg.personalize import bucket_id_of
from edgeseg.product_counts import note_products
from edgeseg.profiles.identity import is_known
from edgeseg.profiles.profile import MAX_RECENT_IDS, Profile

AT_ONCE: Final = 8
"""Visitors of one call that are recorded at the same time."""
_SOURCE: Final = "sdk"
RECORDED, DENIED, OPTED_OUT, UNCONSENTED = "recorded", "denied", "opted_out", "unconsented"


class Recorder:
    """Records the shares of one call."""

    def __init__(self, edge: Edge, rules: Snapshot, caller: TrackingCaller, now_ms: int) -> None:
        """Take what all shares have in common."""
        self._edge = edge
        self._rules = rules
        self._plan = rules.plan
        self._caller = caller
        self._now_ms = now_ms

    async def record(self, shares: Mapping[str, Share]) -> Counter[str]:
        """Answer outcome → how many events had it.

        Raises:
            StoreError: something is not recorded. The client sends all of it again, and
                what was recorded is known by its message ids.
        """
        outcomes: Counter[str] = Counter()
        waiting = list(shares.items())
        for start in range(0, len(waiting), AT_ONCE):
            slice_ = waiting[start : start + AT_ONCE]
            found = await asyncio.gather(
                *(self._record(visitor_id, share) for visitor_id, share in slice_),
                return_exceptions=True,
            )
            for (_visitor_id, share), outcome in zip(slice_, found, strict=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                outcomes[outcome] += len(share.events)
        return outcomes

    async def _record(self, visitor_id: str, share: Share) -> str:
        """Record one visitor's share, or tell why not.

        Consent is looked for in the messages and the cookie, then in what the setting
        says of all keys, then in the profile; a denial ends the search.
        """
        cookie = self._cookie_consents()
        stated = {**cookie, **share.stated}
        is_allowed = self._allows(stated)
        if not is_allowed and self._denies(stated):  # beside a denying header, too
            await self._revoke(visitor_id)
            return DENIED
        if self._caller.opted_out:
            return OPTED_OUT
        if is_allowed:
            await self._write(visitor_id, share, cookie)
            return RECORDED
        policy = dict.fromkeys(self._edge.limits.write_key_consent, True)
        if self._allows({**policy, **stated}):
            await self._write(visitor_id, share, {**policy, **cookie})
            return RECORDED
        if not await self._is_remembered(visitor_id, share, stated):
            return UNCONSENTED
        await self._write(visitor_id, share, {})
        return RECORDED

    async def _is_remembered(
        self, visitor_id: str, share: Share, stated: Mapping[str, bool]
    ) -> bool:
        """Tell whether the profile remembers consent, or one that is joined with it for that."""
        if await self._remembers(visitor_id, stated):
            return True
        consenting = [each for each in share.same if await self._remembers(each, stated)]
        if not consenting:
            return False
        await self._join(visitor_id, consenting)
        return await self._remembers(visitor_id, stated)

    async def _remembers(self, visitor_id: str, stated: Mapping[str, bool]) -> bool:
        known = await self._edge.store.read(visitor_id, plan=self._plan)
        return known is not None and self._allows({**self._consents(known), **stated})

    async def _join(self, visitor_id: str, former_ids: Iterable[str]) -> None:
        """Join what is stored under former ids of the same person, if anything is.

        A client's own id that another person has logged in with before stays theirs, also
        where both log in with the same call.
        """
        edge, now_ms, plan = self._edge, self._now_ms, self._plan
        for former_id in former_ids:
            is_own = not is_known(former_id)
            former = await edge.store.read(former_id, plan=plan)
            if former is None or (is_own and is_known(former.found_at)):
                continue
            if former.found_at != visitor_id:
                await edge.audit.note("identify", visitor_id, _SOURCE, now_ms)
                await join(edge, former_id, visitor_id, now_ms, plan=plan, apart=is_own)

    def _allows(self, purposes: Mapping[str, bool]) -> bool:
        return may_store(purposes, self._edge.limits.storage_purpose)

    def _denies(self, purposes: Mapping[str, bool]) -> bool:
        """Tell whether purposes that do not allow storing say that it must not be."""
        needed = self._edge.limits.storage_purpose
        return needed in purposes if needed else bool(purposes)

    def _cookie_consents(self) -> dict[str, bool]:
        cookie, valid_ms = self._caller.cookie, self._edge.limits.consent_ms
        return cookie.consents_at(self._now_ms, valid_ms) if cookie else {}

    async def _revoke(self, visitor_id: str) -> None:
        """Erase what was stored under a consent taken back; most visitors never gave any."""
        if await self._edge.store.read(visitor_id, plan=self._plan) is not None:
            await self._edge.store.erase(visitor_id)
            await self._edge.audit.note("erase", visitor_id, "consent", self._now_ms)

    async def _write(self, visitor_id: str, share: Share, given: Mapping[str, bool]) -> None:
        """Record the events; then what is new of consent and of who it is, rarely anything.

        Args:
            visitor_id: whose events they are.
            share: the events; what it states of consent replaces what is known.
            given: consents from elsewhere, noted where nothing is known yet.
        """
        size = self._edge.limits.max_events
        new, profile = await self._not_recorded(visitor_id, share.events), None
        for start in range(0, len(new), size):
            events = new[start : start + size]
            profile = await self._append(visitor_id, events, counts=not share.is_bot)
        known = self._consents(profile) if profile else {}
        news = {purpose: yes for purpose, yes in given.items() if purpose not in known}
        news |= {purpose: yes for purpose, yes in share.stated.items() if known.get(purpose) != yes}
        if news:
            at_ms = share.stated_ms or self._now_ms
            told = consent_event(news, at_ms, _SOURCE)
            await self._append(visitor_id, [told], counts=False)
        await self._join(visitor_id, share.same)
        if share.email:
            await index_email(self._edge, visitor_id, share.email, self._now_ms, plan=self._plan)

    async def _not_recorded(self, visitor_id: str, events: Sequence[Event]) -> Sequence[Event]:
        """Leave out what a long call has brought before, when nobody heard of its success.

        A profile knows repeats by its latest ids alone. If it has more, and the oldest of those
        is of this call, then so was what came before it: calls are recorded in order.
        """
        if len(events) <= self._edge.limits.max_events:
            return events
        known = await self._edge.store.read(visitor_id, plan=self._plan)
        if known is None or len(known.recent_ids) < MAX_RECENT_IDS:
            return events
        oldest = known.recent_ids[0]
        first = next((at for at, each in enumerate(events) if each.message_id == oldest), 0)
        return events[first:]

    async def _append(
        self, visitor_id: str, events: Sequence[Event], *, counts: bool
    ) -> Profile | None:
        """Answer the profile; None where a newer version keeps it, which has the events now.

        ``counts`` is whether they tell what people do: those of robots do not.
        """
        try:
            profile = await self._edge.store.record(
                visitor_id, events, plan=self._plan, now_ms=self._now_ms
            )
        except ProfileTooNew:
            return None
        if counts:
            await witness_profile(
                self._edge, visitor_id, events, profile, self._rules, self._now_ms
            )
            note_products(
                events,
                profile,
                self._rules,
                self._edge.products,
                consents=self._consents(profile),
                bucket_id=bucket_id_of(visitor_id, profile),
                now_ms=self._now_ms,
                time_zone=self._edge.limits.time_zone,
            )
        return profile

    def _consents(self, profile: Profile) -> dict[str, bool]:
        return self._edge.consents_of(profile, self._now_ms)
