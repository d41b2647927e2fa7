"""The store of a command: the configured server, or the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from edgeseg.errors import SettingsError
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.settings import Settings


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
    try:
        yield server.url
    finally:
        server.stop()
