"""The pages on faults and attacks name tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"`((?:tests/)?[\w/]*test_\w+\.py)(?:::(test_\w+))?`")


@pytest.mark.parametrize("page", ["reliability", "threat-model"])
def test_every_test_that_is_named_is_there(page: str) -> None:
    """Renamed or removed, it must be so on the page, too."""
    text = (ROOT / "docs" / "explanation" / f"{page}.md").read_text("utf-8")
    named = NAMED.findall(text)
    assert len(named) > 20
    for file, name in named:
        path = ROOT / (file if file.startswith("tests/") else f"tests/e2e/{file}")
        assert path.is_file(), file
        assert f"def {name or 'test_'}" in path.read_text("utf-8"), f"{file}::{name}"
