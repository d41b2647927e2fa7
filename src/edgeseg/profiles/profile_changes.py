"""What events about the visitor, not about behaviour, change in a profile."""

from collections.abc import Iterable

from msgspec.structs import replace

from edgeseg.events import event as events
from edgeseg.events.event import BY_TIME, Event
from edgeseg.profiles.changes import ConsentChange, Consents, add_consents, set_attributes
from edgeseg.profiles.profile import Profile


def change_all(profile: Profile, changes: list[Event]) -> Profile:
    """Answer the profile after changes of itself, at least one."""
    changes.sort(key=BY_TIME)
    created_ms = changes[0].at_ms
    profile = replace(profile, created_ms=min(profile.created_ms or created_ms, created_ms))
    for event in changes:
        profile = _change(profile, event)
    return profile


def _change(profile: Profile, event: Event) -> Profile:
    match event.name:
        case events.CONSENT_CHANGED:
            known = profile.consents
            return replace(profile, consents=add_consents(known, _consents(event, known)))
        case events.ATTRIBUTES_SET:
            known_attributes = profile.dated_attributes
            values, set_ms, removed_ms = set_attributes(
                known_attributes, event.properties, event.at_ms
            )
            return replace(profile, attributes=values, set_ms=set_ms, removed_ms=removed_ms)
        case events.PINS_CHANGED:
            pinned = {**profile.pins, **event.properties}
            pins = {id_: bool(pin) for id_, pin in pinned.items() if pin != []}
            return replace(profile, pins=pins)
        case events.INDEXED | events.INDEX_DROPPED:
            change = _with if event.name == events.INDEXED else _without
            entries = change(profile.index_entries, _names(event, "entries"))
            return replace(profile, index_entries=entries)
        case events.ALIASES_DROPPED:
            gone = _names(event, "aliases")
            left = {id_: each for id_, each in profile.aliases.items() if id_ not in gone}
            return replace(profile, aliases=left)
        case _:
            return _change_membership(profile, event)


def _change_membership(profile: Profile, event: Event) -> Profile:
    match event.name:
        case events.TAGS_ADDED:
            return replace(profile, tags=_with(profile.tags, _names(event, "tags")))
        case events.TAGS_REMOVED:
            return replace(profile, tags=_without(profile.tags, _names(event, "tags")))
        case events.LISTS_ADDED:
            return replace(profile, lists=_with(profile.lists, _names(event, "lists")))
        case events.LISTS_REMOVED:
            return replace(profile, lists=_without(profile.lists, _names(event, "lists")))
        case _:
            return profile


def _consents(event: Event, known: Consents) -> list[tuple[str, ConsentChange]]:
    given = event.properties.get(events.CONSENT_SOURCE)
    source = given if isinstance(given, str) else ""
    changes = [
        (purpose, ConsentChange(bool(granted), event.at_ms, source))
        for purpose, granted in event.properties.items()
        if purpose != events.CONSENT_SOURCE
    ]
    if source != events.IMPORTED:
        return changes
    return [each for each in changes if each[0] not in known or known[each[0]][0].granted]


def _names(event: Event, member: str) -> list[str]:
    names = event.properties.get(member, [])
    return [str(name) for name in names] if isinstance(names, list) else [str(names)]


def _with(names: tuple[str, ...], added: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *added)))


def _without(names: tuple[str, ...], removed: Iterable[str]) -> tuple[str, ...]:
    gone = set(removed)
    return tuple(name for name in names if name not in gone)
