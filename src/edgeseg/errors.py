"""Everything that edgeseg raises on purpose.

    EdgesegError
    ├── SettingsError         a setting is unknown, missing or out of bounds
    ├── RulesError            one or many problems in the rule files
    ├── InputError            a request or an input line is not acceptable
    │   ├── TooLargeError     ... because it is beyond a size limit
    │   └── NotFoundError     ... because what it names is not there
    ├── AccessError           the caller may not do this
    │   └── OriginError       ... whoever it is, since a page of another origin asks
    ├── BusyError             not now: too much is under way; come again
    │   └── FloodError        ... because this caller sends too much
    └── StoreError            the profile store did not do its work
        ├── StoreUnavailable  no connection, or it was lost
        │   └── WriteRefused  the server takes no writes for now; reading may work
        ├── StoreTimeout      no reply in time; the outcome is unknown
        ├── StoreOverloaded   too much is in flight already
        ├── ProfileCorrupt    the stored bytes are not a profile
        └── ProfileTooNew     written by a newer version of edgeseg

Foreign exceptions are translated once, in the adapter that meets them.
"""

import math
from collections.abc import Sequence

import msgspec


class EdgesegError(Exception):
    """Root of the tree."""


class SettingsError(EdgesegError):
    """A setting is unknown, missing or out of bounds; the text names it."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One mistake in the rule files, precise enough to jump to.

    ``line`` and ``column`` count from 1. ``at`` is the id of the segment,
    campaign or slot it belongs to, "" where there is none.
    """

    file: str
    line: int
    column: int
    message: str
    at: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        """Render as ``file:line:column: message``, the form editors link."""
        where = f" [{self.at}]" if self.at else ""
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.file}:{self.line}:{self.column}:{where} {self.message}{hint}"


class RulesError(EdgesegError):
    """The rule files do not load; ``problems`` holds every one, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems sorted by file and place."""
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InputError(EdgesegError):
    """Input from outside is not acceptable.

    ``field`` is the path of the offending member (``events[2].properties``),
    "" for the whole; the message says what is wrong and what would be right.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        """Remember the field beside the message."""
        self.field = field
        super().__init__(message)


class TooLargeError(InputError):
    """Input is beyond a size limit; the message names the limit."""


class NotFoundError(InputError):
    """What the request names is not there."""


class AccessError(EdgesegError):
    """The caller's key is unknown or may not do this."""


class OriginError(AccessError):
    """A page of another origin, that is not listed, made the browser ask."""


class BusyError(EdgesegError):
    """The service has too much to do; the caller should come again.

    ``retry_after_s`` says when, whole seconds, at least 1.
    """

    def __init__(self, message: str, *, retry_after_s: float = 1) -> None:
        """Round the pause up."""
        self.retry_after_s = max(1, math.ceil(retry_after_s))
        super().__init__(f"{message}; come again in {self.retry_after_s} s")


class FloodError(BusyError):
    """One visitor or network sends more than its share."""


class StoreError(EdgesegError):
    """The profile store did not do its work; a page view goes on without it."""


class StoreUnavailable(StoreError):
    """There is no connection to the store, or it was lost before the reply."""


class WriteRefused(StoreUnavailable):
    """The server takes no writes for now (memory or disk full, a replica); nothing was stored."""


class StoreTimeout(StoreError):
    """No reply in time. The command may still run: the outcome is unknown."""


class StoreOverloaded(StoreError):
    """More is queued for the store than the limit allows."""


class ProfileCorrupt(StoreError):
    """The stored bytes are not a profile."""


class ProfileTooNew(StoreError):
    """The profile was written by a newer version and is left alone."""
