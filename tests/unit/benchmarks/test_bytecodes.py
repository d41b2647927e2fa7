"""Counting bytecodes: the same number for the same work, through the real protocols."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.bytecodes.counter import BytecodeCounter, Work
from benchmarks.bytecodes.lanes import Lanes
from benchmarks.bytecodes.requests import REQUESTS
from benchmarks.bytecodes.run import CONTENDERS, list_figures
from benchmarks.classify import hello
from benchmarks.classify.run import CONTENDERS as TIMED
from benchmarks.classify.serving import CannotRun
from benchmarks.service import EDGESEG, PLAIN_HTTP
from edgeseg.app import create_door
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.settings import Settings

ROOT = Path(__file__).parents[3]


def _double(number: int) -> int:
    return number + number


def _work(times: int) -> Work:
    with BytecodeCounter().counting():
        _double(0)
    counter = BytecodeCounter()
    with counter.counting():
        for number in range(times):
            _double(number)
    return counter.work(times)


def test_the_same_work_is_the_same_number() -> None:
    """However often it is done, and nothing of the caller's own loop."""
    few, many = _work(10), _work(1_000)
    share = {each.function.rpartition(" ")[2]: each for each in many.functions}["_double"]
    assert few.functions[0].bytecodes == many.functions[0].bytecodes == share.bytecodes
    assert share.frames == 1
    assert 3 <= share.bytecodes < 10


async def _count(lanes: Lanes, requests: Sequence[bytes]) -> Work:
    counter = BytecodeCounter()
    with BytecodeCounter().counting():
        await lanes.send_all(requests)
    with counter.counting():
        await lanes.send_all(requests)
    return counter.work(len(requests))


async def test_a_server_needs_no_socket_to_be_counted() -> None:
    """About the same number in two goes, the event loop's own included, and functions by name."""
    requests = [REQUESTS["hello"](number, "") for number in range(8)]
    one, other = [await _count(Lanes(hello.app, PLAIN_HTTP, 4), requests) for _ in range(2)]
    assert one.bytecodes == pytest.approx(other.bytecodes, rel=0.1)
    assert 300 < one.bytecodes < 3_000
    named = [each.function for each in one.functions]
    assert any(each.endswith(" RequestResponseCycle.send") for each in named)
    assert not any("benchmarks/bytecodes" in each for each in named)


@pytest.mark.parametrize("face", ["classify", "fragment", "flag"])
async def test_every_face_answers_what_is_counted(face: str, tmp_path: Path) -> None:
    """The requests are those that the service understands."""
    settings = Settings(
        data_dir=str(tmp_path), rules=str(ROOT / "rules"), templates=str(ROOT / "templates")
    )
    door = create_door(settings, store=MemoryStore())
    requests = [REQUESTS[face](number, "") for number in range(8)]
    work = await _count(Lanes(door, EDGESEG[1], 4), requests)
    assert any("_hot" in each.function for each in work.functions)
    assert work.frames > 10


async def test_a_refusal_is_not_counted_as_an_answer(tmp_path: Path) -> None:
    """A benchmark of failures would be a quick one."""
    settings = Settings(
        data_dir=str(tmp_path), rules=str(ROOT / "rules"), templates=str(ROOT / "templates")
    )
    lanes = Lanes(create_door(settings, store=MemoryStore()), EDGESEG[1], 1)
    request = REQUESTS["classify"](1, "").replace(b'"slots"', b'"slits"')
    with pytest.raises(CannotRun, match="slits"):
        await lanes.send_all([request])


def test_what_is_counted_is_what_is_timed() -> None:
    """Figures of both benchmarks can be laid side by side."""
    assert set(CONTENDERS) <= set(TIMED)
    work = Work(bytecodes=1_000.0, frames=20.0, functions=[])
    names = [each.name for each in list_figures(dict.fromkeys(CONTENDERS, work))]
    assert names[:2] == ["hello: bytecodes a request", "hello: frames a request"]
    assert all(each.slack < 0.02 for each in list_figures({"hello": work}))
