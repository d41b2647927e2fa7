"""An import that is interrupted, or whose store is away: what is done is told, and goes on."""

import asyncio
import json
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from edgeseg.cli import import_run
from edgeseg.cli.import_run import CHUNK_ROWS
from edgeseg.errors import StoreTimeout
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.memory_store import MemoryStore
from tests.unit.cli.conftest import Run

RULES = """
fields:
  - {id: email, label: E-mail, type: text, pii: true}
  - {id: age, label: Age, type: number}
segments:
  - {id: everyone, when: {all: []}}
"""
ROWS = 2 * CHUNK_ROWS + 10


class Faltering(MemoryStore):
    """Every second entry of the index does not arrive at first."""

    asked: ClassVar[list[str]] = []

    async def index(self, entry: str, visitor_id: str, *, plan: MetricPlan, now_ms: int) -> None:
        """Fail, or do it."""
        self.asked.append(entry)
        if len(self.asked) % 2:
            raise StoreTimeout("no reply within 1.0 s")
        await super().index(entry, visitor_id, plan=plan, now_ms=now_ms)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """The store of the command, which waits for nothing."""
    faltering = Faltering()
    module = sys.modules["edgeseg.cli.import_files"]  # the package has a command of this name
    monkeypatch.setattr(module, "store_from", lambda _settings: faltering)
    monkeypatch.setattr(import_run, "_RETRY_S", 0)
    return faltering


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Settings of the command."""
    for folder in ("rules", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text(RULES, "utf-8")
    folders = {name: str(tmp_path / name) for name in ("rules", "templates")}
    return {"redis_url": "redis://not-asked", "secret": "a secret of this test", **folders}


def test_addresses_wait_for_a_store_that_is_away(
    run: Run, store: MemoryStore, settings: dict[str, str], tmp_path: Path
) -> None:
    """As rows do: otherwise people could not be found for a privacy request."""
    rows = "".join(f"v{number},v{number}@example.org\n" for number in range(120))
    file = tmp_path / "people.csv"
    file.write_text("visitor,email\n" + rows, "utf-8")
    result = run("import", "profiles", str(file), "--consent", "marketing", **settings)
    assert result.exit_code == 0, result.output
    entries = set(Faltering.asked)
    assert len(entries) == 120
    found = [asyncio.run(store.look_up(entry)) for entry in entries]
    assert all(len(each) == 1 for each in found)


@pytest.mark.usefixtures("store")
def test_an_import_that_ends_early_tells_how_far_it_came(
    run: Run, settings: dict[str, str], tmp_path: Path
) -> None:
    """Gone on with, each refused row stands in the file of errors once."""
    rows = [f"v{number},7" for number in range(ROWS)]
    rows[0], rows[-2], rows[-1] = "v0,old", "v1,older", "v2,oldest"
    file, errors = tmp_path / "people.csv", tmp_path / "refused.jsonl"
    file.write_text("visitor,age\n" + "\n".join(rows), "utf-8")
    command = ("import", "profiles", str(file), "--consent", "a", "--errors", str(errors))
    result = run(*command, "--max-errors", "2", **settings)
    assert result.exit_code == 1
    assert f"the first {CHUNK_ROWS:,} rows are done; --resume goes on there" in result.stderr
    assert _rows(errors) == [1, ROWS - 1]
    with errors.open("a", encoding="utf-8") as file_of_errors:
        file_of_errors.write('{"row": 99')  # the power was cut
    result = run(*command, "--resume", **settings)
    assert f"{ROWS - 3:,} of {ROWS:,} rows imported, 3 refused" in result.output
    assert _rows(errors) == [1, ROWS - 1, ROWS]


def _rows(errors: Path) -> list[int]:
    return [json.loads(line)["row"] for line in errors.read_text("utf-8").splitlines()]
