"""`edgeseg import` that is killed and goes on, beside live traffic: every row counts once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgeseg.assembly import store_from
from edgeseg.cli.import_state import read_state, state_path_of
from edgeseg.clock import system_clock
from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.settings import Settings
from tests.e2e.service import RULES, TEMPLATES, wait_for

ROWS = 60_000
VISITORS = 240


def _write(path: Path) -> None:
    first_ms = system_clock() - 10 * ROWS
    with path.open("w", encoding="utf-8") as file:
        file.write("visitor,event,timestamp,path\n")
        for number in range(ROWS):
            at_ms = first_ms + 10 * number
            file.write(f"v{number % VISITORS},page_viewed,{at_ms},/page-{number % 7}\n")


@pytest.mark.needs("redis-server")
async def test_a_killed_import_goes_on_and_counts_every_row_once(
    debian_server: EmbeddedServer, key_prefix: str, tmp_path: Path
) -> None:
    """After kill -9 at any moment, `--resume` leaves as many events as the file has rows."""
    file = tmp_path / "views.csv"
    _write(file)
    prefix = key_prefix[:50]
    clean = {name: text for name, text in os.environ.items() if not name.startswith("EDGESEG_")}
    environment = clean | {
        "EDGESEG_REDIS_URL": debian_server.url,
        "EDGESEG_KEY_PREFIX": prefix,
        "EDGESEG_RULES": str(RULES),
        "EDGESEG_TEMPLATES": str(TEMPLATES),
        "EDGESEG_DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "edgeseg", "import", "events", str(file), "--json"]
    command += ["--consent", "marketing"]

    def start(*options: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*command, *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def has_come_to(rows: int) -> bool:
        state = read_state(state_path_of(file))
        return state is not None and state.counts.rows >= rows

    for rows, options in ((1, ()), (ROWS // 3, ("--resume",))):
        killed = start(*options)
        wait_for(lambda rows=rows: has_come_to(rows), 60, f"{rows} rows are imported")
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL, "it was faster than the test"
    refused = start()
    assert "--resume goes on there" in refused.communicate()[1]

    last = start("--resume")
    url = debian_server.url
    store = store_from(Settings(redis_url=url, key_prefix=prefix, budget_ms=10_000))
    await store.open()
    for _ in range(5):  # live traffic meanwhile
        view = [Event("page_viewed", system_clock(), {"path": "/live"})]
        await asyncio.gather(
            *(
                store.record(f"v{n}", view, plan=EMPTY_PLAN, now_ms=system_clock())
                for n in range(VISITORS)
            )
        )
    output, errors = await asyncio.to_thread(last.communicate, timeout=60)
    assert last.returncode == 0, errors
    counts = json.loads(output)["counts"]
    assert (counts["rows"], counts["imported"]) == (ROWS, ROWS)
    stored = 0
    for number in range(VISITORS):
        profile = await store.read(f"v{number}", plan=EMPTY_PLAN)
        assert profile is not None
        stored += profile.totals["page_viewed"].count
    await store.close()
    assert stored == ROWS + 5 * VISITORS
