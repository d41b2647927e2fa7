"""The store of a command: the configured server, or the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.settings import Settings


@contextmanager
def open_store_server(settings: Settings) -> Iterator[str]:
    """Answer the address of the store, for as long as the context lasts.

    That is ``settings.redis_url``; without one the embedded server of the data
    folder, which is started, unless a running service of the same folder has it
    up already: then that one is used and left running.

    Raises:
        SettingsError: the embedded server cannot be had.
        StoreUnavailable: it does not come up.
    """
    if settings.redis_url:
        yield settings.redis_url
        return
    server = EmbeddedServer(settings.data_dir)
    if _answers(server):
        yield server.url
        return
    with server:
        yield server.url


def _answers(server: EmbeddedServer) -> bool:
    if not server.socket_path.exists():
        return False
    client = redis.Redis(unix_socket_path=str(server.socket_path), socket_timeout=1)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()
