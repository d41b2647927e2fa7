"""Files declare where lists are read."""

from pathlib import Path

import pytest

from edgeseg.audiences.list_figures import ListFigures
from edgeseg.audiences.list_upkeep import ListUpkeep
from edgeseg.delivery.list_fetch import Reach
from edgeseg.delivery.list_finder import find_sources
from edgeseg.delivery.list_sources import MAX_SOURCE_BYTES, read_source
from edgeseg.errors import InputError
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.list_store import MAX_LISTS, ListStatus
from edgeseg.profiles.memory_lists import MemoryLists
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.telemetry import Telemetry

REACH = Reach(private=False, max_bytes=1_000)


@pytest.mark.parametrize(
    "text",
    [
        "http: https://host/\nredis_set: x",
        "every: 10m",
        "redis_set: x\nevery: soon",
        "redis_set: x\nevery: 0m",
        "redis_set: x\nids: people",
        "redis_set: x\ncolour: red",
        "http: ftp://host/",
        "http: https://host/\nheader: {Host: other}",
        "http: https://host/\nheader: {If-None-Match: '\"x\"'}",
        'http: https://host/\nheader: {"a: b": c}',
        "- redis_set: x",
        "redis_set: [",
        "redis_set: x  #" + "x" * MAX_SOURCE_BYTES,
    ],
)
def test_a_file_that_declares_no_source_is_refused(tmp_path: Path, text: str) -> None:
    """Both or none of the two kinds, what is unknown, broken or too large."""
    path = tmp_path / "gold.source.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError):
        read_source(path)


@pytest.mark.parametrize("every", ["1 hour", "600", "0m"])
def test_how_an_interval_is_written_is_told(tmp_path: Path, every: str) -> None:
    """A pattern, or the name of a type, would tell nobody."""
    path = tmp_path / "gold.source.yaml"
    path.write_text(f"redis_set: x\nevery: {every}", "utf-8")
    with pytest.raises(InputError, match="a whole number and s, m, h or d, such as 1h"):
        read_source(path)


async def test_a_set_is_read_as_often_as_declared(tmp_path: Path) -> None:
    """Not before; a broken declaration leaves the list as it was, and is told and counted."""
    store, telemetry = MemoryStore(), Telemetry()
    lists = store.lists
    assert isinstance(lists, MemoryLists)
    identities = Identities("a key")
    now_ms = 1_000_000
    upkeep = ListUpkeep(
        lists,
        lambda: now_ms,
        0,
        lambda: find_sources(tmp_path, identities, lists, REACH),
        ListFigures(telemetry),
    )
    declared = tmp_path / "gold.source.yaml"
    declared.write_text("redis_set: crm:gold\nids: user\nevery: 10m", "utf-8")
    lists.sets["crm:gold"] = {b"ann", b"bob"}
    await upkeep.look_after_all()
    lists.sets["crm:gold"] = {b"ann", b"bob,of-line", b"bad\nline"}
    now_ms += 599_000
    await upkeep.look_after_all()
    assert [each.members for each in await lists.all()] == [2]
    now_ms += 1_000
    await upkeep.look_after_all()
    (known,) = await lists.all()
    assert (known.members, known.put_ms, known.source) == (1, now_ms, declared.name)
    declared.write_text("redis_set: crm:gold\nevery: often", "utf-8")
    await upkeep.look_after_all()
    (known,) = await lists.all()
    assert (known.members, "every" in known.error) == (1, True)
    told = telemetry.exposition().decode()
    assert 'edgeseg_list_failures_total{list="gold"} 1.0' in told
    assert 'edgeseg_list_members{list="gold"} 1.0' in told


async def test_headers_come_from_files_and_are_never_told(tmp_path: Path) -> None:
    """One that cannot be read, or sent, is named without its value."""
    store = MemoryStore()
    secret = tmp_path / "secret"
    text = f"http: https://host/\nheader: {{Authorization: {{file: {secret}}}}}"
    (tmp_path / "gold.source.yaml").write_text(text, "utf-8")
    upkeep = ListUpkeep(
        store.lists,
        lambda: 1,
        0,
        lambda: find_sources(tmp_path, Identities("a key"), store.lists, REACH),
    )
    for told in ("cannot be read", "printable"):
        await upkeep.look_after_all()
        (known,) = await store.lists.all()
        assert told in known.error
        assert "hidden" not in known.error
        secret.write_text("hid\nhidden", "utf-8")


def test_figures_name_a_bounded_number_of_lists() -> None:
    """The others are added up, and those that are gone have no members."""
    telemetry = Telemetry()
    figures = ListFigures(telemetry)
    figures.show([ListStatus(name=f"l{number}", members=1) for number in range(MAX_LISTS)])
    figures.show([ListStatus(name=name, members=2) for name in ("l0", "new", "newer")])
    told = telemetry.exposition().decode()
    assert 'edgeseg_list_members{list="l0"} 2.0' in told
    assert 'edgeseg_list_members{list="l1"} 0.0' in told
    assert 'edgeseg_list_members{list="(other)"} 4.0' in told
    assert "newer" not in told
