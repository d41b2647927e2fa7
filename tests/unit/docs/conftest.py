"""A service over a real store, with the sample rules."""

from pathlib import Path

import pytest

from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.settings import Settings
from tests.unit.docs.pages import ROOT


@pytest.fixture
def settings(embedded_server: EmbeddedServer, key_prefix: str, tmp_path: Path) -> Settings:
    """The settings of the service; a slow machine must not make its answers degraded."""
    return Settings(
        redis_url=embedded_server.url,
        key_prefix=key_prefix,
        data_dir=str(tmp_path),
        rules=str(ROOT / "rules"),
        templates=str(ROOT / "templates"),
        reload_s=0,
        budget_ms=10_000,
    )
