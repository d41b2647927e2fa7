"""The supervisor of several workers, with real processes that are really killed."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from time import monotonic

import pytest
import uvicorn

from edgeseg.cli.supervisor import Supervisor

PATIENCE_S = 60
"""How long a worker may take to answer; whoever waits for a dead one waits for so long."""


@pytest.fixture
def app() -> str:
    """What the worker serves."""
    return "benchmarks.classify.hello:app"


@pytest.fixture
def _signals() -> Iterator[None]:
    """What hears which signal is as before in the end."""
    before = {each: signal.getsignal(each) for each in signal.valid_signals()}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture
def supervisor(app: str, _signals: None) -> Iterator[Supervisor]:
    """A supervisor of one worker that has just been started."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app,
            workers=1,
            log_level="critical",
            timeout_worker_healthcheck=PATIENCE_S,
        )
        supervisor = Supervisor(config, [listening], ends_within_s=0.5)
        supervisor.init_processes()
        yield supervisor
        for process in supervisor.processes:
            process.kill()
            process.join()


def test_a_worker_killed_before_it_could_answer_is_replaced_at_once(supervisor: Supervisor) -> None:
    """The supervisor is asking when it dies, and does not wait for the answer."""
    (worker,) = supervisor.processes
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)  # so that it cannot have answered
    kill = threading.Timer(0.2, os.kill, (worker.pid, signal.SIGKILL))
    kill.start()
    began_s = monotonic()
    supervisor.keep_subprocess_alive()

    assert monotonic() - began_s < PATIENCE_S / 4
    assert supervisor.processes[0].pid != worker.pid
    assert worker.exitcode == -signal.SIGKILL
    kill.join()


def test_a_worker_that_answers_is_left_alone(supervisor: Supervisor) -> None:
    """Also when it is asked again and again."""
    (worker,) = supervisor.processes
    for _ in range(3):
        supervisor.keep_subprocess_alive()

    assert supervisor.processes == [worker]
    assert worker.exitcode is None
    assert not supervisor.has_failed


def test_a_worker_that_stands_still_keeps_no_service_from_ending(supervisor: Supervisor) -> None:
    """It is given its time, and killed."""
    (worker,) = supervisor.processes
    assert worker.pid is not None
    assert worker.wait_until_ready(PATIENCE_S)
    os.kill(worker.pid, signal.SIGSTOP)
    supervisor.terminate_all()
    supervisor.join_all()

    assert worker.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("app", ["tests.no_such_module:app"])
def test_a_worker_that_cannot_start_ends_the_service_as_failed(supervisor: Supervisor) -> None:
    """Whoever restarts what has failed is told so."""
    (worker,) = supervisor.processes
    worker.join()
    supervisor.keep_subprocess_alive()

    assert supervisor.should_exit.is_set()
    assert supervisor.has_failed


@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize(("handler", "ends"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
def test_a_closed_terminal_ends_it_unless_that_is_ignored(
    handler: signal.Handlers, *, ends: bool
) -> None:
    """As nohup asks for."""
    signal.signal(signal.SIGHUP, handler)
    supervisor = Supervisor(uvicorn.Config("none:app"), [], ends_within_s=0.5)
    supervisor.handle_hup()
    assert supervisor.should_exit.is_set() is ends
