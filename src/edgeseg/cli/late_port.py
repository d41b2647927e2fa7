"""The service's port, which nobody can connect to before there is somebody to answer."""

import logging
import sys
from socket import socket

from uvicorn.config import STARTUP_FAILURE, Config

_log = logging.getLogger(__name__)


class LatePort(Config):
    """Has a worker listen when it has loaded the application, and before that says it is ready.

    If the port was listened on from the start, the system would take connections that nobody
    answers while Python imports and rules compile, for seconds on a busy machine: a proxy would
    wait for these instead of asking another service. If a worker listened when its application
    runs, as with uvicorn, the management port would say that it is ready just before.

    Attributes:
        bound: the port; None for those that uvicorn opens by itself.
    """

    bound: socket | None = None

    def load(self) -> None:
        """Load the application, then listen; whoever comes now waits for the rest of the start."""
        super().load()
        if self.bound is None:
            return
        try:
            self.bound.listen(self.backlog)
        except OSError as error:  # another service was quicker
            _log.error("the port cannot be listened on: %s", error)
            sys.exit(STARTUP_FAILURE)
