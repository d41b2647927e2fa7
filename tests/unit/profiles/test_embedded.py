"""Our own server: it starts, lasts, is taken over after a crash, and stops."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from edgeseg.errors import SettingsError, StoreUnavailable
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.server_program import find_binary

PARENT = """
import sys, time
from edgeseg.profiles.embedded import EmbeddedServer
server = EmbeddedServer(sys.argv[1])
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""

LOADED_KEYS = 16_384
LOADED_S = 3
"""The server answers once for each 1,024 keys that it loads."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server of this test, stopped at its end if the test did not."""
    server = EmbeddedServer(tmp_path / "data")
    yield server
    server.stop()


@pytest.fixture
def orphan(server: EmbeddedServer) -> int:
    """The process id of a server in the same directory, whose edgeseg was killed."""
    command = [sys.executable, "-c", PARENT, str(server.directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        with connect(server) as client:
            client.set("kept", "by the orphan")
        parent.kill()
    return pid


def connect(server: EmbeddedServer) -> redis.Redis:
    """Answer a plain client of ``server``."""
    return redis.Redis.from_url(server.url, protocol=2, retry=Retry(NoBackoff(), 0))


def test_profiles_survive_a_restart(server: EmbeddedServer) -> None:
    """A stop in good order writes everything; the pid file and the socket go."""
    server.start()
    with connect(server) as client:
        client.set("k", "v")
    server.stop()
    assert {path.name for path in server.directory.iterdir()}.isdisjoint(
        {"valkey.sock", "valkey.pid"}
    )
    server.start()
    with connect(server) as client:
        assert client.get("k") == b"v"


def test_a_killed_server_has_kept_what_it_answered(server: EmbeddedServer) -> None:
    """It can be started again in the same place, by the same edgeseg."""
    server.start()
    pid = server.pid
    with connect(server) as client:
        for number in range(1000):
            client.append("k", f"{number} ")
    os.kill(pid, signal.SIGKILL)
    deadline_s = time.monotonic() + 5
    while server.is_alive() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert not server.is_alive()
    server.start()
    assert server.pid != pid
    with connect(server) as client:
        assert client.get("k").split() == [str(number).encode() for number in range(1000)]


@pytest.fixture
def slow(server: EmbeddedServer, tmp_path: Path) -> EmbeddedServer:
    """A server that takes longer to load what it keeps than it may take to answer."""
    server.start()
    with connect(server) as client, client.pipeline(transaction=False) as many:
        for number in range(LOADED_KEYS):
            many.set(f"k{number}", "v")
        many.execute()
    server.stop()
    program = tmp_path / "slow-server"
    delay_us = LOADED_S * 1_000_000 // LOADED_KEYS
    command = f'exec "{find_binary()}" "$@" --key-load-delay {delay_us}'
    program.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
    program.chmod(0o755)
    return EmbeddedServer(server.directory, binary=program, start_timeout_s=LOADED_S / 3)


def test_a_server_that_is_still_loading_is_waited_for(slow: EmbeddedServer) -> None:
    """However many profiles there are: whoever gave it up would never start again."""
    with slow, connect(slow) as client:
        assert client.dbsize() == LOADED_KEYS


def test_a_server_that_is_still_loading_keeps_nobody_from_ending(slow: EmbeddedServer) -> None:
    """A service that is told to end while its store starts again does not wait for that."""
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailable):
        slow.start(lambda: time.monotonic() > began_s + LOADED_S / 2)
    assert not slow.is_alive()


def test_the_server_of_a_killed_edgeseg_is_taken_over(server: EmbeddedServer, orphan: int) -> None:
    """It goes on without a restart and is stopped in the end."""
    server.start()
    assert server.pid == orphan
    with connect(server) as client:
        assert client.get("kept") == b"by the orphan"
    server.stop()
    assert not server.is_alive()
    assert not server.socket_path.exists()


def test_an_orphan_that_was_killed_too_leaves_only_stale_files(
    server: EmbeddedServer, orphan: int
) -> None:
    """A stale socket and pid file are no obstacle."""
    os.kill(orphan, signal.SIGKILL)
    assert server.socket_path.exists()
    server.start()
    assert server.pid != orphan
    with connect(server) as client:
        assert client.get("kept") == b"by the orphan"


def test_an_orphan_that_hangs_is_named(server: EmbeddedServer, orphan: int) -> None:
    """A second server on the same files would destroy them."""
    os.kill(orphan, signal.SIGSTOP)
    try:
        hasty = EmbeddedServer(server.directory, start_timeout_s=0.2)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            hasty.start()
    finally:
        os.kill(orphan, signal.SIGCONT)
    server.start()
    assert server.pid == orphan


def test_a_server_that_hangs_is_killed_in_the_end(tmp_path: Path) -> None:
    """Stopping takes no longer than it was given."""
    server = EmbeddedServer(tmp_path, stop_timeout_s=0.3)
    server.start()
    os.kill(server.pid, signal.SIGSTOP)
    server.stop()
    assert not server.is_alive()


@pytest.mark.parametrize("left", [True, False])
def test_a_directory_that_was_emptied_keeps_nobody_from_ending(
    tmp_path: Path, *, left: bool
) -> None:
    """The lock in it tells nothing any more; the process does."""
    server = EmbeddedServer(tmp_path / "data", stop_timeout_s=0.3)
    server.start()
    pid = server.pid
    shutil.rmtree(server.directory)
    if left:
        server.directory.mkdir()
    assert server.is_alive()
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_directory_serves_one_edgeseg(server: EmbeddedServer) -> None:
    """The second is told who uses it; after a stop the way is free."""
    server.start()
    second = EmbeddedServer(server.directory)
    with pytest.raises(SettingsError, match=f"in use by another edgeseg .process {os.getpid()}"):
        second.start()
    server.stop()
    with second:
        assert second.is_alive()


def test_a_foreign_socket_file_in_the_way_is_replaced(server: EmbeddedServer) -> None:
    """A socket that nobody listens on is stale."""
    server.directory.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(server.socket_path))
    server.start()
    with connect(server) as client:
        assert client.ping()


@pytest.mark.parametrize("name", ["long" * 30, "blank and 'quote' %20"])
def test_odd_paths_work(tmp_path: Path, name: str) -> None:
    """A path too long for a socket, or one that needs quoting."""
    with EmbeddedServer(tmp_path / name) as server:
        assert len(os.fsencode(server.socket_path)) <= 100
        with connect(server) as client:
            assert client.config_get("dir")["dir"] == str(tmp_path / name)


def test_only_we_can_reach_it_and_it_keeps_its_promise(server: EmbeddedServer) -> None:
    """No TCP port, a private socket and directory, everything written down."""
    server.start()
    assert server.socket_path.stat().st_mode & 0o077 == 0
    assert server.directory.stat().st_mode & 0o077 == 0
    with connect(server) as client:
        settings = client.config_get("*")
    assert settings["port"] == "0"
    assert (settings["appendonly"], settings["appendfsync"]) == ("yes", "everysec")
    assert (settings["save"], settings["maxmemory-policy"]) == ("", "noeviction")


def test_a_server_that_cannot_start_shows_its_log(server: EmbeddedServer) -> None:
    """The reason is in the error, and the directory is free again."""
    server.directory.mkdir()
    (server.directory / "appendonlydir").write_text("in the way")
    with pytest.raises(StoreUnavailable, match=r"(?s)log ends with:.*append"):
        server.start()
    (server.directory / "appendonlydir").unlink()
    server.start()


def test_a_place_that_cannot_be_used_is_a_settings_error(tmp_path: Path) -> None:
    """The text names the directory."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="file/data"):
        EmbeddedServer(tmp_path / "file" / "data").start()
    (tmp_path / "owner.lock").mkdir()  # as if the disk were read-only
    with pytest.raises(SettingsError, match=f"data directory {tmp_path} cannot be used"):
        EmbeddedServer(tmp_path).start()


def test_a_platform_without_a_server_is_told_what_to_set(
    monkeypatch: pytest.MonkeyPatch, server: EmbeddedServer
) -> None:
    """The error names the setting."""
    monkeypatch.setattr(metadata, "files", lambda _name: [])
    with pytest.raises(SettingsError, match="EDGESEG_REDIS_URL"):
        server.start()
    monkeypatch.undo()
    assert find_binary().name == "valkey-server"


def test_stopping_twice_or_before_a_start_is_nothing(server: EmbeddedServer) -> None:
    """The order of clean-up does not matter."""
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert not server.is_alive()
