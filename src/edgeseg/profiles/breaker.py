"""The state of the page views' connection to the store, as a circuit breaker."""

from collections.abc import Iterable
from enum import StrEnum


class Breaker(StrEnum):
    """Whether requests reach the store; where they do not, they fail at once."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """They do not: there is no connection, or it is overdue with replies."""
    TRYING = "trying"
    """They do not yet: a connection is being made."""


def worst(breakers: Iterable[Breaker]) -> Breaker:
    """Answer the state of the connections together: closed only if all are."""
    found = {*breakers}
    return next(each for each in (Breaker.OPEN, Breaker.TRYING, Breaker.CLOSED) if each in found)
