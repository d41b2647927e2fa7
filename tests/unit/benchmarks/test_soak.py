"""The soak finds what grows and what becomes slower, and nothing else."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from rich.console import Console

from benchmarks.classify.serving import CannotRun
from benchmarks.footprint import Footprint, footprint_of
from benchmarks.soak.run import LEAK_BYTES, Turn, list_figures, run
from benchmarks.soak.traffic import NEW, draw_page_views
from benchmarks.soak.trend import slope_of
from edgeseg.delivery.visitor_id import CookieSigner

COOKIES = [
    CookieSigner(["a secret of the tests"]).write(name, {"marketing": True}, 0)
    for name in ("visitor-a", "visitor-b")
]
GROWTH, FILES, SLOWER = (
    "growth of the workers' anonymous memory for each page view, once caches are full",
    "open files of a worker in the last third, more than in the first",
    "p99 in hello's, in the last third of the first third's",
)
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what processes hold")


def _turn(
    number: int, *, mb: float = 100.0, files: int = 20, p99_us: float = 3_000, pid: int = 1
) -> Turn:
    held = Footprint(resident_mb=mb + 20, private_mb=60, anonymous_mb=mb, files=files)
    return Turn(
        views=1_000 * (number + 1),
        load=0.7,
        p50_us=1_000,
        p99_us=p99_us,
        hello_p99_us=1_000,
        bad=0,
        foreign=0,
        degraded=0,
        workers={pid: held, 99: held},
    )


def _found(turns: Sequence[Turn]) -> dict[str, tuple[float, str]]:
    return {each.name: (each.spread.median, each.verdict) for each in list_figures(turns)}


def test_a_service_that_stays_as_it_is_reaches_every_bar() -> None:
    """Memory may grow while caches fill, and a single turn may be out of line."""
    turns = [_turn(number, mb=60 + min(number, 9) * 5) for number in range(20)]
    turns[15] = _turn(15, mb=150, p99_us=90_000)
    found = _found(turns)

    assert found[GROWTH][0] == 0
    assert "MISSED" not in [verdict for _median, verdict in found.values()]


def test_a_leak_of_one_small_object_for_each_page_view_is_found() -> None:
    """Two workers that lose 16 bytes between them grow by 16 bytes."""
    turns = [_turn(number, mb=100 + 8 * 1_000 * number / 2**20) for number in range(20)]
    growth, verdict = _found(turns)[GROWTH]

    assert growth == pytest.approx(16)
    assert growth > LEAK_BYTES
    assert verdict == "MISSED"


def test_open_files_and_waits_that_grow_are_found() -> None:
    """One more connection a turn, and a tail that becomes longer beside the same hello."""
    turns = [_turn(n, files=20 + n, p99_us=3_000 + 200 * n) for n in range(12)]
    found = _found(turns)

    assert found[FILES] == (8, "MISSED")
    assert found[SLOWER][0] == pytest.approx(4_900 / 3_300, rel=0.01)
    assert found[SLOWER][1] == "MISSED"


def test_a_worker_that_ended_is_found() -> None:
    """The supervisor starts another one, whose memory tells nothing of the first one's."""
    turns = [_turn(number, pid=1 if number < 5 else 2) for number in range(12)]
    assert _found(turns)["workers that ended"] == (1, "MISSED")


def test_an_outlier_does_not_move_the_slope() -> None:
    """A straight line is found through points of which one is far away."""
    points = [(float(x), 2.0 * x + 1) for x in range(10)]
    points[7] = (7.0, 500.0)

    assert slope_of(points) == pytest.approx(2.0)
    assert slope_of([(1.0, 5.0)]) == 0.0


@linux
def test_a_process_tells_what_it_holds() -> None:
    """More than nothing, all of its own pages among all that are in memory."""
    here = footprint_of(os.getpid())
    assert 1 < here.private_mb <= here.resident_mb
    assert here.anonymous_mb > 1
    kept = bytearray(b"x") * 2**27  # so many that what else is given back hardly matters
    assert 64 < footprint_of(os.getpid()).anonymous_mb - here.anonymous_mb < 192
    assert kept
    with Path(os.devnull).open():
        assert footprint_of(os.getpid()).files == here.files + 1


def test_a_process_that_ended_is_not_measured() -> None:
    """A benchmark says so instead of taking it for small."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        with pytest.raises(CannotRun, match=str(process.pid)):
            footprint_of(process.pid)


def test_page_views_are_as_on_a_site() -> None:
    """Most are of known visitors; of the others every other one agrees to be remembered."""
    views = list(draw_page_views(COOKIES, 2_000, Random(1)))
    new = [request for visitor, request in views if not visitor]

    assert len(new) / len(views) == pytest.approx(NEW, rel=0.3)
    assert not [request for request in new if b"Cookie" in request]
    assert len([r for r in new if b'"consent"' in r]) / len(new) == pytest.approx(0.5, rel=0.3)
    assert {visitor for visitor, _request in views} == {b"visitor-a", b"visitor-b", b""}
    assert len({request for _visitor, request in views}) > len(views) / 2


@pytest.mark.long
@linux
def test_a_short_soak_measures_the_real_service() -> None:
    """Two workers of `edgeseg serve`, some seconds: what it finds is not judged here."""
    found = {each.name: each for each in run(Console(quiet=True), quick=True, seconds=5).figures}

    assert found["answers to other visitors"].values == [0]
    assert found["workers that ended"].values == [0]
    assert len(found["anonymous memory of a worker at the end"].values) == 2
    assert min(found["anonymous memory of a worker at the end"].values) > 20
