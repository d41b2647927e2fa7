"""What requests tell about campaigns, handed to the recorder of outcomes."""

from collections.abc import Mapping, Sequence
from typing import Final

from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.edge import Edge
from edgeseg.events.event import Event, Value
from edgeseg.insights.judge import Witnessed
from edgeseg.insights.recorder import concerns
from edgeseg.personalize import Decision, PageView, SlotContent, bucket_id_of
from edgeseg.profiles.profile import Profile

_BOT: Final = "bot"


async def witness(
    edge: Edge, view: PageView, decision: Decision, rules: Snapshot, now_ms: int
) -> None:
    """Take note of what a page view means for campaigns; most mean nothing.

    Robots count for nothing, and neither does who is not, or could not be, remembered.
    """
    profile = decision.profile
    withheld = _withheld(decision.slots) if rules.policy.holdouts else {}
    if profile is None or not decision.is_stored or not (withheld or concerns(view.events, rules)):
        return
    if view.context.get("device") == _BOT or not view.events:
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
    if context.get("device") != _BOT:
        edge.outcomes.serve(content.campaign, content.variant, decision.segments, now_ms)


def _withheld(slots: Mapping[str, SlotContent]) -> dict[str, str]:
    return {each.withheld: each.holdout for each in slots.values() if each.withheld}
