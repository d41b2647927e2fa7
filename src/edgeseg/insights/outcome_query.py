"""Ask for what a campaign brought: which days, and the report on them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import InputError, NotFoundError
from edgeseg.insights.outcome_report import OutcomeReport, report_outcomes
from edgeseg.profiles.outcome_store import OutcomeStore
from edgeseg.spelling import suggest

DAYS: Final = 30
"""Days that are told of unless others are asked for, today included."""
MAX_DAYS: Final = 400
"""Days that one report may tell of."""


def days_between(from_: str, until: str, today: date) -> list[str]:
    """Answer the days from the first to the last one, such as ``2026-11-22``.

    Args:
        from_: the first day, "" for `DAYS` days up to the last one.
        until: the last day, "" for today.
        today: in the site's zone.

    Raises:
        InputError: a day is none, they are in the wrong order or too many.
    """
    last = _day(until, "until") if until else today
    first = _day(from_, "from") if from_ else _before(last)
    count = (last - first).days + 1
    if not 0 < count <= MAX_DAYS:
        message = f"`from` is on or before `until`, and 1 to {MAX_DAYS} days are asked for"
        raise InputError(message, field="from")
    return [(first + timedelta(days=each)).isoformat() for each in range(count)]


async def ask_outcomes(
    campaign: str,
    days: Sequence[str],
    *,
    rules: Snapshot,
    store: OutcomeStore,
    by_segment: bool = False,
) -> OutcomeReport:
    """Answer what a campaign brought on these days.

    Raises:
        NotFoundError: the rules have no such campaign.
        StoreError: the counts cannot be read.
    """
    known: Mapping[str, object] = rules.outcomes.campaigns
    if campaign not in known:
        hint = suggest(campaign[:100], tuple(known))
        message = f"unknown campaign `{campaign[:100]}`; {hint}"
        raise NotFoundError(message, field="campaign")
    definition = rules.outcomes.campaigns[campaign].campaign
    counts = await store.read(campaign, days)
    goals = {each.goal.id: each.goal for plans in rules.outcomes.goals.values() for each in plans}
    return report_outcomes(
        definition,
        goals.get(definition.goal),
        dict(zip(days, counts, strict=True)),
        by_segment=by_segment,
    )


def _before(last: date) -> date:
    """Answer the first of `DAYS` days, or of as many as there are in the calendar."""
    return last - min(timedelta(days=DAYS - 1), last - date.min)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = "a day such as 2026-11-22 is needed"
        raise InputError(message, field=field) from error
