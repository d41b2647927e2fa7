"""The store of a command: the configured server, or the embedded one."""

import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import msgspec

from edgeseg.assembly import store_from
from edgeseg.errors import EdgesegError, SettingsError, StoreError, StoreUnavailable
from edgeseg.profiles.address import parse_location
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.store import ProfileStore
from edgeseg.settings import Settings

PATIENT_MS: Final = 10_000
"""The budget of commands: no page waits for them, so a store far away may take its time."""
_LOOK_EVERY_S: Final = 0.5
_log = logging.getLogger(__name__)
_connections = logging.getLogger("edgeseg.profiles")


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[ProfileStore]:
    """Answer the store of `open_store_server`, connected, with much patience.

    Raises:
        StoreUnavailable: it does not answer.
    """
    with open_store_server(settings) as address:
        store = store_from(
            msgspec.structs.replace(settings, redis_url=address, budget_ms=PATIENT_MS)
        )
        try:
            with reaching(address):
                await store.open()
                await store.ping()
            yield store
        finally:
            await store.close()


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Let one error tell that the store at ``address`` does not answer, and what to look at.

    Its connections, of which a store has two, would each log that it is away.

    Raises:
        StoreUnavailable: it does not.
    """
    level = _connections.level
    _connections.setLevel(logging.CRITICAL)
    try:
        yield
    except StoreError as error:
        place = parse_location(address)
        message = (
            f"the store at {place} does not answer: {error}; is it running, and is "
            "EDGESEG_REDIS_URL right?"
        )
        raise StoreUnavailable(message) from error
    finally:
        _connections.setLevel(level)


@contextmanager
def open_store_server(settings: Settings, *, exclusive: bool = False) -> Iterator[str]:
    """Answer the address of the store, for as long as the context lasts.

    That is ``settings.redis_url``; without one the embedded server of the data
    folder, which is started and, at the end, stopped.

    Args:
        settings: with the address, or the data folder.
        exclusive: whether it is an error that a running service uses the folder;
            otherwise that service's server is used and left running.

    Raises:
        SettingsError: the embedded server cannot be had.
        StoreUnavailable: it does not come up.
    """
    if settings.redis_url:
        yield settings.redis_url
        return
    server = EmbeddedServer(settings.data_dir)
    try:
        server.start()
    except SettingsError:
        if exclusive or not server.is_answering():
            raise
        yield server.url
        return
    with _kept_alive(server):
        yield server.url


@contextmanager
def _kept_alive(server: EmbeddedServer) -> Iterator[None]:
    """Start the server again should it die meanwhile; stop it at the end."""
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(server, ended), daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()
        server.stop()


def _watch(server: EmbeddedServer, ended: threading.Event) -> None:
    while not ended.wait(_LOOK_EVERY_S):
        if server.is_alive():
            continue
        _log.error("the embedded store ended; it is started again")
        try:
            server.start(ended.is_set)
        except EdgesegError:
            _log.exception("the embedded store does not start; it is tried again")
