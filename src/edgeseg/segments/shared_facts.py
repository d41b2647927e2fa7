"""Gather the facts of an answer that many visitors share: the page, the time, some segments."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

import msgspec

from edgeseg.events.event import Value
from edgeseg.segments.context_names import CALENDAR
from edgeseg.segments.fact_keys import CONSENT
from edgeseg.segments.fact_sources import FactSources
from edgeseg.segments.facts import Facts, gather_facts
from edgeseg.segments.tables import UNKNOWN

_ADDRESS: Final = frozenset({"url", "host", "path", *CALENDAR})
_PARTS: Final = ("query.", "utm_")


def is_shared(name: str) -> bool:
    """Tell the context names that are the same for everyone on the same page."""
    return name in _ADDRESS or name.startswith(_PARTS)


def shared_facts(
    sources: FactSources,
    *,
    segments: Mapping[str, bool],
    context: Mapping[str, Value],
    now_ms: int,
    time_zone: tzinfo,
) -> Facts:
    """Answer facts that are the same for everyone in the same segments on the same page.

    Whatever tells visitors apart is unknown rather than missing: their profile and
    consents, their device and language. Only what is certain without it then holds.

    Args:
        sources: what the rules ask about.
        segments: id → whether the visitors are in it; their rules are not asked.
        context: what the page's address gives, empty where there is none.
        now_ms: the instant of the request.
        time_zone: of the site, for `hour`, `weekday` and `date`.
    """
    facts = gather_facts(
        sources, profile=None, context=context, consents={}, now_ms=now_ms, time_zone=time_zone
    )
    facts.values[CONSENT] = UNKNOWN
    for name, key in sources.context.items():
        if not is_shared(name) or (not context and name not in CALENDAR):
            facts.values[key] = UNKNOWN
    return msgspec.structs.replace(facts, pins=segments)
