"""The values of a request that rules may ask about: their names, types and possible values."""

from collections.abc import Mapping
from typing import Final

from edgeseg.segments.schedule import WEEKDAYS

TEXT_CONTEXT: Final = frozenset(
    {
        "path", "url", "host", "title", "referrer", "referrer_host",
        "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content",
        "country", "region", "city", "language", "time_zone", "device", "os", "browser",
        "weekday", "date", "visit.landing_path", "first.landing_path", "first.referrer_host",
    }
)  # fmt: skip
NUMBER_CONTEXT: Final = frozenset({"hour", "visit.pages", "visit.seconds", "visit.number"})
CONTEXT: Final = TEXT_CONTEXT | NUMBER_CONTEXT
CALENDAR: Final = frozenset({"hour", "weekday", "date"})
"""Names that the clock tells, by default the site's, the same for all its visitors."""
VISITORS: Final = "visitor."
"""Put before a name of `CALENDAR` by `time_zone: visitor`; not written by itself."""
CONTEXT_VALUES: Final[Mapping[str, tuple[str | int, ...]]] = {
    "device": ("desktop", "mobile", "tablet", "bot"),
    "hour": tuple(range(24)),
    "weekday": WEEKDAYS,
}
"""Name → all values that there are, where these are few."""


def context_type(name: str) -> str:
    """Answer ``text``, ``number`` or ``any`` for a context name, "" for an unknown one."""
    if name in TEXT_CONTEXT:
        return "text"
    if name in NUMBER_CONTEXT:
        return "number"
    prefix, _dot, rest = name.partition(".")
    if not rest:
        return ""
    return {"query": "text", "custom": "any"}.get(prefix, "")
