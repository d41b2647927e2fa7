"""Commands run in the test's own process, with an environment that is given back."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from edgeseg.cli import main

ROOT = Path(__file__).parents[3]
Run = Callable[..., Result]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Settings of the test's own; commands change the environment, which is put back."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("EDGESEG_")}
    chosen = {
        "EDGESEG_DATA_DIR": str(tmp_path / "data"),
        "EDGESEG_RULES": str(ROOT / "rules"),
        "EDGESEG_TEMPLATES": str(ROOT / "templates"),
        "COLUMNS": "200",
    }
    with patch.dict(os.environ, clean | chosen, clear=True):
        yield chosen


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run a command; what it prints and how it ends is in the result."""

    def invoke(*words: str, **settings: str) -> Result:
        named = {f"EDGESEG_{name.upper()}": text for name, text in settings.items()}
        return CliRunner().invoke(main, words, env=named)

    return invoke


@pytest.fixture
def heard_interrupt() -> Iterator[None]:
    """Hear SIGINT, as commands do also where a script has started them with ``&``."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
