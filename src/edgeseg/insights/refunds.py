"""What refunds and cancellations take off the revenue that campaigns were credited with. Pure.

A conversion by a thing that may be refunded, such as an order, notes what it earned, and a
refund what it took; both as short texts in events of the profile, which metrics of the plan
remember. So a refund finds its conversion whenever it arrives, and never takes more than is
left of it.
"""

from collections.abc import Iterable
from typing import NamedTuple, Self

from edgeseg.decisions.campaign import Goal
from edgeseg.decisions.outcome_plan import EARNED, CampaignPlan
from edgeseg.events.event import Event, shorten_id
from edgeseg.events.keyed import AMOUNTS, KEYED_EVENTS, Role
from edgeseg.insights.tally import revenue_micros
from edgeseg.profiles.ledger import net_event, refunded_amounts
from edgeseg.profiles.profile import Profile


class Amount(NamedTuple):
    """So much of one thing: what it earned, or what an event took off that.

    Attributes:
        thing: digest of its id.
        micros: millionths.
        at_ms: when it was made.
    """

    thing: str
    micros: int
    at_ms: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the text that ``str`` gives."""
        thing, micros, at_ms = text.split(" ")
        return cls(thing, int(micros), int(at_ms))

    def __str__(self) -> str:
        """Answer the amount as a property's value."""
        return f"{self.thing} {self.micros} {self.at_ms}"


def amounts_of(thing: str, texts: Iterable[str]) -> list[Amount]:
    """Answer the amounts of one thing among ``texts``."""
    found = map(Amount.read, texts)
    return [each for each in found if each.thing == thing]


def notes_of(
    plan: CampaignPlan, variant: str, name: str, profile: Profile, now: Iterable[Event]
) -> list[str]:
    """Answer what is noted of a variant under a property.

    Args:
        plan: of the variant's campaign.
        variant: its id.
        name: `EARNED` or `TAKEN`.
        profile: what was noted before.
        now: events that will be recorded.
    """
    state = profile.metrics.get((plan.earned if name == EARNED else plan.taken)[variant])
    of = {"campaign": plan.campaign.id, "variant": variant}
    new = [each.properties for each in now if of.items() <= each.properties.items()]
    texts = [str(properties[name]) for properties in new if name in properties]
    return [*(state.distinct if state else ()), *texts]


def thing_of(event: Event) -> str:
    """Answer a digest of the id of the thing that an event is about, "" for none."""
    keyed = KEYED_EVENTS.get(event.name)
    return shorten_id(keyed[0].id_of(event)) if keyed else ""


def revenue_of(event: Event, goal: Goal, profile: Profile) -> int:
    """Answer what a goal event has earned by now, in millionths.

    Of a thing counts all that was told of it so far: a refund may have arrived first.
    """
    properties = event.properties
    kind, role = KEYED_EVENTS.get(event.name, (None, None))
    ledger = profile.ledgers.get(kind.made_by) if kind and role is Role.MADE else None
    entry = ledger.entries.get(kind.id_of(event)) if kind and ledger else None
    if kind and entry:
        net = net_event(kind, entry)
        properties = net.properties if net else {}
    return revenue_micros(properties.get(goal.revenue)) if goal.revenue else 0


def taken_by(event: Event, goal: Goal, left: int) -> int:
    """Answer how much of ``left``, in millionths, a refund or cancellation takes off."""
    _kind, role = KEYED_EVENTS[event.name]
    amounts = refunded_amounts(event.properties)
    if role is Role.CANCELLED or amounts is None:
        return left
    if goal.revenue not in AMOUNTS:
        return 0
    return min(left, revenue_micros(amounts[AMOUNTS.index(goal.revenue)]))
