"""Real servers for the tests, each started once, and a key prefix for each test."""

import os
import uuid
from collections.abc import Iterator
from functools import cache

import httpx
import pytest
from hypothesis import settings

from edgeseg.profiles.embedded import EmbeddedServer
from tests.plugins.needs import path_of

# What `make test` draws is new each time; `make test-long` draws forty times as much at once.
settings.register_profile("long", settings(), max_examples=2_000, deadline=None)
settings.register_profile("quick", settings(), max_examples=50, deadline=None)
settings.load_profile("quick")


@pytest.fixture(scope="session", autouse=True)
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where Python is to leave no bytecode, hundreds of processes need not all compile edgeseg."""
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("PYTHONDONTWRITEBYTECODE"):
            patch.delenv("PYTHONDONTWRITEBYTECODE")
            patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("bytecode")))
        yield


@pytest.fixture(scope="session", autouse=True)
def certificates() -> Iterator[None]:
    """Read the authorities that httpx trusts once: every client and call would, in 20 ms."""
    with pytest.MonkeyPatch.context() as patch:
        read_once = cache(httpx.create_ssl_context)
        patch.setattr("httpx._transports.default.create_ssl_context", read_once)
        yield


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A running Valkey of the wheel, as edgeseg starts it by itself."""
    with EmbeddedServer(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture(scope="session")
def debian_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A running server of the distribution, another implementation of the same commands.

    For tests marked ``needs("redis-server")``.
    """
    program = path_of("redis-server")
    assert program is not None
    with EmbeddedServer(tmp_path_factory.mktemp("debian"), binary=program) as server:
        yield server


@pytest.fixture(
    params=["embedded", pytest.param("debian", marks=pytest.mark.needs("redis-server"))]
)
def redis_url(request: pytest.FixtureRequest) -> str:
    """The address of a running server; the test runs once for each implementation."""
    server: EmbeddedServer = request.getfixturevalue(f"{request.param}_server")
    return server.url


@pytest.fixture
def key_prefix() -> str:
    """A prefix that no other test uses, so that none needs to clean up."""
    return f"test-{uuid.uuid4().hex}:"
