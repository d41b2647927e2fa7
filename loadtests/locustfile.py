"""Locust's entrance: the users, the shape of the load, and the judgement at the end.

By hand, with the users named::

    locust -f loadtests/locustfile.py --host http://127.0.0.1:8080 Browser ContentServer

`run.py` starts a server, chooses users and shape, and writes the figures.
"""

import os
import signal
from typing import Any

import gevent
from locust import LoadTestShape, events
from locust.env import Environment
from locust.runners import WorkerRunner

from browsing import Browser, figures
from open_loop import LogReplay, OpenLoop
from plan import Plan
from servers import ContentServer, EventSender, FlagClient
from thresholds import Thresholds

__all__ = ["Browser", "ContentServer", "EventSender", "FlagClient", "LogReplay", "OpenLoop"]

plan = Plan.from_environment()
thresholds = Thresholds.from_environment()
TAIL_S = 6.0
"""Longest time for the last requests of an open loop to be answered."""

if plan.shape:

    class Planned(LoadTestShape):
        """The shape that the plan names; an open loop paces itself and has one user."""

        def tick(self) -> tuple[int, float] | None:
            """Answer users and how many of them may start in a second, None at the end."""
            at_s = self.get_run_time()
            if os.environ.get("LOAD_OPEN"):
                is_over = at_s >= plan.duration_s and not self.get_current_user_count()
                return None if is_over or at_s >= plan.duration_s + TAIL_S else (1, 1.0)
            if at_s >= plan.duration_s:
                return None
            return max(1, round(plan.load_at(at_s))), 100.0


@events.test_start.add_listener
def freeze(**_: object) -> None:
    """Stop the server and its workers for a while in the middle of the run, if the plan says so.

    A loop that waits for its answers would hardly see it.
    """
    if plan.freeze_s:
        middle_s = plan.duration_s / 2
        gevent.spawn_later(middle_s, os.killpg, int(plan.server), signal.SIGSTOP)
        gevent.spawn_later(middle_s + plan.freeze_s, os.killpg, int(plan.server), signal.SIGCONT)


@events.request.add_listener
def count(name: str, response_time: float, exception: BaseException | None, **_: object) -> None:
    """Keep each latency as finely as it was measured."""
    figures.add(name, response_time, exception)


@events.user_error.add_listener
def count_crash(**_: object) -> None:
    """Count what broke off before a request could be counted: else the run would pass."""
    figures.failures += 1


@events.report_to_master.add_listener
def hand_over(data: dict[str, Any], **_: object) -> None:
    """Send the master what this worker counted, with Locust's own report."""
    data["figures"] = figures.hand_over()


@events.worker_report.add_listener
def take_over(data: dict[str, Any], **_: object) -> None:
    """Add what a worker counted; the master itself sends no request."""
    figures.take_over(data["figures"])


@events.quitting.add_listener
def judge(environment: Environment, **_: object) -> None:
    """Show the figures, write them, compare them with the thresholds, set the exit code."""
    if isinstance(environment.runner, WorkerRunner):
        return  # the master judges, by the figures of all
    for row in figures.table():
        print(f"{row[0]:32}" + "".join(f"{cell:>12}" for cell in row[1:]))
    if plan.folder:
        figures.write(plan.folder)
    outcome = figures.outcome()
    crossed = thresholds.crossed_by(outcome)
    print(
        f"{outcome.requests} requests, {outcome.failure_ratio:.2%} failed, "
        f"{outcome.degraded_ratio:.2%} degraded, p95 {outcome.p95_ms:.2f} ms, "
        f"p99 {outcome.p99_ms:.2f} ms, p99.9 {outcome.p999_ms:.2f} ms"
    )
    for line in crossed:
        print(f"FAILED: {line}")
    environment.process_exit_code = 1 if crossed else 0
