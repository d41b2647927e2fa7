"""The products as one worker knows them."""

import asyncio
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from edgeseg import assortment as module
from edgeseg import catalogue_file
from edgeseg.assortment import LiveAssortment
from edgeseg.catalogue_file import CatalogueFile, find_catalogue
from edgeseg.decisions.snapshot import Snapshot, build_snapshot
from edgeseg.errors import InputError, SettingsError, StoreTimeout, TooLargeError
from edgeseg.events.event import Event
from edgeseg.profiles.fold import fold
from edgeseg.profiles.memory_products import MemoryProducts
from edgeseg.profiles.product_store import ORIGIN_MS, VIEWED_WITH, Count, Kind
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.telemetry import Telemetry

CSV = "id,name,url\na,A,/a\nb,B,/b\nc,C,/c\n"


class Breakable(MemoryProducts):
    """A store that fails while it is told to, and counts calls."""

    broken = False
    reads = 0

    async def add(self, weights: Mapping[Count, float]) -> None:
        """Add, or fail."""
        self._check()
        await super().add(weights)

    async def top(self, kind: Kind, of: Sequence[str], number: int) -> list[dict[str, float]]:
        """Answer, or fail."""
        self._check()
        self.reads += 1
        return await super().top(kind, of, number)

    async def catalogue_version(self) -> str:
        """Answer, or fail."""
        self._check()
        return await super().catalogue_version()

    def _check(self) -> None:
        if self.broken:
            raise StoreTimeout("frozen")


@pytest.fixture
def telemetry() -> Telemetry:
    """Counts of one test."""
    return Telemetry()


@pytest.fixture
def store() -> Breakable:
    """A store that two workers share."""
    return Breakable()


@pytest.fixture(scope="module")
def rules() -> Snapshot:
    """Rules that recommend."""
    text = "slots: [{id: shelf, kind: json, recommend: {strategy: popular}}]"
    return build_snapshot({"r.yaml": text}, {})


def worker(
    store: MemoryProducts, telemetry: Telemetry, file: CatalogueFile | None = None
) -> LiveAssortment:
    """Answer a worker's assortment that is refreshed by hand."""
    return LiveAssortment(store, file, telemetry, lambda: ORIGIN_MS)


def look_at(live: LiveAssortment, rules: Snapshot, *products: str) -> None:
    """Let one visitor look at products."""
    events = [Event("product_viewed", ORIGIN_MS, {"product_id": each}) for each in products]
    assert rules.remembered is not None
    live.note(events, fold(EMPTY_PROFILE, events, rules.plan), ["vip"], rules.remembered)


def outcomes(telemetry: Telemetry) -> dict[str, float]:
    """Answer what became of counts."""
    return {
        name: telemetry.product_counts.labels(name)._value.get() for name in ("written", "dropped")
    }


async def test_what_one_worker_counts_the_other_recommends(
    store: Breakable, telemetry: Telemetry, rules: Snapshot
) -> None:
    """After both have turned once; what goes together is read once it was asked for."""
    one, other = worker(store, telemetry), worker(store, telemetry)
    await one.replace(CSV, "c.csv")
    await other.refresh()
    look_at(one, rules, "a", "b")
    look_at(one, rules, "b")
    assert other.popular() == other.popular("vip") == ()
    await one.refresh()
    await other.refresh()
    assert other.popular() == other.popular("vip") == ("b", "a")
    assert other.together(VIEWED_WITH, "a") == {}
    assert other.together(VIEWED_WITH, "made-up") == {}
    await other.refresh()
    assert set(other.together(VIEWED_WITH, "a")) == {"b"}
    assert outcomes(telemetry) == {"written": 8.0, "dropped": 0.0}


async def test_the_copy_serves_on_while_the_store_fails(
    store: Breakable, telemetry: Telemetry, rules: Snapshot
) -> None:
    """Counts whose writing has an unknown outcome are given up: none counts twice."""
    live = worker(store, telemetry)
    await live.replace(CSV, "c.csv")
    look_at(live, rules, "a")
    await live.refresh()
    store.broken = True
    look_at(live, rules, "b")
    with pytest.raises(StoreTimeout):
        await live.flush()
    assert live.popular() == ("a",)
    store.broken = False
    await live.refresh()
    assert live.popular() == ("a",)
    assert outcomes(telemetry)["dropped"] == 3.0


async def test_counts_that_wait_are_bounded(
    store: Breakable, telemetry: Telemetry, rules: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are there already go on counting."""
    monkeypatch.setattr(module, "MAX_PENDING", 3)
    live = worker(store, telemetry)
    await live.replace(CSV, "c.csv")
    look_at(live, rules, "a")
    look_at(live, rules, "a", "b")
    await live.flush()
    assert (await store.top(VIEWED_WITH, ["a"], 5)) == [{}]
    assert outcomes(telemetry)["dropped"] == 5.0


async def test_segments_that_nobody_asks_about_give_their_places_to_others(
    store: Breakable, telemetry: Telemetry, rules: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules may name others from now on; one that is asked about stays."""
    monkeypatch.setattr(module, "MAX_SEGMENTS", 2)
    now_ms = ORIGIN_MS
    live = LiveAssortment(store, None, telemetry, lambda: now_ms)
    await live.replace(CSV, "c.csv")
    look_at(live, rules, "a")
    for former in ("former", "kept", "vip"):
        assert live.popular(former) == ()
    await live.refresh()
    assert live.popular("vip") == ()
    now_ms += module.SEGMENT_KEPT_MS
    live.popular("kept")
    live.popular("vip")
    live.popular("former")
    await live.refresh()
    assert live.popular("vip") == ("a",)
    assert set(live._popular) == {"", "kept", "vip"}


async def test_the_copy_is_bounded_and_keeps_what_is_asked_for(
    store: Breakable, telemetry: Telemetry, rules: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not asked about for longest goes."""
    monkeypatch.setattr(module, "MAX_SEEDS", 2)
    live = worker(store, telemetry)
    await live.replace(CSV, "c.csv")
    look_at(live, rules, "a", "b", "c")
    for product in "abc":
        live.together(VIEWED_WITH, product)
        await live.refresh()
        live.together(VIEWED_WITH, "a")
        await live.refresh()
    known = [product for product in "abc" if live._together[VIEWED_WITH].get(product)]
    assert known == ["a", "c"]


async def test_the_watch_reads_soon_what_is_asked_for_and_outlives_faults(
    store: Breakable, telemetry: Telemetry, rules: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turn by turn, were it more than one turn takes; it writes the rest at the end."""
    monkeypatch.setattr(module, "SEEDS_AT_ONCE", 1)
    live = worker(store, telemetry)
    store.broken = True
    await live.start(600)
    store.broken = False
    await live.replace(CSV, "c.csv")
    look_at(live, rules, "a", "b")
    for product in "abc":
        live.together(VIEWED_WITH, product)
    while live.is_asked:  # noqa: ASYNC110 - the watch has no other sign
        await asyncio.sleep(0.01)
    assert set(live.together(VIEWED_WITH, "a")) == {"b"}
    look_at(live, rules, "c")
    await live.stop()
    assert outcomes(telemetry)["written"] == 11.0


async def test_a_changed_file_is_taken_and_a_bad_one_is_not(
    store: Breakable, telemetry: Telemetry, tmp_path: Path
) -> None:
    """The last good catalogue stays, and the reason is told."""
    path = tmp_path / "catalogue.csv"
    live = worker(store, telemetry, CatalogueFile(path))
    await live.refresh()
    assert live.catalogue.version == ""
    assert "No such file" in live.problems[0].message
    path.write_text(CSV)
    await live.refresh()
    first = live.catalogue
    assert (list(first.products), live.problems) == (["a", "b", "c"], ())
    path.write_text("id\n1\n")
    await live.refresh()
    assert live.catalogue is first
    assert "the header lacks name, url" in live.problems[0].message
    path.write_bytes(b"\xff")
    await live.refresh()
    path.write_text(CSV + "d,D,/d\nbad,,\n")
    await live.refresh()
    assert list(live.catalogue.products) == ["a", "b", "c", "d"]
    assert [each.line for each in live.problems] == [6]
    with pytest.raises(InputError, match="the catalogue is the file"):
        await live.replace(CSV, "c.csv")


async def test_a_file_that_comes_back_as_it_was_is_taken(
    store: Breakable, telemetry: Telemetry, tmp_path: Path
) -> None:
    """It was moved away for a while, or could not be opened."""
    path, away = tmp_path / "catalogue.csv", tmp_path / "away.csv"
    path.write_text(CSV)
    live = worker(store, telemetry, CatalogueFile(path))
    await live.refresh()
    path.rename(away)
    await live.refresh()
    assert live.problems
    away.rename(path)
    await live.refresh()
    assert live.problems == ()


async def test_a_stored_catalogue_that_is_broken_leaves_the_last_one(
    store: Breakable, telemetry: Telemetry
) -> None:
    """Whatever stands in the store."""
    live = worker(store, telemetry)
    await live.replace(CSV, "c.csv")
    await store.put_catalogue("v9", b"junk")
    await live.refresh()
    assert len(live.catalogue.products) == 3
    assert live.problems


def test_a_file_that_is_too_large_is_not_taken_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte more than the bound says enough."""
    monkeypatch.setattr(catalogue_file, "MAX_FILE_BYTES", 1_000)
    path = tmp_path / "catalogue.csv"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="at most 1,000 bytes"):
            CatalogueFile(path).read()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_catalogue_is_found_beside_the_rules(tmp_path: Path) -> None:
    """Unless a setting names one, whose ending must tell what is in it."""
    assert find_catalogue("", tmp_path) is None
    path = tmp_path / "catalogue.jsonl"
    path.write_text("")
    found = find_catalogue("", tmp_path)
    assert found is not None
    assert found.path == path
    named = find_catalogue("feed.csv", tmp_path)
    assert named is not None
    assert named.path == Path("feed.csv")
    with pytest.raises(SettingsError, match=r"feed\.xml ends in none of \.csv, \.json, \.jsonl"):
        find_catalogue("feed.xml", tmp_path)
