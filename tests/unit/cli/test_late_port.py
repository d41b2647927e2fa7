"""The service's port: connections are taken once there is somebody to answer them."""

import socket
from typing import Any

import pytest

from edgeseg.cli.late_port import LatePort


def _is_taken(bound: socket.socket) -> bool:
    with socket.socket() as client:
        return client.connect_ex(bound.getsockname()) == 0


def _config(build: Any) -> LatePort:
    return LatePort(build, factory=True, host="127.0.0.1", port=0, log_config=None)


def test_nobody_is_taken_in_before_the_application_is_loaded() -> None:
    """A proxy asks another service meanwhile; nobody waits for one that only starts."""
    found = []

    def build() -> object:
        found.append(_is_taken(bound))
        return object()

    config = _config(build)
    with config.bind_socket() as bound:
        config.bound = bound
        assert not _is_taken(bound)
        config.load()
        assert _is_taken(bound)
    assert found == [False]


def test_a_port_that_another_one_took_meanwhile_ends_the_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By the code on which the supervisor starts no other one."""
    config = _config(object)
    with config.bind_socket() as bound:
        config.bound = bound
    with pytest.raises(SystemExit) as end:
        config.load()
    assert end.value.code == 3
    assert "cannot be listened on" in caplog.text


def test_what_has_no_port_of_its_own_loads_all_the_same() -> None:
    """As uvicorn does."""
    config = _config(object)
    config.load()
    assert config.loaded
