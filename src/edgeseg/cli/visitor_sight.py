"""A visitor on a page as commands see them: for explanations and previews."""

from typing import NamedTuple

from edgeseg.assembly import identities_from
from edgeseg.cli.stores import open_store
from edgeseg.clock import DAY_MS, system_clock
from edgeseg.decisions.choose import Chance
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.caller import id_named
from edgeseg.errors import InputError
from edgeseg.events.enrich import page_context
from edgeseg.events.event import Value
from edgeseg.personalize import bucket_id_of, chance_of
from edgeseg.profiles.changes import consents_at
from edgeseg.profiles.profile import Profile
from edgeseg.segments.facts import Facts, gather_facts
from edgeseg.settings import Settings


class Sight(NamedTuple):
    """A visitor on a page, at one instant."""

    profile: Profile
    context: dict[str, Value]
    facts: Facts
    chance: Chance
    now_ms: int


async def read_profile(settings: Settings, snapshot: Snapshot, visitor: str) -> Profile:
    """Read a visitor's profile from the configured store, or the embedded one.

    Args:
        settings: of the service.
        snapshot: its rules.
        visitor: an id, or a name such as ``user:42``.

    Raises:
        InputError: nothing is stored of them.
        SettingsError: no secret tells the id of one that is named.
        StoreError: the store does not answer.
    """
    is_plain = ":" not in visitor  # needs no secret
    visitor_id = visitor if is_plain else id_named(visitor, identities_from(settings))
    async with open_store(settings) as store:
        profile = await store.read(visitor_id, plan=snapshot.plan)
    if profile is None:
        message = f"nothing is stored of visitor `{visitor}`"
        raise InputError(message, field="VISITOR")
    return profile


def see(
    settings: Settings,
    snapshot: Snapshot,
    visitor: str,
    profile: Profile,
    *,
    url: str | None,
    language: str = "",
) -> Sight:
    """Answer what is known of the visitor on a page, "" for one without id.

    Raises:
        InputError: the address is none.
    """
    now_ms = system_clock()
    context = page_context(url) if url else {}
    if language:
        context["language"] = language
    facts = gather_facts(
        snapshot.sources,
        profile=profile,
        context=context,
        consents=consents_at(
            profile.consents, now_ms=now_ms, valid_ms=settings.consent_days * DAY_MS
        ),
        now_ms=now_ms,
        time_zone=settings.zone,
        bucket_id=bucket_id_of(visitor, profile),
    )
    return Sight(profile, context, facts, chance_of(visitor, profile, snapshot), now_ms)
