"""What operators are told by a service of several workers: whichever of them is asked."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.e2e.service import Service, wait_for
from tests.e2e.views import HOME

ANSWERED = "http_server_request_duration_seconds_count"
LISTENING = "edgeseg_flag_streams"
PROCESSES = Path("/proc")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with two workers, which may be killed."""
    folder = tmp_path_factory.mktemp("metrics") / "data"
    with closing(Service(folder, workers=2, budget_ms=5_000)) as running:
        yield running.start()


def _view_pages(service: Service, times: int) -> None:
    """Each by a connection of its own, so that both workers get some."""
    for _ in range(times):
        answer = httpx.post(f"{service.url}/v1/classify", json={"page": {"url": HOME}}, timeout=20)
        assert answer.status_code == 200


def _agree(service: Service, metric: str, value: float) -> None:
    """Wait until both workers tell the same."""
    wait_for(
        lambda: all(service.count(metric) == value for _ in range(8)), 20, f"{metric} is {value}"
    )


def test_requests_of_all_workers_are_counted_whatever_becomes_of_them(service: Service) -> None:
    """Each answer once; a worker that ends takes none of them along."""
    before = service.count(ANSWERED)
    _view_pages(service, 20)
    assert httpx.get(f"{service.url}/v1/fragment/home-hero", timeout=20).status_code == 200
    refused = httpx.post(f"{service.url}/v1/classify", content=b"{", timeout=20)
    assert refused.status_code == 400
    _agree(service, ANSWERED, before + 22)

    workers = service.worker_pids()
    _view_pages(service, 20)
    os.kill(min(workers), signal.SIGTERM)
    wait_for(lambda: len(service.worker_pids() - workers) == 1, 30, "another worker has come")
    _agree(service, ANSWERED, before + 42)
    assert service.count("process_cpu_seconds_total") > 0


@pytest.mark.skipif(not PROCESSES.exists(), reason="Linux tells of memory there")
def test_memory_is_that_of_all_workers_together(service: Service) -> None:
    """What the kernel says of each, added up, whichever is asked."""

    def is_told() -> bool:
        kilobytes = [_resident_kb(pid) for pid in service.worker_pids()]
        told = service.count("process_resident_memory_bytes") / 1_024
        return len(kilobytes) == 2 and abs(told - sum(kilobytes)) < 0.1 * sum(kilobytes)

    wait_for(lambda: all(is_told() for _ in range(4)), 20, "memory of both")
    assert service.count("process_open_fds") > 2 * 5


def _resident_kb(pid: int) -> int:
    lines = (PROCESSES / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def test_what_a_killed_worker_had_under_way_counts_no_more(service: Service) -> None:
    """Its clients of flags listen to nobody."""
    _agree(service, LISTENING, 0)
    workers = service.worker_pids()
    with httpx.stream("GET", f"{service.url}/ofrep/v1/events", timeout=30) as stream:
        assert stream.status_code == 200
        _agree(service, LISTENING, 1)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(service.worker_pids() - workers) == 2, 30, "other workers have come")
        httpx.get(f"{service.url}/readyz", timeout=60)  # whoever asks meanwhile waits for them
        wait_for(lambda: service.count(LISTENING) == 0, 20, "nobody listens")
