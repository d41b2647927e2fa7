"""The audit log: who did what to whose data, without saying whose in the clear.

One JSON object a line::

    {"at": "2026-11-22T09:30:00.000Z", "action": "erase", "visitor": "kYz...", "by": "cookie"}

``visitor`` is a keyed hash of the id, the same for one visitor as long as the key stays;
``by`` is ``cookie``, ``token``, ``consent`` (it was taken back), ``sdk`` (its call showed
proof), or ``server`` with the beginning of the SHA-256 of its key.
"""

import asyncio
import hashlib
import logging
import os
from pathlib import Path
from typing import Final, Literal

import msgspec
from litestar.types import Scope

from edgeseg.clock import instant
from edgeseg.delivery.http import header
from edgeseg.errors import SettingsError, StoreUnavailable
from edgeseg.profiles.identity import Identities

_log = logging.getLogger(__name__)
_KEY_DIGITS: Final = 8
Action = Literal[
    "consent", "show", "export", "erase", "anonymize", "merge", "identify", "log-out",
    "do-not-profile", "allow-profile", "find", "change",
]  # fmt: skip


class Entry(msgspec.Struct, frozen=True):
    """One line."""

    at: str
    action: Action
    visitor: str
    by: str


class AuditLog:
    """Writes entries to a file, or to the service's own log."""

    def __init__(self, path: str, identities: Identities) -> None:
        """Append to the file at ``path``, which may be moved away at any time; "": to the log."""
        self._path = Path(path) if path else None
        self._identities = identities
        self._encoder = msgspec.json.Encoder()

    async def note(self, action: Action, visitor_id: str, by: str, now_ms: int) -> None:
        """Write one entry, off the event loop where that is a file.

        Noted is what is about to happen, so that it does not happen unseen; but an erasure
        once it has: what somebody has a right to does not wait for a disk.

        Raises:
            StoreUnavailable: the file cannot be written.
        """
        pseudonym = self._identities.pseudonym(visitor_id)
        line = self._encoder.encode(Entry(instant(now_ms), action, pseudonym, by))
        if self._path is None:
            _log.info("%s", line.decode())
            return
        try:
            await asyncio.to_thread(_append, self._path, line + b"\n")
        except OSError as error:
            message = f"the audit log {self._path} cannot be written: {error}"
            raise StoreUnavailable(message) from error


def _append(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        written = file.write(line)  # one write: lines of several workers do not mix
    if written != len(line):
        message = f"{written} of {len(line)} bytes were written"  # there was no more room
        raise OSError(message)


def check_audit_log(path: str) -> None:
    """See that entries can be appended to the file at ``path``, which need not be there yet.

    Raises:
        SettingsError: they cannot, so that nobody could be forgotten or take a consent back.
    """
    file = Path(path)
    if path and (file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK)):
        message = f"EDGESEG_AUDIT_LOG: {path} cannot be written; name a file in a folder that can"
        raise SettingsError(message)


def server_name(scope: Scope) -> str:
    """Answer what stands for the server that shows a key: it tells keys apart, no more."""
    key = header(scope, b"authorization").partition(" ")[2]
    return f"server {hashlib.sha256(key.encode()).hexdigest()[:_KEY_DIGITS]}"
