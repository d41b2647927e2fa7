"""What requests tell about campaigns, handed to the recorder of outcomes."""

from collections.abc import Mapping, Sequence

import msgspec

from edgeseg.decisions.outcome_plan import SHOWN
from edgeseg.decisions.slot_content import SlotContent
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.edge import Edge
from edgeseg.events.device import BOT
from edgeseg.events.event import Event, Value
from edgeseg.insights.judge import Witnessed
from edgeseg.insights.recorder import concerns
from edgeseg.personalize import Decision, PageView, bucket_id_of, personalize
from edgeseg.profiles.profile import Profile


async def personalize_and_count(
    edge: Edge, view: PageView, rules: Snapshot, now_ms: int
) -> Decision:
    """Decide on a page view, and take note of what it means for campaigns.

    Pages tell of exposures with their next call, which may bring the goal, too. Exposures
    are then dealt with first: the segments that count are those before the goal.
    """
    if len(view.events) > 1:
        shown, rest = _exposures_before_goal(view.events, rules)
        if shown:
            before = msgspec.structs.replace(view, events=shown, slots=())
            if (await _personalize(edge, before, rules, now_ms)).is_stored:
                view = msgspec.structs.replace(view, events=rest)
    decision = await _personalize(edge, view, rules, now_ms)
    if decision.degraded:
        edge.telemetry.unsaved_events.inc(len(view.events))
    return decision


async def _personalize(edge: Edge, view: PageView, rules: Snapshot, now_ms: int) -> Decision:
    decision = await personalize(
        view,
        rules=rules,
        store=edge.store,
        telemetry=edge.telemetry,
        now_ms=now_ms,
        time_zone=edge.limits.time_zone,
        assortment=edge.products,
    )
    if decision.is_stored and (rules.policy.holdouts or concerns(view.events, rules)):
        await witness(edge, view, decision, rules, now_ms)
    return decision


def _exposures_before_goal(
    events: Sequence[Event], rules: Snapshot
) -> tuple[Sequence[Event], Sequence[Event]]:
    """Answer the exposures, with changes of consent, and the rest; nothing and all without both."""
    if any(event.name == SHOWN for event in events):
        goals = rules.outcomes.goals
        shown = [event for event in events if event.name == SHOWN or event.name[0] == "$"]
        rest = [event for event in events if event.name != SHOWN and event.name[0] != "$"]
        if any(event.name in goals for event in rest):
            return shown, rest
    return (), events


async def witness(
    edge: Edge, view: PageView, decision: Decision, rules: Snapshot, now_ms: int
) -> None:
    """Take note of what a page view that is stored means for campaigns; most mean nothing.

    Robots count for nothing, and neither does who could not be remembered.
    """
    profile = decision.profile
    withheld = _withheld(decision.slots) if rules.policy.holdouts else {}
    if profile is None or not (withheld or concerns(view.events, rules)):
        return
    if view.context.get("device") == BOT or not view.events:
        return
    seen = Witnessed(
        visitor=decision.chance.bucket_id,
        events=view.events,
        profile=profile,
        segments=decision.segments,
        now_ms=now_ms,
        withheld=withheld,
    )
    await edge.outcomes.witness(seen, rules, decision.visitor_id)


async def witness_profile(
    edge: Edge,
    visitor_id: str,
    events: Sequence[Event],
    profile: Profile,
    rules: Snapshot,
    now_ms: int,
) -> None:
    """Take note of what events from servers and SDKs mean, of whose visitor no page is known."""
    if not concerns(events, rules):
        return
    bucket_id = bucket_id_of(visitor_id, profile)
    seen = Witnessed(visitor=bucket_id, events=events, profile=profile, segments=(), now_ms=now_ms)
    await edge.outcomes.witness(seen, rules, profile.found_at or visitor_id)


def count_served(
    edge: Edge,
    decision: Decision,
    content: SlotContent,
    context: Mapping[str, Value],
    now_ms: int,
) -> None:
    """Count that a fragment held a variant for a visitor who is known, and is no robot.

    Whether the page around it was shown, and how often a shared copy is, nobody can tell.
    """
    if not content.campaign or content.preview or not decision.is_stored:
        return
    if context.get("device") != BOT:
        edge.outcomes.serve(content.campaign, content.variant, decision.segments, now_ms)


def _withheld(slots: Mapping[str, SlotContent]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in slots.values():
        if each.withheld:
            found[each.withheld] = each.holdout
    return found
