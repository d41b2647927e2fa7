"""The spine: from a page view to a decision, in numbered steps."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

import msgspec

from edgeseg.clock import DAY_MS
from edgeseg.decisions.campaign import Slot
from edgeseg.decisions.choose import Chance, Choice, Reason, choose_variant
from edgeseg.decisions.content import Reader
from edgeseg.decisions.judgements import Asked, Judgement
from edgeseg.decisions.recommend import NO_PRODUCTS, Assortment
from edgeseg.decisions.slot_content import SlotContent
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.events.event import Event, Value
from edgeseg.product_counts import count_products
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.recollection import Recollection, Trust, recollect
from edgeseg.profiles.store import ProfileStore
from edgeseg.segments.facts import Facts, gather_facts
from edgeseg.slot_filling import fill_slot
from edgeseg.telemetry import Telemetry

VALID_AT_MOST_MS: Final = 365 * DAY_MS
"""``valid_until`` is never later than this from now."""
_NOBODY: Final[Recollection] = None, Trust.FULL
"""Of whom nothing may, or can, be known; that is not the store's fault."""


class PageView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request, checked and enriched.

    Attributes:
        visitor_id: whose profile it belongs to, "" for a visitor who may not, or
            cannot, be remembered: only the request itself is then evaluated.
        events: what happened, to be recorded; empty to read only.
        context: value of each context name.
        consents: purpose → granted, as known for this request.
        slots: ids of the slots to fill.
        previews: slot → the campaign and variant that a signed link asks for there.
        expires_ms: when the first of ``consents``, or a preview, ends, None for never.
    """

    visitor_id: str
    context: Mapping[str, Value]
    consents: Mapping[str, bool]
    slots: Sequence[Slot]
    events: Sequence[Event] = ()
    previews: Mapping[str, tuple[str, str]] = {}
    expires_ms: int | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a page view.

    Attributes:
        visitor_id: where the profile is, for a former id the present one; "" for none.
        segments: ids, by priority (high first), then id.
        slots: slot id → content, in the order asked for.
        rules: version of the rules that decided.
        valid_until_ms: time alone changes nothing in this before that instant.
        degraded: whether the store failed: only the request counted, or a copy of the profile
            too, or what happened could not be stored.
        judgement: which rules hold, by what facts and what chance.
        profile: of the visitor, None when it is unknown.
        is_stored: whether the profile is what is stored, this request's events included.
    """

    visitor_id: str
    segments: list[str]
    slots: dict[str, SlotContent]
    valid_until_ms: int
    rules: str
    degraded: bool
    judgement: Judgement
    profile: Profile | None = None
    is_stored: bool = False

    @property
    def facts(self) -> Facts:
        """What the rules were asked about, for explain."""
        return msgspec.structs.replace(self.judgement.facts, profile=self.profile)

    @property
    def chance(self) -> Chance:
        """The visitor, as chance sees them."""
        return self.judgement.chance


async def personalize(
    view: PageView,
    *,
    rules: Snapshot,
    store: ProfileStore,
    telemetry: Telemetry,
    now_ms: int,
    time_zone: tzinfo,
    assortment: Assortment = NO_PRODUCTS,
) -> Decision:
    """Record a page view and decide what to show. A failing store degrades the answer."""
    # 1. Who is this, now that it happened?
    profile, trust = _NOBODY
    if view.visitor_id:
        profile, trust = await recollect(
            store, view.visitor_id, view.events, plan=rules.plan, now_ms=now_ms
        )
    degraded = trust is not Trust.FULL
    # 2. and 3. What do the rules want to know, and which of them hold?
    judgement = judge_visitor(view, profile, rules, now_ms=now_ms, time_zone=time_zone)
    # 4. and 5. What goes into each slot, and how does it look?
    decision = decide(
        view,
        profile,
        judgement,
        rules=rules,
        telemetry=telemetry,
        now_ms=now_ms,
        degraded=degraded,
        assortment=assortment,
    )
    # 6. What does it tell of products?
    if view.events and profile and rules.remembered and not degraded:
        count_products(view.events, view.context, profile, decision.segments, rules, assortment)
    return _as_stale(decision) if trust is Trust.STALE else decision


def judge_visitor(
    view: PageView,
    profile: Profile | None,
    rules: Snapshot,
    *,
    now_ms: int,
    time_zone: tzinfo,
) -> Judgement:
    """Answer which rules hold, from memory where nothing happened and the same was asked before.

    Of a visitor of whom nothing is stored nothing is kept here either.
    """
    asked = None
    if profile is not None and profile is not EMPTY_PROFILE and not view.events:
        asked = Asked(view.visitor_id, profile, view.context, view.consents)
        known = rules.judgements.find(asked, now_ms)
        if known is not None:
            return known
    chance = chance_of(view.visitor_id, profile, rules)
    facts = gather_facts(
        rules.sources,
        profile=profile,
        context=view.context,
        consents=view.consents,
        now_ms=now_ms,
        time_zone=time_zone,
        bucket_id=chance.bucket_id,
    )
    judgement = rules.judge(facts, chance, now_ms)
    return judgement if asked is None else rules.judgements.keep(asked, now_ms, judgement)


def decide(  # noqa: PLR0913 - the parts of the service, each by its name
    view: PageView,
    profile: Profile | None,
    judgement: Judgement,
    *,
    rules: Snapshot,
    telemetry: Telemetry,
    now_ms: int,
    degraded: bool = False,
    assortment: Assortment = NO_PRODUCTS,
) -> Decision:
    """Decide on what holds, without the store: steps 4 and 5.

    Args:
        view: the request; its events are not looked at.
        profile: of the visitor, None when it is unknown.
        judgement: which rules hold, by what facts.
        rules: one snapshot of them.
        telemetry: counts templates that fail.
        now_ms: the instant of the request.
        degraded: whether the store failed to tell the profile.
        assortment: the products to recommend from.
    """
    keeps = judgement.decided is not None and not view.previews
    slots = _shown_before(view.slots, judgement) if keeps or not view.slots else None
    if slots is None:
        # 4. What goes into each slot?
        wanted = [slot.id for slot in view.slots]
        choices = rules.contest.choose(wanted, judgement.campaigns, judgement.chance)
        if view.previews:
            choices |= _previews(view, rules)
        # 5. Render it.
        reader = Reader(
            segments=judgement.segments,
            language=str(view.context.get("language", "")),
            profile=profile.attributes if profile else {},
            context=view.context,
            known=profile,
            remembered=rules.remembered,
            assortment=assortment,
        )
        slots = {
            slot.id: fill_slot(slot, choices[slot.id], reader, rules, telemetry)
            for slot in view.slots
        }
        if keeps:
            _note_shown(judgement, slots, rules)
    ends_ms = (judgement.change_ms, view.expires_ms, now_ms + VALID_AT_MOST_MS)
    return Decision(
        visitor_id=(profile and profile.found_at) or view.visitor_id,
        segments=judgement.segments,
        slots=slots,
        valid_until_ms=min(filter(None, ends_ms)),
        rules=rules.version,
        degraded=degraded,
        judgement=judgement,
        profile=profile,
        is_stored=bool(view.visitor_id) and not degraded,
    )


def _shown_before(slots: Sequence[Slot], judgement: Judgement) -> dict[str, SlotContent] | None:
    """Answer what all of the slots showed for the same judgement, None where one is not known."""
    known = judgement.decided or {}
    try:
        return {slot.id: known[slot.id] for slot in slots}
    except KeyError:
        return None


def _note_shown(judgement: Judgement, slots: Mapping[str, SlotContent], rules: Snapshot) -> None:
    """Keep what hangs on nothing but the judgement: neither on products, nor on bad luck."""
    for slot, content in slots.items():
        if not content.failed and slot not in rules.contents.live:
            judgement.note(slot, content)


def _as_stale(decision: Decision) -> Decision:
    """Say of each slot that it was chosen by a copy of the profile."""
    slots = {
        slot: msgspec.structs.replace(content, reason=Reason.STALE)
        for slot, content in decision.slots.items()
    }
    return msgspec.structs.replace(decision, slots=slots)


def bucket_id_of(visitor_id: str, profile: Profile | None) -> str:
    """Answer what assignments of a visitor stick to, also after a merge."""
    if profile is None:
        return visitor_id
    return profile.bucket_id or profile.found_at or visitor_id


def chance_of(visitor_id: str, profile: Profile | None, rules: Snapshot) -> Chance:
    """Answer the visitor as chance sees them, with the variants they were shown."""
    bucket_id = bucket_id_of(visitor_id, profile)
    if profile is None or not rules.shown:
        return Chance(bucket_id)
    metrics, shown = profile.metrics, rules.shown  # the rules are not to lead back to themselves

    def shown_of(campaign: str) -> Sequence[str]:
        state = metrics.get(shown[campaign])
        return state.distinct if state else ()

    return Chance(bucket_id, shown_of)


def _previews(view: PageView, rules: Snapshot) -> dict[str, Choice]:
    """Answer slot → what a preview asks for there, which wins."""
    asked = {slot: _preview(slot, *wanted, rules) for slot, wanted in view.previews.items()}
    return {slot: choice for slot, choice in asked.items() if choice}


def _preview(slot: str, campaign: str, variant: str, rules: Snapshot) -> Choice | None:
    """Answer the choice of a variant, None where the rules know it no more."""
    for each in rules.campaigns.get(slot, ()):
        for known in each.variants if each.id == campaign else ():
            if known.id == variant:
                return choose_variant(each, known, Reason.TARGETING_MATCH, preview=True)
    return None
