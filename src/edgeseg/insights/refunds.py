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
from edgeseg.profiles.profile import LedgerEntry, Profile


class Amount(NamedTuple):
    """So much of one thing: what it earned, or what an event took off that.

    Attributes:
        thing: digest of its id.
        micros: millionths.
        at_ms: when it was made.
        before: what refunds of it that arrived earlier had named, in millionths.
    """

    thing: str
    micros: int
    at_ms: int
    before: int = 0

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the text that ``str`` gives."""
        thing, *numbers = text.split(" ")
        return cls(thing, *map(int, numbers))

    def __str__(self) -> str:
        """Answer the amount as a property's value, which former versions read without `before`."""
        return " ".join(map(str, self if self.before else self[:-1]))


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

    Of a thing counts all that was told of it so far: a refund may have arrived first. One of
    everything takes what no refund names, too.
    """
    properties = event.properties
    kind, role = KEYED_EVENTS.get(event.name, (None, None))
    entry = _entry_of(event, profile)
    if kind and entry and role is Role.MADE:
        net = None if entry.is_refunded else net_event(kind, entry)
        properties = net.properties if net else {}
    return revenue_micros(properties.get(goal.revenue)) if goal.revenue else 0


def refunded_of(event: Event, goal: Goal, profile: Profile) -> int | None:
    """Answer what refunds of an event's thing have named by now, in millionths, each once.

    None where the profile does not know, or all of the thing was taken back.
    """
    entry = _entry_of(event, profile)
    if entry is None or not entry.made_ms or entry.is_refunded or goal.revenue not in AMOUNTS:
        return None
    return revenue_micros(entry.refunded[AMOUNTS.index(goal.revenue)]) if entry.refunded else None


def left_of(
    earned: Amount, taken: Iterable[Amount], event: Event, goal: Goal, profile: Profile
) -> int:
    """Answer how much of what was earned an event may take, in millionths.

    Of a refund that came before the order, and is repeated now, that is nothing.
    """
    before = sum(each.micros for each in taken)
    refunded = refunded_of(event, goal, profile)
    left = earned.micros - before
    return left if refunded is None else min(left, max(0, refunded - earned.before - before))


def _entry_of(event: Event, profile: Profile) -> LedgerEntry | None:
    keyed = KEYED_EVENTS.get(event.name)
    ledger = profile.ledgers.get(keyed[0].made_by) if keyed else None
    return ledger.entries.get(keyed[0].id_of(event)) if keyed and ledger else None


def taken_by(event: Event, goal: Goal, left: int) -> int:
    """Answer how much of ``left``, in millionths, a refund or cancellation takes off."""
    _kind, role = KEYED_EVENTS[event.name]
    amounts = refunded_amounts(event.properties)
    if role is Role.CANCELLED or amounts is None:
        return left
    if goal.revenue not in AMOUNTS:
        return 0
    return min(left, revenue_micros(amounts[AMOUNTS.index(goal.revenue)]))
