"""Lists reach visitors who came after them."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from edgeseg.audiences.list_upkeep import ListSource, ListUpkeep
from edgeseg.delivery.list_fetch import Reach
from edgeseg.delivery.list_finder import find_sources
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.memory_store import MemoryStore

REACH = Reach(private=False, max_bytes=1_000)


async def _ann() -> AsyncIterator[Sequence[str]]:
    yield ["ann"]


async def test_a_member_whose_profile_is_new_is_told() -> None:
    """All lists are looked at now and then."""
    store = MemoryStore()
    await store.lists.put("gold", _ann(), now_ms=1)
    await store.record("ann", [], plan=EMPTY_PLAN, now_ms=1)
    upkeep = asyncio.create_task(ListUpkeep(store.lists, lambda: 1, 0.01).run())
    async with asyncio.timeout(20):
        while not (await store.lists.all())[0].applied:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.001)
    upkeep.cancel()
    await asyncio.wait([upkeep])
    profile = await store.read("ann", plan=EMPTY_PLAN)
    assert profile is not None
    assert profile.lists == ("gold",)


async def test_lists_are_kept_in_step_with_files(tmp_path: Path) -> None:
    """A changed file is put anew, others are not read; one that breaks off changes nothing."""
    store = MemoryStore()
    for visitor_id in ("ann", "bob"):
        await store.record(visitor_id, [], plan=EMPTY_PLAN, now_ms=1)
    identities = Identities("a key")
    now_ms = 1
    upkeep = ListUpkeep(
        store.lists,
        lambda: now_ms,
        0,
        lambda: find_sources(tmp_path, identities, store.lists, REACH),
    )
    gold, silver = tmp_path / "gold.csv", tmp_path / "silver.txt.gz"
    gold.write_text("ann\n", "utf-8")
    silver.write_bytes(gzip.compress(b"bob\n" * 500)[:-9])
    (tmp_path / "NOT-a-list.csv").write_text("ann\n", "utf-8")
    await upkeep.look_after_all()
    told = {each.name: each for each in await store.lists.all()}
    assert (told["gold"].applied, told["gold"].source) == (1, "gold.csv")
    assert (told["silver"].members, "cannot be read" in told["silver"].error) == (0, True)
    now_ms = 2
    gold.write_text("ann\nbob\n", "utf-8")
    silver.write_bytes(gzip.compress(b"bob\n"))
    await upkeep.look_after_all()
    now_ms = 3
    await upkeep.look_after_all()
    told = {each.name: each for each in await store.lists.all()}
    assert (told["gold"].applied, told["gold"].put_ms) == (2, 2)
    assert (told["silver"].applied, told["silver"].error) == (1, "")


async def test_two_files_of_one_list_change_nothing(tmp_path: Path) -> None:
    """Neither undoes what the other says; the list tells of both until one is gone."""
    store = MemoryStore()
    upkeep = ListUpkeep(
        store.lists,
        lambda: 1,
        0,
        lambda: find_sources(tmp_path, Identities("a key"), store.lists, REACH),
    )
    (tmp_path / "gold.csv").write_text("ann\nbob\n", "utf-8")
    await upkeep.look_after_all()
    declared = tmp_path / "gold.source.yaml"
    declared.write_text("redis_set: crm:gold\n", "utf-8")
    for _ in range(3):
        await upkeep.look_after_all()
        (known,) = await store.lists.all()
        assert known.members == 2
        assert "gold.csv and gold.source.yaml both" in known.error
    declared.unlink()
    await upkeep.look_after_all()
    (known,) = await store.lists.all()
    assert (known.members, known.error, known.source) == (2, "", "gold.csv")


async def test_a_fault_of_a_source_does_not_end_the_upkeep(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever it raises is logged, and all lists are looked at again at the next turn."""
    store = MemoryStore()
    await store.lists.put("gold", _ann(), now_ms=1)
    turns = 0

    def faulty() -> Sequence[ListSource]:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise PermissionError("not yours")
        return ()

    upkeep = asyncio.create_task(ListUpkeep(store.lists, lambda: 1, 0.01, faulty).run())
    async with asyncio.timeout(20):
        while not (await store.lists.all())[0].applied_ms:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.001)
    upkeep.cancel()
    await asyncio.wait([upkeep])
    assert "not yours" in caplog.text


async def test_all_lists_are_looked_at_however_often_one_is_put(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is put here all the time does not keep the others from their turn."""
    store = MemoryStore()
    turns, now_s = 0, 1.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now_s)

    def count_turns() -> Sequence[ListSource]:
        nonlocal turns
        turns += 1
        return ()

    upkeep = ListUpkeep(store.lists, lambda: 1, 60, count_turns)
    running = asyncio.create_task(upkeep.run())
    for _ in range(50):
        upkeep.note("gold")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        now_s += 10
    running.cancel()
    await asyncio.wait([running])
    assert turns > 5


async def test_a_folder_that_cannot_be_looked_at_leaves_lists_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Members whose profile is new are told all the same."""
    store = MemoryStore()
    await store.lists.put("gold", _ann(), now_ms=1)
    identities = Identities("a key")

    def locked(path: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", locked)  # root may read whatever the test locks
    upkeep = ListUpkeep(
        store.lists, lambda: 2, 0, lambda: find_sources(tmp_path, identities, store.lists, REACH)
    )
    await upkeep.look_after_all()
    assert (await store.lists.all())[0].applied_ms == 2
    assert "Permission denied" in caplog.text


async def test_a_file_that_goes_while_others_are_found_is_told_of(tmp_path: Path) -> None:
    """The list says that its file cannot be read; the others are put."""
    store = MemoryStore()
    for name in ("bronze", "gold", "silver"):
        (tmp_path / f"{name}.csv").write_text("ann\n", "utf-8")

    def found() -> Iterator[ListSource]:
        for source in find_sources(tmp_path, Identities("a key"), store.lists, REACH):
            (tmp_path / "gold.csv").unlink(missing_ok=True)
            yield source

    await ListUpkeep(store.lists, lambda: 1, 0, found).look_after_all()
    told = {each.name: each for each in await store.lists.all()}
    assert (told["bronze"].members, told["silver"].members) == (1, 1)
    assert "gold.csv cannot be read" in told["gold"].error
