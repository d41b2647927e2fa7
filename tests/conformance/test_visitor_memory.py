"""What a visitor costs in the store, and that the published table says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from edgeseg.clock import DAY_MS
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.profiles.retention import Retention
from tests.conformance.conftest import PATIENT
from tests.conformance.plans import NOW_MS
from tests.conformance.stores import open_redis_store
from tests.conformance.typical_visitor import attributes, course, metrics

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "profiles-in-redis.md"
ID = "4f1c2b3a5d6e7f8091a2b3c4d5e6f708"
LATER_MS = NOW_MS + 21 * DAY_MS
TYPICAL_BYTES = 1_500
SAMPLE = 15
ROWS = {
    "one page view": (0, 0, 1, 0),
    "and 20 attributes": (20, 0, 1, 0),
    "20 events, none of them kept": (0, 0, 20, 0),
    "and a journal of them": (0, 0, 20, 20),
    "and 30 metrics": (0, 30, 20, 20),
    "a typical visitor: all of it": (20, 30, 20, 20),
}


def published() -> dict[str, int]:
    """Answer the table of the page: row → bytes."""
    lines = [line.split("|") for line in PAGE.read_text("utf-8").splitlines() if "|" in line]
    cells = [(row[1].strip(), row[2].strip().replace(",", "")) for row in lines if len(row) > 3]
    return {name: int(text) for name, text in cells if text.isdigit()}


@pytest.fixture(scope="module")
def new_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server whose memory nothing has used yet: an allocation takes what it asked for."""
    with EmbeddedServer(tmp_path_factory.mktemp("memory")) as server:
        yield server


@pytest.mark.parametrize("row", ROWS)
async def test_the_published_memory_of_a_visitor_is_true(
    new_server: EmbeddedServer, key_prefix: str, row: str
) -> None:
    """Within a tenth, by ``MEMORY USAGE`` of the compacted profile, its key included.

    The least of a few: a chunk that another left may be up to 31 bytes larger than asked for.
    """
    fields, kept, events, journal = ROWS[row]
    happened = [*([attributes(fields)] if fields else []), *course(events)]
    store = await open_redis_store(
        new_server.url,
        prefix=key_prefix[:8],  # as long as the default one
        limits=PATIENT,
        retention=Retention(tail_lines=len(happened), journal_events=journal),
    )
    plan = metrics(kept) if kept else EMPTY_PLAN
    visitors = [f"{key_prefix[-9:-1]}{number:02}{ID[10:]}" for number in range(SAMPLE)]
    for visitor in visitors:
        await store.record(visitor, happened, plan=plan, now_ms=LATER_MS)
    await store.upkeep.drain()
    assert store.upkeep.compacted == SAMPLE
    await store.close()
    with redis.Redis.from_url(new_server.url, protocol=2) as client:
        keys = [f"{key_prefix[:8]}p:{{{visitor}}}" for visitor in visitors]
        used = min(int(client.memory_usage(key) or 0) for key in keys)
    assert published().get(row, 0) == pytest.approx(used, rel=0.1), f"{row}: {used}"
    assert used <= TYPICAL_BYTES
