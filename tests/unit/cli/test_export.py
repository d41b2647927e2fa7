"""The export of events as a table, in every format."""

import asyncio
import csv
import io
import json
from pathlib import Path

import pyarrow.parquet
import pytest

from edgeseg.cli.row_file import open_rows
from edgeseg.clock import DAY_MS
from edgeseg.errors import InputError
from edgeseg.events.event import Event
from edgeseg.events.schema import EventType, Property
from edgeseg.insights.event_rows import Stream, Wanted, event_rows
from edgeseg.metric_plan import EMPTY_PLAN
from tests.conformance.stores import open_redis_store
from tests.unit.cli.conftest import Run

NOW_MS = 1_800_000_000_000  # 2027-01-15, 8:00 UTC
SHOWN = Event("campaign_shown", NOW_MS, {"campaign": "c", "variant": "v", "slot": "s"})
CONVERTED = Event(
    "campaign_converted",
    NOW_MS + DAY_MS,
    {"campaign": "c", "variant": "v", "goal": "g", "credited": True},
)
ASKED = Event("form_submitted", NOW_MS, {"form": "=1+1", "email": "a@example.org"})
TAGGED = Event("$tags_added", NOW_MS, {"tags": ["a"]})
HISTORY = [SHOWN, ASKED, TAGGED, CONVERTED]
EMAIL = Property(id="email", label="E-mail", type="text", pii=True)
DECLARED = {"form_submitted": EventType(id="form_submitted", label="", properties={"email": EMAIL})}


def rows(stream: Stream, from_ms: int = 0, until_ms: int = NOW_MS + 2 * DAY_MS) -> list[list[str]]:
    """What is told of the history."""
    wanted = Wanted(stream, from_ms, until_ms)
    return [list(row) for row in event_rows("v1", HISTORY, wanted, DECLARED)]


def test_each_stream_has_its_events_and_columns() -> None:
    """What edgeseg keeps for itself is in none."""
    at, later = "2027-01-15T08:00:00.000Z", "2027-01-16T08:00:00.000Z"
    assert rows(Stream.EXPOSURES) == [[at, "v1", "campaign_shown", "c", "v", "s", "", ""]]
    assert rows(Stream.CONVERSIONS) == [
        [later, "v1", "campaign_converted", "c", "v", "g", "true", "", "", ""]
    ]
    names = [row[2] for row in rows(Stream.EVENTS)]
    assert names == ["campaign_shown", "form_submitted", "campaign_converted"]


def test_what_identifies_people_is_left_out() -> None:
    """Where the rules say that it does."""
    assert json.loads(rows(Stream.EVENTS)[1][3]) == {"form": "=1+1"}


def test_the_period_is_half_open() -> None:
    """From the first instant on, and before the second."""
    assert len(rows(Stream.EVENTS, NOW_MS, NOW_MS + DAY_MS)) == 2
    assert rows(Stream.EVENTS, NOW_MS + DAY_MS + 1) == []


def test_csv_holds_no_formulas(tmp_path: Path) -> None:
    """Whatever visitors wrote."""
    target = tmp_path / "rows.csv"
    with open_rows(str(target), "csv", ["a", "b"]) as write:
        write([("=cmd()", 'with "quotes", and\nlines'), ("-1", "")])
    found = list(csv.reader(io.StringIO(target.read_text("utf-8"), newline="")))
    assert found == [["a", "b"], ["'=cmd()", 'with "quotes", and\nlines'], ["'-1", ""]]


def test_parquet_and_json_lines_hold_the_same(tmp_path: Path) -> None:
    """In as many steps as rows come in."""
    told = [("1", "x"), ("2", "")]
    lines, table = tmp_path / "rows.jsonl", tmp_path / "rows.parquet"
    for target, format_ in ((lines, "jsonl"), (table, "parquet")):
        with open_rows(str(target), format_, ["a", "b"]) as write:
            for row in told:
                write([row])
            write([])
    assert [json.loads(line) for line in lines.read_text().splitlines()] == [
        {"a": "1", "b": "x"},
        {"a": "2"},
    ]
    assert pyarrow.parquet.read_table(table).to_pylist() == [
        {"a": "1", "b": "x"},
        {"a": "2", "b": ""},
    ]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """And Parquet needs one."""
    with (
        pytest.raises(InputError, match="nowhere"),
        open_rows(str(tmp_path / "nowhere" / "x.csv"), "csv", ["a"]),
    ):
        pass
    with pytest.raises(InputError, match="Parquet"), open_rows("-", "parquet", ["a"]):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_told() -> None:
    """In one line, as for a file that cannot be opened; a reader that has seen enough is none."""
    for format_ in ("csv", "jsonl"):
        with (
            pytest.raises(InputError, match=r"/dev/full: .*No space"),
            open_rows("/dev/full", format_, ["a"]) as write,
        ):
            write([("x" * 100_000,)])
    with pytest.raises(BrokenPipeError), open_rows("-", "csv", ["a"]):
        raise BrokenPipeError


def test_all_visitors_are_exported(
    run: Run, redis_url: str, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the store that the settings name, to the screen."""

    async def visit() -> None:
        store = await open_redis_store(redis_url, prefix=key_prefix)
        for number in range(3):
            await store.record(f"v{number}", HISTORY, plan=EMPTY_PLAN, now_ms=NOW_MS)
        await store.erase("v2")
        await store.close()

    asyncio.run(visit())
    monkeypatch.setenv("EDGESEG_REDIS_URL", redis_url)
    monkeypatch.setenv("EDGESEG_KEY_PREFIX", key_prefix)
    result = run("export", "exposures", "--until", "2027-01-15")
    assert result.exit_code == 0, result.output
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["visitor"] for row in told} == {"v0", "v1"}
    assert "2 rows of 2 visitors" in result.stderr


@pytest.mark.parametrize("text", ["monday", "2026-11-22T10:00+01:00"])
def test_a_day_that_is_none_is_refused(run: Run, text: str) -> None:
    """With what would be one."""
    result = run("export", "events", "--from", text)
    assert result.exit_code == 1
    assert "--from: a day such as 2026-11-22" in result.stderr
