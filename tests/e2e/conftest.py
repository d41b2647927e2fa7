"""Services for the tests of the faces: one shared by those that break nothing, else their own."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from edgeseg.profiles.embedded import EmbeddedServer
from tests.e2e.service import SERVER_KEY, Service

StartService = Callable[..., Service]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with two workers over its embedded store, not to be broken."""
    folder = tmp_path_factory.mktemp("service") / "data"
    # A patient store: these tests judge answers, not times, beside whatever else runs.
    with closing(Service(folder, workers=2, budget_ms=5_000)) as running:
        yield running.start()


@pytest.fixture
def new_service(tmp_path: Path) -> Iterator[StartService]:
    """Build services of one's own, over ``tmp_path / "data"``; ended with the test."""
    with ExitStack() as stack:

        def build(**settings: object) -> Service:
            return stack.enter_context(closing(Service(tmp_path / "data", **settings)))  # type: ignore[arg-type]

        yield build


@contextmanager
def shaky_store(folder: Path) -> Iterator[EmbeddedServer]:
    """Run a store server that tests may freeze and kill."""
    server = EmbeddedServer(folder)
    server.start()
    yield server
    if server.is_alive():
        os.kill(server.pid, signal.SIGCONT)
    server.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A store server of the test's own, to be frozen and killed."""
    with shaky_store(tmp_path / "store") as server:
        yield server


@pytest.fixture
def browser(service: Service) -> Iterator[httpx.Client]:
    """A client of the shared service that keeps its cookies, as a browser does."""
    with httpx.Client(base_url=service.url, timeout=20) as client:
        yield client


@pytest.fixture
def server(service: Service) -> Iterator[httpx.Client]:
    """A client of the shared service that shows a server key."""
    key = {"Authorization": f"Bearer {SERVER_KEY}"}
    with httpx.Client(base_url=service.url, headers=key, timeout=20) as client:
        yield client
