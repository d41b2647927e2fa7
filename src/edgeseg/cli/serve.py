"""``edgeseg serve`` and ``healthcheck``: run the service."""

import fcntl
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from errno import EACCES, EADDRINUSE
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import rich_click as click
import uvicorn

from edgeseg.assembly import keys_from, rules_from
from edgeseg.cli.failures import FAILED, plain_errors, rules_options, settings_with
from edgeseg.cli.late_port import LatePort
from edgeseg.cli.stores import open_store_server
from edgeseg.cli.supervisor import Supervisor
from edgeseg.delivery.hot_protocol import HotProtocol
from edgeseg.delivery.slow_clients import ImpatientProtocol
from edgeseg.errors import SettingsError
from edgeseg.kept_rules import KEPT_RULES, kept_rules_from
from edgeseg.log_format import logging_config
from edgeseg.rule_folder import RuleTexts
from edgeseg.settings import Settings
from edgeseg.surroundings import check_surroundings

_GRACE_S: Final = 10
_FLUSH_S: Final = 4
"""What is due is written to the store in less, were it frozen."""
_SIGN_OF_LIFE_S: Final = 10
"""A worker on a busy machine takes longer than uvicorn's 5 s to import everything; killed
for that, it would be started and killed for ever. Not longer either: the supervisor sees to no
other worker while it waits for one that stands still."""
_MADE_WITHIN_S: Final = 60
"""A folder that is younger may not be locked yet by who has made it."""
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask
_SERVER: Final[dict[str, Any]] = {
    "loop": "uvloop",
    "ws": "none",  # else with a library for WebSockets at hand they would go past our timers
    "lifespan": "on",
    "access_log": False,
    "proxy_headers": False,
    "server_header": False,
    "timeout_graceful_shutdown": _GRACE_S,
    "timeout_worker_healthcheck": _SIGN_OF_LIFE_S,
}


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.")
@rules_options
def serve(**options: Any) -> None:  # noqa: ANN401 - every option is a setting of its name
    """Run the service.

    Without EDGESEG_REDIS_URL it starts a store of its own in the data folder. Broken
    rules are listed and nothing is served (exit code 2); rules changed while it runs
    are taken over within a second, or refused with the last good ones left in force.

    Example: edgeseg serve --rules rules --workers 2
    """
    with plain_errors(), ends_in_order(), ExitStack() as stack:
        settings = settings_with(**options)
        check_ports(settings)
        texts = _check_rules(settings)
        check_surroundings(settings)
        keys_from(settings)  # made here, before several workers would
        os.environ["EDGESEG_REDIS_URL"] = stack.enter_context(
            open_store_server(settings, exclusive=True)
        )
        if settings.workers > 1:
            shared = stack.enter_context(shared_folder("edgeseg-metrics-"))
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shared)
            kept = stack.enter_context(shared_folder("edgeseg-rules-"))
            os.environ[KEPT_RULES] = str(kept / "rules")
            kept_rules_from(os.environ).keep(texts)
        click.echo(f"edgeseg: starting on {_url(settings.host, settings.port)}", err=True)
        _run(settings)


@contextmanager
def shared_folder(prefix: str) -> Iterator[Path]:
    """Make a folder for all workers, for as long as the context lasts.

    Files that nobody has touched for days are removed from /tmp in many systems, but not from
    a folder that somebody holds a lock on (https://systemd.io/TEMPORARY_DIRECTORIES). So one
    without a lock was left by a service that was killed: it is removed.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        _remove_unless_locked(left)
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield Path(name)
        finally:
            os.close(descriptor)


def _remove_unless_locked(folder: Path) -> None:
    with suppress(OSError):  # somebody else's, or locked
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if time.time() - os.fstat(descriptor).st_mtime > _MADE_WITHIN_S:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        finally:
            os.close(descriptor)


def _run(settings: Settings) -> None:
    app, options = "edgeseg.app:serve_from_environment", server_options(settings)
    options |= {"factory": True, "host": settings.host, "port": settings.port}
    config = LatePort(app, workers=settings.workers, **options)
    with config.bind_socket() as port:
        config.bound = port
        if settings.workers > 1:
            ends_within_s = settings.drain_s + _GRACE_S + _FLUSH_S
            supervisor = Supervisor(config, [port], ends_within_s=ends_within_s)
            supervisor.run()
            if supervisor.has_failed:
                raise SystemExit(FAILED)
            return
        server = uvicorn.Server(config)
        try:
            server.run(sockets=[port])
        except SystemExit as end:  # with a code of uvicorn's own
            raise SystemExit(FAILED if end.code else 0) from end
    if not server.started:
        raise SystemExit(FAILED)


def server_options(settings: Settings) -> dict[str, Any]:
    """Answer the options of uvicorn."""
    return _SERVER | {
        "http": HotProtocol if settings.hot_protocol else ImpatientProtocol,
        "log_config": logging_config(settings.log_format),
        "log_level": "warning",
    }


@click.command()
@click.option("--url", help="Address of the service; default: where it listens by the settings.")
def healthcheck(url: str | None) -> None:
    """Ask the running service whether it is ready; exit code 0 if so, 1 if not.

    For containers: HEALTHCHECK CMD edgeseg healthcheck
    """
    with plain_errors():
        settings = settings_with()
        address = url or own_url(settings, settings.management_port)
    try:
        with urlopen(f"{address}/readyz", timeout=2) as answer:  # noqa: S310 - the operator's URL
            click.echo(f"ready: {json.loads(answer.read())}")
    except (URLError, OSError, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        click.echo(f"edgeseg: {address} is not ready: {error}", err=True)
        raise SystemExit(FAILED) from error


def own_url(settings: Settings, port: int = 0) -> str:
    """Answer where this machine reaches the service, or another ``port`` of it."""
    return _url(_ANY.get(settings.host, settings.host), port or settings.port)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_rules(settings: Settings) -> RuleTexts:
    """Compile the rules once before anything starts, to list what is wrong with them."""
    folder = rules_from(settings)
    texts = folder.read()
    folder.compile(texts)
    return texts


def check_ports(settings: Settings) -> None:
    """Find a port or an address that cannot be had before anything starts."""
    _check_port(settings.host, settings.port, "choose another one with --port")
    if settings.management_port:
        if settings.management_port == settings.port:
            message = "EDGESEG_MANAGEMENT_PORT: is the service's own port; unset it to have one"
            raise SettingsError(message)
        remedy = "choose another EDGESEG_MANAGEMENT_PORT"
        _check_port(settings.host, settings.management_port, remedy)


def _check_port(host: str, port: int, remedy: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno not in {EADDRINUSE, EACCES}:
                remedy = "EDGESEG_HOST is an address of this machine, or 0.0.0.0 for all"
            message = f"cannot listen on {host}:{port}: {error.strerror}; {remedy}"
            raise SettingsError(message) from error


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Let it be no failure that whoever runs the service ends it."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("edgeseg: stopped", err=True)
