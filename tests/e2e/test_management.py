"""What operators ask and tell a running service: the management port, and to drain."""

import signal
import threading

import httpx

from tests.e2e.conftest import StartService
from tests.e2e.service import find_free_port, wait_for
from tests.e2e.views import view_page


def test_the_management_port_takes_health_and_metrics_away(new_service: StartService) -> None:
    """With a port for operators, visitors find neither status nor metrics, only the service."""
    port = find_free_port()
    service = new_service(management_port=port, workers=2).start(ready_at=port)
    operator = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=service.url, timeout=20) as visitor:
        assert view_page(visitor).status_code == 200
        for path in ("/healthz", "/readyz", "/status", "/metrics"):
            assert httpx.get(operator + path, timeout=10).status_code == 200
            assert httpx.head(operator + path, timeout=10).status_code == 200
            assert visitor.get(path).status_code == 404
    assert httpx.post(f"{operator}/v1/classify", content=b"{}", timeout=10).status_code == 404


def test_a_draining_service_says_so_and_still_answers(new_service: StartService) -> None:
    """From SIGTERM on it is not ready; what still comes is answered, then it ends with 0."""
    port = find_free_port()
    service = new_service(management_port=port, drain_s=60).start(ready_at=port)
    with httpx.Client(base_url=service.url, timeout=20) as visitor:
        service.signal(signal.SIGTERM)

        def is_draining() -> bool:
            answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
            return answer.status_code == 503

        wait_for(is_draining, 10, "the service says that it drains")
        assert view_page(visitor).status_code == 200
        with httpx.Client(base_url=service.url, timeout=20) as latecomer:
            late = view_page(latecomer)
            assert (late.status_code, late.headers["connection"]) == (200, "close")
            assert latecomer.get("/v1/fragment/home-hero").headers["connection"] == "close"
    service.signal(signal.SIGTERM)
    assert service.wait() == 0
    assert "Traceback" not in service.output()


def test_no_request_fails_while_a_service_ends(new_service: StartService) -> None:
    """Whoever heeds readiness, as those do who balance load, loses no request to the end."""
    service = new_service(drain_s=60).start()
    stop = threading.Event()
    failed: list[str] = []
    answered = [0] * 4

    def browse(number: int) -> None:
        with httpx.Client(base_url=service.url, timeout=20) as client:
            while not stop.is_set():
                answer = view_page(client)
                if answer.status_code != 200:
                    failed.append(answer.text)
                answered[number] += 1

    threads = [threading.Thread(target=browse, args=(number,)) for number in range(len(answered))]
    for thread in threads:
        thread.start()
    wait_for(lambda: all(answered), 20, "every client got an answer")
    service.signal(signal.SIGTERM)
    ready = f"{service.url}/readyz"
    wait_for(lambda: httpx.get(ready, timeout=10).status_code == 503, 10, "it is not ready")
    before = sum(answered)
    wait_for(lambda: sum(answered) > before, 10, "requests are still answered")
    stop.set()
    for thread in threads:
        thread.join(20)
    service.signal(signal.SIGTERM)  # a second one does not wait
    assert service.wait() == 0
    assert failed == []


def test_the_healthcheck_asks_the_management_port(new_service: StartService) -> None:
    """The command of the container's health check finds the port that the settings name."""
    port = find_free_port()
    service = new_service(management_port=port).start(ready_at=port)
    assert service.run("healthcheck").startswith("ready: ")
