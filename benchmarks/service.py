"""The service under test: its rules, its visitors and its store, on a core of their own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.classify.rules import SEGMENTS, SHARE, write_rules
from benchmarks.classify.serving import CannotRun, pin
from benchmarks.classify.visitors import PREFIX, SECRET, Visitors
from edgeseg.clock import system_clock
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.rule_folder import RuleFolder

SERVER_CORE: Final = 0
OTHER_CORE: Final = 1
"""Of the load generator and the store."""
PLAIN_HTTP: Final = "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol"
HELLO: Final = ("benchmarks.classify.hello:build", PLAIN_HTTP)
EDGESEG: Final = (
    "edgeseg.app:serve_from_environment",
    "edgeseg.delivery.hot_protocol:HotProtocol",
)
"""Application factory and HTTP protocol."""
RETURNING: Final = 1_000
"""So many visitors' copies fit into a worker's memory; all of them do not."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What servers under test stand on.

    Attributes:
        store: the running store.
        environment: settings of the service.
        cookies: file of every visitor's cookie, who are so many that none is in a worker's
            memory any more when their turn comes again.
        returning: file of the cookies of `RETURNING` visitors, who are.
        visitors: their ids and profiles.
    """

    store: EmbeddedServer
    environment: dict[str, str]
    cookies: Path
    returning: Path
    visitors: Visitors


@contextmanager
def ground(segments: int = SEGMENTS, share: float = SHARE) -> Iterator[Ground]:
    """Write rules and profiles; run a store, pinned to `OTHER_CORE`.

    About ``share`` of the segments match a visitor.

    Raises:
        CannotRun: there is one core only.
    """
    if (os.cpu_count() or 1) < 2:
        raise CannotRun("two cores are needed: one for the server, one for what loads it")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgeseg-bench-")))
        rules, templates = write_rules(folder, segments, share)
        visitors = Visitors(RuleFolder(rules, templates).build(), system_clock())
        visitors.write_cookies(folder / "cookies")
        returning = "\n".join(visitors.cookies[:RETURNING]) + "\n"
        (folder / "returning").write_text(returning, "utf-8")
        store = stack.enter_context(EmbeddedServer(folder / "store"))
        pin(store.pid, OTHER_CORE)
        visitors.store(store.url)
        yield Ground(
            store=store,
            environment=settings_for(store.url, rules, templates),
            cookies=folder / "cookies",
            returning=folder / "returning",
            visitors=visitors,
        )


def settings_for(store_url: str, rules: Path, templates: Path) -> dict[str, str]:
    """Answer the settings of a service under load from one machine."""
    return {
        "EDGESEG_REDIS_URL": store_url,
        "EDGESEG_RULES": str(rules),
        "EDGESEG_TEMPLATES": str(templates),
        "EDGESEG_SECRET": SECRET,
        "EDGESEG_KEY_PREFIX": PREFIX,
        "EDGESEG_VISITOR_RATE": "1000000",  # few visitors, who view pages all the time
    }
