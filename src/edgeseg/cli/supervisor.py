"""The parent of several workers: uvicorn's own, which sees at once that one has ended."""

import os

from prometheus_client.multiprocess import mark_process_dead
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from edgeseg.telemetry import SHARED


class Supervisor(Multiprocess):
    """Starts workers, and others for those that end or do not answer.

    uvicorn asks each worker for a sign of life through a pipe. It keeps the worker's end of the
    pipe open itself, so where a worker was killed before it could answer, it waits until the time
    for an answer is over, and sees to no other worker meanwhile. With that end closed here, the
    pipe ends with the worker. And what a worker had under way when it was killed counts no more.
    """

    @property
    def has_failed(self) -> bool:
        """Tell whether it ended because a worker could not start."""
        return any(process.exitcode == STARTUP_FAILURE for process in self.processes)

    def keep_subprocess_alive(self) -> None:
        """Look after the workers, without waiting for one that has ended."""
        for process in self.processes:
            process.child_conn.close()  # a worker has its own since it was started
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid, os.environ.get(SHARED, ""))  # type: ignore[no-untyped-call]
