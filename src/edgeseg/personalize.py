"""The spine: from a page view to a decision, in numbered steps."""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

import msgspec

from edgeseg.clock import DAY_MS
from edgeseg.decisions.campaign import Popup, Slot
from edgeseg.decisions.choose import NOTHING, Choice, Reason, choose
from edgeseg.decisions.render import RenderError
from edgeseg.decisions.snapshot import CAMPAIGN, Snapshot
from edgeseg.errors import StoreError
from edgeseg.events.event import Event, Value
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.store import ProfileStore
from edgeseg.segments.facts import Facts, gather_facts
from edgeseg.telemetry import Telemetry

VALID_AT_MOST_MS: Final = 365 * DAY_MS
"""``valid_until`` is never later than this from now."""


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """One request, checked and enriched.

    Attributes:
        visitor_id: whose profile it belongs to, "" for a visitor who may not, or
            cannot, be remembered: only the request itself is then evaluated.
        events: what happened, to be recorded; empty to read only.
        context: value of each context name.
        consents: purpose → granted, as known for this request.
        slots: ids of the slots to fill.
    """

    visitor_id: str
    context: Mapping[str, Value]
    consents: Mapping[str, bool]
    slots: Sequence[Slot]
    events: Sequence[Event] = ()


class SlotContent(msgspec.Struct, frozen=True, kw_only=True):
    """What one slot shows; campaign and variant are "" for the fallback."""

    campaign: str
    variant: str
    kind: str
    html: str
    reason: Reason
    popup: Popup | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a page view.

    Attributes:
        segments: ids, by priority (high first), then id.
        slots: slot id → content, in the order asked for.
        valid_until_ms: time alone changes nothing in this before that instant.
        degraded: whether the profile could not be read, so that only the request counted.
        facts: what the rules were asked about, for explain.
    """

    visitor_id: str
    segments: list[str]
    slots: dict[str, SlotContent]
    valid_until_ms: int
    rules: str
    degraded: bool
    facts: Facts


async def personalize(
    view: PageView,
    *,
    rules: Snapshot,
    store: ProfileStore,
    telemetry: Telemetry,
    now_ms: int,
    time_zone: tzinfo,
) -> Decision:
    """Record a page view and decide what to show. A failing store degrades the answer."""
    # 1. Who is this, now that it happened?
    profile, degraded = await _remember(view, rules, store, now_ms)
    if degraded:
        telemetry.degraded.inc()
    # 2. What do the rules want to know?
    facts = gather_facts(
        rules.sources,
        profile=profile,
        context=view.context,
        consents=view.consents,
        now_ms=now_ms,
        time_zone=time_zone,
        bucket_id=view.visitor_id,
    )
    # 3. to 5. Which segments hold, what goes into each slot, and how does it look?
    return decide(
        view, profile, facts, rules=rules, telemetry=telemetry, now_ms=now_ms, degraded=degraded
    )


def decide(
    view: PageView,
    profile: Profile | None,
    facts: Facts,
    *,
    rules: Snapshot,
    telemetry: Telemetry,
    now_ms: int,
    degraded: bool = False,
) -> Decision:
    """Decide on facts already known, without the store: steps 3 to 5.

    Args:
        view: the request; its events are not looked at.
        profile: of the visitor, None when it is unknown.
        facts: what the rules ask about.
        rules: one snapshot of them.
        telemetry: counts templates that fail.
        now_ms: the instant of the request.
        degraded: whether the store failed to tell the profile.
    """
    # 3. Which segments and audiences hold, and until when?
    evaluation = rules.evaluator.evaluate(facts, now_ms)
    segments = [key for key in evaluation.held if not key.startswith(CAMPAIGN)]
    change_ms = evaluation.change_ms or now_ms + VALID_AT_MOST_MS
    # 4. What goes into each slot?
    choices = _choose(view, rules, evaluation.held)
    # 5. Render it.
    attributes = profile.attributes if profile else {}
    slots = {
        slot.id: _fill(slot, choice, view, attributes, rules, telemetry) for slot, choice in choices
    }
    return Decision(
        visitor_id=view.visitor_id,
        segments=segments,
        slots=slots,
        valid_until_ms=min(change_ms, now_ms + VALID_AT_MOST_MS),
        rules=rules.version,
        degraded=degraded,
        facts=facts,
    )


async def _remember(
    view: PageView, rules: Snapshot, store: ProfileStore, now_ms: int
) -> tuple[Profile | None, bool]:
    """Answer the profile (None: unknown) and whether that is the store's fault."""
    if not view.visitor_id:
        return None, False
    try:
        if view.events:
            return await store.record(
                view.visitor_id, view.events, plan=rules.plan, now_ms=now_ms
            ), False
        # An id without a profile is a visitor of whom nothing is known yet, not an unknown one.
        return await store.read(view.visitor_id, plan=rules.plan) or EMPTY_PROFILE, False
    except StoreError:
        return None, True


def _choose(view: PageView, rules: Snapshot, held: Sequence[str]) -> list[tuple[Slot, Choice]]:
    if not view.slots:
        return []
    eligible = {key.removeprefix(CAMPAIGN) for key in held if key.startswith(CAMPAIGN)}
    return [
        (slot, choose(rules.campaigns.get(slot.id, ()), eligible, view.visitor_id))
        for slot in view.slots
    ]


def _fill(
    slot: Slot,
    choice: Choice,
    view: PageView,
    attributes: Mapping[str, Value],
    rules: Snapshot,
    telemetry: Telemetry,
) -> SlotContent:
    """Render the choice; a template that fails gives the fallback."""
    campaign, variant = choice.campaign, choice.variant
    values: dict[str, object] = {
        "profile": attributes,
        "context": view.context,
        "slot": slot.id,
        "campaign": campaign.id if campaign else "",
    }
    if campaign and variant:
        try:
            html = rules.renderer.render(variant.template, values | variant.values)
        except RenderError:
            telemetry.render_errors.labels(variant.template).inc()
            choice = Choice(None, None, Reason.ERROR)
        else:
            return SlotContent(
                campaign=campaign.id,
                variant=variant.id,
                kind=slot.kind,
                html=html,
                reason=choice.reason,
                popup=variant.popup,
            )
    return SlotContent(
        campaign="",
        variant="",
        kind=slot.kind,
        html=_fallback(slot, values, rules, telemetry),
        reason=choice.reason if choice is not NOTHING else Reason.DEFAULT,
    )


def _fallback(
    slot: Slot, values: Mapping[str, object], rules: Snapshot, telemetry: Telemetry
) -> str:
    if not slot.fallback:
        return ""
    try:
        return rules.renderer.render(slot.fallback, values)
    except RenderError:
        telemetry.render_errors.labels(slot.fallback).inc()
        return ""
