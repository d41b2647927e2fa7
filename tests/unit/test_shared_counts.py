"""What Prometheus is told of the counts of one worker, and of several."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edgeseg import shared_counts
from edgeseg.process_use import Use, own_use
from edgeseg.shared_counts import GONE_S, SharedCounts
from edgeseg.telemetry import SHARED, Telemetry

NAME = "http_server_request_duration_seconds"


def _answer(counts: SharedCounts, times: int = 1, status: int = 200) -> None:
    route = counts.route("POST", "/v1/classify")
    for _ in range(times):
        route.answered(status, perf_counter())


def _answered(counts: SharedCounts) -> float:
    [durations] = [family for family in counts.collect() if family.name == NAME]
    return sum(each.value for each in durations.samples if each.name == f"{NAME}_count")


def _worker(folder: Path, pid: int, monkeypatch: pytest.MonkeyPatch) -> SharedCounts:
    monkeypatch.setattr(os, "getpid", lambda: pid)
    return SharedCounts(folder)


async def _run_and_end(counts: SharedCounts) -> None:
    sharing = asyncio.create_task(counts.share())
    await asyncio.sleep(0)
    sharing.cancel()
    with suppress(asyncio.CancelledError):
        await sharing


def test_the_exposition_is_a_histogram_by_the_convention() -> None:
    """Buckets add up to the count, and the labels are OpenTelemetry's."""
    telemetry = Telemetry()
    _answer(telemetry.hot, 3)
    families = {
        each.name: each for each in text_string_to_metric_families(telemetry.exposition().decode())
    }
    samples = families[NAME].samples
    assert families[NAME].type == "histogram"
    values = {each.labels["le"]: each.value for each in samples if each.name == f"{NAME}_bucket"}
    assert list(values.values()) == sorted(values.values())
    assert values["+Inf"] == 3
    [count] = [each for each in samples if each.name == f"{NAME}_count"]
    assert count.value == 3
    assert count.labels == {
        "otel_scope_name": "edgeseg",
        "http_request_method": "POST",
        "http_route": "/v1/classify",
        "http_response_status_code": "200",
    }
    assert families["process_cpu_seconds"].samples[0].value > 0


async def test_a_worker_that_ends_hands_over_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others tell of it from then on, each exactly once."""
    one = _worker(tmp_path, 1, monkeypatch)
    other = _worker(tmp_path, 2, monkeypatch)
    _answer(one, 3)
    _answer(other, 4)
    one.near_reads("copy").times += 5
    assert _answered(other) == 4

    await _run_and_end(one)

    assert _answered(other) == 7
    reads = [each for family in other.collect() for each in family.samples if "near" in each.name]
    assert [each.value for each in reads] == [5]


def test_what_was_told_once_is_told_after_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To Prometheus a counter that goes back has begun anew, and all of it would be news."""
    killed, other = (_worker(tmp_path, pid, monkeypatch) for pid in (1, 2))
    _answer(killed, 3)
    assert _answered(killed) == 3

    assert _answered(other) == 3


async def test_counts_are_handed_over_while_a_worker_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again and again, without its end."""
    monkeypatch.setattr(shared_counts, "HAND_OVER_S", 0.001)
    one, other = (_worker(tmp_path, pid, monkeypatch) for pid in (1, 2))
    sharing = asyncio.create_task(one.share())
    for expected in (2, 4):
        _answer(one, 2)
        async with asyncio.timeout(20):
            while _answered(other) < expected:  # noqa: ASYNC110 - it looks at a file
                await asyncio.sleep(0.001)
        assert _answered(other) == expected
    sharing.cancel()
    with suppress(asyncio.CancelledError):
        await sharing


async def test_a_worker_with_the_number_of_a_former_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Process ids come again; no counter may go back."""
    former = _worker(tmp_path, 1, monkeypatch)
    _answer(former, 3)
    await _run_and_end(former)
    other = _worker(tmp_path, 2, monkeypatch)

    successor = _worker(tmp_path, 1, monkeypatch)
    assert _answered(successor) == 3
    _answer(successor, 1, status=500)
    await _run_and_end(successor)

    assert _answered(other) == 4


async def test_a_folder_that_takes_nothing_stops_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said in the log, and the worker's own counts go on."""
    folder = tmp_path / "shared"
    folder.mkdir()
    counts = _worker(folder, 1, monkeypatch)
    _answer(counts)
    folder.rmdir()

    await _run_and_end(counts)

    assert "counts are not handed over" in caplog.text
    assert _answered(counts) == 1


def test_one_worker_writes_nothing(tmp_path: Path) -> None:
    """Only several need a folder."""
    assert not Telemetry({}).is_shared
    assert Telemetry({SHARED: str(tmp_path)}).is_shared


def _taken(counts: SharedCounts) -> dict[str, float]:
    return {
        family.name: family.samples[0].value
        for family in counts.collect()
        if family.name in {"process_resident_memory_bytes", "process_open_fds"}
    }


async def test_memory_and_open_files_are_those_of_living_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They add up; who ended takes nothing any more, who was killed soon."""
    now_s = 1_000.0

    def work(pid: int, use: Use) -> SharedCounts:
        monkeypatch.setattr(os, "getpid", lambda: pid)
        return SharedCounts(tmp_path, clock=lambda: now_s, use=lambda: use)

    one, killed, ended = work(1, Use(100, 10)), work(2, Use(200, 20)), work(3, Use(400, 40))
    killed._hand_over()
    ended._hand_over()
    assert _taken(one) == {"process_resident_memory_bytes": 700, "process_open_fds": 70}
    await _run_and_end(ended)
    assert _taken(one) == {"process_resident_memory_bytes": 300, "process_open_fds": 30}
    now_s += GONE_S + 1
    assert _taken(one) == {"process_resident_memory_bytes": 100, "process_open_fds": 10}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells of memory there")
def test_this_process_takes_memory_and_files(tmp_path: Path) -> None:
    """Megabytes and some files; one more with one more."""
    before = own_use()
    assert 5_000_000 < before.resident_bytes < 50_000_000_000
    with (tmp_path / "file").open("w"):
        assert own_use().open_fds == before.open_fds + 1


def test_nothing_is_told_where_nobody_knows() -> None:
    """A system without /proc, rather than zeros."""
    assert _taken(SharedCounts(None, use=Use)) == {}
