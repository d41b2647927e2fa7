"""Settings of services in the tests of their faces."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeseg.settings import Settings

KEY = "server-key-of-the-tests"
SERVER = {"Authorization": f"Bearer {KEY}"}


def write_settings(
    folder: Path, rules: str, templates: Mapping[str, str] = {}, **others: Any
) -> Settings:
    """Write rules and templates into ``folder``; answer settings that name them and `KEY`."""
    for name, files in (("rules", {"all.yaml": rules}), ("templates", templates)):
        (folder / name).mkdir()
        for file, text in files.items():
            (folder / name / file).write_text(text, "utf-8")
    own: dict[str, Any] = {
        "rules": str(folder / "rules"),
        "templates": str(folder / "templates"),
        "secret": ("secret-of-the-tests",),
        "server_keys": (KEY,),
        "reload_s": 0.0,
    }
    return Settings(**(own | others))
