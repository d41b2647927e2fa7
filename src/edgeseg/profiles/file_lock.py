"""An advisory lock on a file, gone with the last process that has it open."""

import fcntl
import os
from pathlib import Path


class FileLock:
    """The lock on the file at ``path``.

    Attributes:
        descriptor: the open file while we have the lock, else -1.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = -1

    def acquire(self) -> bool:
        """Take the lock, or have it already; answer whether we have it."""
        if self.descriptor >= 0:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()}".encode())
        self.descriptor = descriptor
        return True

    def holder(self) -> str:
        """Name the process that took the lock last."""
        return self._path.read_text("utf-8") or "starting"

    def close(self) -> None:
        """Close our end; a process that inherited the lock keeps it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    release = close
