"""Which campaigns a conversion is credited to. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from edgeseg.decisions.outcome_plan import CampaignPlan
from edgeseg.events.event import Event
from edgeseg.events.keyed import KEYED_EVENTS, Role
from edgeseg.profiles.profile import Profile


class Touch(NamedTuple):
    """A variant was shown, at an instant in epoch milliseconds."""

    at_ms: int
    campaign: str
    variant: str


def touches_before(
    profile: Profile, plans: Iterable[CampaignPlan], at_ms: int, window_ms: int
) -> list[Touch]:
    """Answer when variants of the campaigns were shown in the window that ends at ``at_ms``.

    Exact as long as at most `outcome_plan.KEPT` exposures of a variant are younger than
    the oldest that matters; further back, the oldest ones of a variant are missing.
    """
    return [
        Touch(shown_ms, plan.campaign.id, variant)
        for plan in plans
        for variant, metric in plan.shown.items()
        if metric in profile.metrics
        for shown_ms in profile.metrics[metric].recent
        if at_ms - window_ms < shown_ms <= at_ms
    ]


def last_of_each(touches: Iterable[Touch]) -> list[Touch]:
    """Answer the last touch of each campaign, in the order of campaigns."""
    latest: dict[str, Touch] = {}
    for touch in sorted(touches):
        latest[touch.campaign] = touch
    return [latest[campaign] for campaign in sorted(latest)]


def credit(touches: Sequence[Touch], how: str) -> list[Touch]:
    """Answer the touches that the conversion is credited to.

    Args:
        touches: those within the window.
        how: ``last`` for the latest touch, ``first`` for the earliest, ``every`` for the
            last touch of each campaign, which gets all of the credit.
    """
    return _CREDITED[how](touches) if touches else []


_CREDITED: Final[dict[str, Callable[[Sequence[Touch]], list[Touch]]]] = {
    "last": lambda touches: [max(touches)],
    "first": lambda touches: [min(touches)],
    "every": last_of_each,
}


def identity_of(event: Event) -> str:
    """Answer what tells one goal event from another: the order's id, the message's, or its time."""
    keyed = KEYED_EVENTS.get(event.name)
    thing = keyed[0].id_of(event) if keyed else ""
    return thing or event.message_id or str(event.at_ms)


def is_told_again(event: Event, profile: Profile) -> bool:
    """Tell whether the event tells once more of a thing, such as an order, known by then."""
    kind, role = KEYED_EVENTS.get(event.name, (None, None))
    if kind is None or role is not Role.MADE:
        return False
    ledger = profile.ledgers.get(kind.made_by)
    entry = ledger.entries.get(kind.id_of(event)) if ledger else None
    return entry is not None and entry.made_ms < event.at_ms
