"""The parent of several workers: uvicorn's own, which sees at once that one has ended."""

import logging
import os
import signal
from socket import socket
from time import monotonic

from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess

from edgeseg.telemetry import SHARED

_log = logging.getLogger(__name__)


class Supervisor(Multiprocess):
    """Starts workers, and others for those that end or do not answer.

    uvicorn asks each worker for a sign of life through a pipe. It keeps the worker's end of the
    pipe open itself, so where a worker was killed before it could answer, it waits until the time
    for an answer is over, and sees to no other worker meanwhile. With that end closed here, the
    pipe ends with the worker. And what a worker had under way when it was killed counts no more.
    Told to end, it waits for a worker that stands still no longer than for one that finishes.
    A terminal that is closed tells it to end, where uvicorn would go on with other workers.
    """

    def __init__(self, config: Config, sockets: list[socket], *, ends_within_s: float) -> None:
        """Serve on ``sockets``; a worker told to end has ``ends_within_s`` for that."""
        self._hears_hangup = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN  # nohup
        super().__init__(config, sockets)
        self._ends_within_s = ends_within_s

    @property
    def has_failed(self) -> bool:
        """Tell whether it ended because a worker could not start."""
        return any(process.exitcode == STARTUP_FAILURE for process in self.processes)

    def handle_hup(self) -> None:
        """End in order, as for SIGTERM."""
        if self._hears_hangup:
            self.handle_term()

    def terminate_all(self) -> None:
        """Tell all workers to end, and let who still connects be refused once they have."""
        super().terminate_all()
        for listening in self.sockets:  # else they would wait for nobody to accept them
            listening.close()

    def join_all(self) -> None:
        """Wait until all workers have ended; one that takes too long is killed."""
        deadline_s = monotonic() + self._ends_within_s
        for process in self.processes:
            process.process.join(max(0.0, deadline_s - monotonic()))
            if process.process.is_alive():
                _log.error("worker %s does not end, it is killed", process.pid)
                process.process.kill()
            process.join()

    def keep_subprocess_alive(self) -> None:
        """Look after the workers, without waiting for one that has ended."""
        for process in self.processes:
            process.child_conn.close()  # a worker has its own since it was started
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid, os.environ.get(SHARED, ""))  # type: ignore[no-untyped-call]
