"""Programs that are no Python packages, and the tests that need them.

A test says what it needs: ``@pytest.mark.needs("chromium")``. Where the program
is missing the test is skipped and one closing line says which and why; with
``CI=true`` it fails instead, so that a check cannot shrink unseen. ``path_of``
gives the program's path to fixtures that start it.
"""

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

CLIENTS = Path(__file__).parents[1] / "clients"
"""Folder of the npm clients; ``scripts/test-clients.sh`` installs them."""

WEB = Path(__file__).parents[2] / "web"
"""Folder of the snippet's source, with the npm packages that build and check it."""

PROGRAMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "chromium": (
            "chromium",
            "chromium-browser",
            "google-chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        ),
        "redis-server": ("redis-server", "valkey-server"),
        # Debian keeps daemons where only root's PATH looks.
        "nginx": ("nginx", "/usr/sbin/nginx"),
        # Version 9 and later have the second name.
        "varnishd": ("varnishd", "/usr/sbin/varnishd", "vinyld", "/usr/sbin/vinyld"),
        "npm-clients": (str(CLIENTS / "node_modules/.installed"),),
        "web-tools": (str(WEB / "node_modules/.installed"),),
    }
)
"""Each need's programs, the first one found serves. A need not listed is its own program."""

_skipped = pytest.StashKey[Counter[str]]()


def path_of(need: str) -> str | None:
    """Return the path of the program that serves a need, or None where there is none."""
    found = (shutil.which(program) for program in PROGRAMS.get(need, (need,)))
    return next((path for path in found if path is not None), None)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker and start the count."""
    config.addinivalue_line(
        "markers", "needs(*programs): programs that must be installed for this test"
    )
    config.stash[_skipped] = Counter()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are missing; with ``CI=true`` fail it."""
    needs = {str(need) for mark in item.iter_markers("needs") for need in mark.args}
    missing = sorted(need for need in needs if path_of(need) is None)
    if not missing:
        return
    reason = f"needs {', '.join(missing)}: not installed here"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI=true allows no such skip", pytrace=False)
    item.config.stash[_skipped].update(missing)
    pytest.skip(reason)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Close with one line on what was left out for want of a program."""
    skipped = config.stash[_skipped]
    if skipped:
        counts = ", ".join(f"{need} ({count})" for need, count in sorted(skipped.items()))
        terminalreporter.write_line(
            f"Left out for programs missing here: {counts}. Install them and run again.",
            yellow=True,
        )
