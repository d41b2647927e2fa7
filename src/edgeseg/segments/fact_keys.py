"""How facts are called: the keys that conditions ask by and values are found under."""

from typing import Final

CONSENT: Final = "consent"
"""The purposes that are granted."""
TAG: Final = "tag"
"""The visitor's tags."""
LIST: Final = "list"
"""The names of the lists that the visitor is on."""
SEGMENT: Final = "segment"
"""The segments that the visitor is in, of those that do not ask about each other."""
CAP: Final = "cap"
"""The names of the caps that are reached."""
SETS: Final = frozenset({CONSENT, TAG, LIST, SEGMENT, CAP})
"""Facts that are sets of names."""

FIELD: Final = "field."
METRIC: Final = "metric."
CONTEXT: Final = "context."
CUSTOM: Final = f"{CONTEXT}custom."
TOTAL: Final = "total."
COUNT: Final = "count."
SUM: Final = "sum."
RUN: Final = "run."
QUIET: Final = "quiet."
AFFINITY: Final = "affinity."
SHARE: Final = "share."
SEASON: Final = "season."
"""What the keys of these begin with, see `fact_sources.FactSources`; what follows tells which."""
_AGE_OF: Final = "age:"
_NTH: Final = "age."


def age_key(key: str) -> str:
    """Answer the key of an instant for tests of its age."""
    return _AGE_OF + key


def without_age(key: str) -> str:
    """Answer the key of an instant, also where it is given for tests of its age."""
    return key.removeprefix(_AGE_OF)


def nth_key(metric: int, number: int) -> str:
    """Answer the key of the instant of the n-th most recent event of a metric."""
    return f"{_NTH}{metric:x}.{number}"


def split_nth(key: str) -> tuple[str, int]:
    """Answer what a key says of events without the n of `nth_key`, and n; 1 for another key."""
    events, _dot, number = key.rpartition(".")
    return (events, int(number)) if key.startswith(_NTH) else (key, 1)
