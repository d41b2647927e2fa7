"""Rule files on disk: read whole, swapped when they change and are right, else left alone."""

import asyncio
import errno
import gc
import logging
import os
import shutil
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import RulesError
from edgeseg.kept_rules import KeptRules
from edgeseg.rule_folder import MAX_FILE_BYTES, RuleFolder, RuleTexts
from edgeseg.rule_reload import MAX_POSTPONED, RETIRE_LOOKS, LiveRules
from edgeseg.telemetry import Telemetry

SEGMENT = "segments:\n  - {{id: {0}, name: A, when: {{context: path, eq: /{0}}}}}\n"
SLOTS = "slots:\n  - {id: hero, name: Hero, kind: html, fallback: hero.html}\n"
NOW_MS = 1_800_000_000_000


class Site:
    """A folder of rules and one of templates, to be changed."""

    def __init__(self, root: Path) -> None:
        self.rules, self.templates = root / "rules", root / "templates"
        self.rules.mkdir(parents=True)
        self.templates.mkdir()
        self.write("a.yaml", SEGMENT.format("a"))
        self.write("slots.yaml", SLOTS)
        (self.templates / "hero.html").write_text("<p>Hero</p>", "utf-8")

    def write(self, name: str, text: str) -> None:
        """Write a rule file."""
        path = self.rules / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")

    def folder(self) -> RuleFolder:
        """Answer the folder as the service reads it."""
        return RuleFolder(self.rules, self.templates)


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    """Give what a rebuild kept from the collector back to it, for the tests to come."""
    yield
    gc.unfreeze()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Rules with one segment and one slot."""
    return Site(tmp_path / "site")


@pytest.fixture
def live(site: Site) -> LiveRules:
    """The rules in force, with a clock that stands still."""
    return LiveRules(site.folder(), Telemetry(), lambda: NOW_MS)


def _segments(live: LiveRules) -> set[str]:
    return set(live.current.definitions.segments)


def _reloads(live: LiveRules, outcome: str) -> float:
    sample = f'edgeseg_rule_reloads_total{{outcome="{outcome}"}} '
    lines = live._telemetry.exposition().decode().splitlines()
    return sum(float(line.removeprefix(sample)) for line in lines if line.startswith(sample))


def _is_taken(live: LiveRules) -> bool:
    return "\nedgeseg_rules_last_reload_successful 1.0\n" in live._telemetry.exposition().decode()


def test_files_are_found_in_folders_within_folders(site: Site) -> None:
    """YAML of either ending counts at any depth, other files do not."""
    site.write("deep/b.yml", SEGMENT.format("b"))
    site.write("notes.txt", "no: [yaml")
    assert set(site.folder().build().definitions.segments) == {"a", "b"}


@pytest.mark.parametrize("name", [".#a.yaml", ".a.yaml", ".git/a.yaml", "..data/a.yaml"])
def test_hidden_files_are_none_of_ours(site: Site, name: str) -> None:
    """What editors, version control and mounts keep beside the files is not read."""
    site.write(name, SEGMENT.format("a"))
    (site.templates / ".DS_Store").write_bytes(b"\x00\xff")
    assert set(site.folder().build().definitions.segments) == {"a"}


def test_a_dangling_link_of_an_editor_does_no_harm(site: Site, live: LiveRules) -> None:
    """Some editors mark a file that is being edited by a link that leads nowhere."""
    (site.rules / ".#a.yaml").symlink_to("somebody@somewhere.1")
    assert live.refresh() is False
    assert live.problems == ()


def test_a_link_that_leads_back_is_followed_once(site: Site) -> None:
    """A folder that holds itself is read like any other."""
    (site.rules / "again").symlink_to(site.rules)
    (site.rules / "up").symlink_to("..")
    assert set(site.folder().build().definitions.segments) == {"a"}


def test_every_problem_is_told_at_once(site: Site) -> None:
    """Unreadable, oversized and wrong files are all in one error, by name."""
    site.write("b.yaml", "segments:\n  - {id: b, when: {contxt: path, eq: /}}\n")
    site.write("c.yaml", "segments: [")
    (site.rules / "d.yaml").write_bytes(b"\xff\xfe")
    site.write("e.yaml", "#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(RulesError) as caught:
        site.folder().build()
    found = {problem.file for problem in caught.value.problems}
    assert found >= {f"{site.rules}/{name}.yaml" for name in "bcde"}


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """No folder is not the same as no rules."""
    with pytest.raises(RulesError, match="no folder of rule files"):
        RuleFolder(tmp_path / "none", tmp_path).build()


def test_a_folder_of_templates_that_is_not_there_is_told_where_one_is_needed(site: Site) -> None:
    """Each template would be unknown, and nobody would see why."""
    folder = RuleFolder(site.rules, site.rules / "none")
    with pytest.raises(RulesError, match=r"no folder of templates at .* EDGESEG_TEMPLATES"):
        folder.build()

    (site.rules / "slots.yaml").unlink()
    assert folder.build()
    site.write("b.yaml", "segments: [{id: b, when: {contxt: path}}]")
    with pytest.raises(RulesError) as caught:
        folder.build()
    assert "no folder of templates" not in str(caught.value)


def test_equal_files_have_equal_versions(site: Site, tmp_path: Path) -> None:
    """The version is of the content: workers on several machines agree on it."""
    other = Site(tmp_path / "other")
    assert other.folder().build().version == site.folder().build().version
    other.write("b.yaml", SEGMENT.format("b"))
    assert other.folder().build().version != site.folder().build().version


def test_wrong_rules_keep_the_service_from_starting(site: Site) -> None:
    """There is no last good version at the start."""
    site.write("b.yaml", "segments: 1")
    with pytest.raises(RulesError):
        LiveRules(site.folder(), Telemetry(), lambda: NOW_MS)


def test_nothing_changed_is_nothing_done(live: LiveRules) -> None:
    """A look at unchanged files keeps the very same snapshot."""
    before = live.current
    assert live.refresh() is False
    assert live.current is before
    assert _reloads(live, "loaded") == 0


def test_a_touched_file_is_no_new_version(site: Site, live: LiveRules) -> None:
    """Another time of change with the same content swaps nothing."""
    before = live.current
    os.utime(site.rules / "a.yaml", ns=(1, 1))
    assert live.refresh() is True
    assert live.current is before
    assert _reloads(live, "loaded") == 0


def _add(site: Site) -> None:
    site.write("b.yaml", SEGMENT.format("b"))


def _edit(site: Site) -> None:
    site.write("a.yaml", SEGMENT.format("a") + "# edited\n")


def _remove(site: Site) -> None:
    (site.rules / "a.yaml").unlink()


def _rename(site: Site) -> None:
    (site.rules / "a.yaml").rename(site.rules / "z.yaml")


def _edit_template(site: Site) -> None:
    (site.templates / "hero.html").write_text("<p>Edited</p>", "utf-8")


def _replace_in_one_step(site: Site) -> None:
    fresh = site.rules / "a.yaml.new"
    fresh.write_text(SEGMENT.format("c"), "utf-8")
    stat = (site.rules / "a.yaml").stat()
    os.utime(fresh, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # only the inode tells
    fresh.replace(site.rules / "a.yaml")


@pytest.mark.parametrize(
    "change", [_add, _edit, _remove, _rename, _edit_template, _replace_in_one_step]
)
def test_every_kind_of_change_is_seen(
    site: Site, live: LiveRules, change: Callable[[Site], None]
) -> None:
    """Files added, edited, removed, renamed or replaced make a new version."""
    before = live.current
    change(site)
    assert live.refresh() is True
    assert live.current.version != before.version
    assert live.problems == ()
    assert _reloads(live, "loaded") == 1


def test_a_half_written_file_leaves_the_last_good_rules(
    site: Site, live: LiveRules, caplog: pytest.LogCaptureFixture
) -> None:
    """Cut off in the middle, a file changes nothing; once whole, it counts."""
    before = live.current
    whole = SEGMENT.format("b")
    for length in range(5, len(whole) - 3, 7):
        site.write("b.yaml", whole[:length])
        with caplog.at_level(logging.CRITICAL, logger="edgeseg"):
            live.refresh()
        if live.problems:
            assert live.current is before
            assert live.problems[0].file == f"{site.rules}/b.yaml"
    assert _reloads(live, "refused") > 0
    site.write("b.yaml", whole)
    live.refresh()
    assert _segments(live) == {"a", "b"}
    assert live.problems == ()


class Hasty(RuleFolder):
    """A folder of which a file is written while rules are built of it, so many times."""

    def __init__(self, site: Site, times: int) -> None:
        super().__init__(site.rules, site.templates)
        self._site, self._times = site, times

    def compile(self, texts: RuleTexts) -> Snapshot:
        """Compile what was read, which is not all there is to be any more."""
        snapshot = super().compile(texts)
        if "b.yaml" in texts.rules and self._times:
            self._times -= 1
            self._site.write("b.yaml", "#" * self._times + "\n" + SEGMENT.format("b"))
        return snapshot


def test_files_that_are_being_written_are_taken_once_they_are_whole(site: Site) -> None:
    """What there is of them so far, here nothing, may be rules as well."""
    live = LiveRules(Hasty(site, 1), Telemetry(), lambda: NOW_MS)
    before = live.current
    site.write("b.yaml", "")
    assert live.refresh() is True
    assert live.current is before
    assert live.refresh() is True
    assert _segments(live) == {"a", "b"}
    assert live.refresh() is False


def test_files_that_never_rest_are_taken_all_the_same(site: Site) -> None:
    """Somebody may write into the folder all day."""
    live = LiveRules(Hasty(site, 100), Telemetry(), lambda: NOW_MS)
    site.write("b.yaml", "")
    for _ in range(MAX_POSTPONED):
        assert live.refresh() is True
        assert _segments(live) == {"a"}
    live.refresh()
    assert _segments(live) == {"a", "b"}


def test_a_refusal_is_logged_with_its_place(
    site: Site, live: LiveRules, caplog: pytest.LogCaptureFixture
) -> None:
    """The log tells file, line and column, once for each change."""
    site.write("b.yaml", "segments:\n  - {id: b, when: {contxt: path, eq: /}}\n")
    live.refresh()
    live.refresh()
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "b.yaml:2:" in record.getMessage()


def test_a_folder_of_links_is_swapped_in_one_step(tmp_path: Path) -> None:
    """As container platforms mount files: one link moves, and all files change together."""
    mount = tmp_path / "mount"
    for number, segment in (("1", "a"), ("2", "b")):
        version = mount / f"..version_{number}"
        (version / "more").mkdir(parents=True)
        (version / "segments.yaml").write_text(SEGMENT.format(segment), "utf-8")
        (version / "more" / "m.yaml").write_text(SEGMENT.format(f"m{number}"), "utf-8")
    (mount / "..data").symlink_to("..version_1")
    (mount / "segments.yaml").symlink_to("..data/segments.yaml")
    (mount / "more").symlink_to("..data/more")
    live = LiveRules(RuleFolder(mount, tmp_path / "none"), Telemetry(), lambda: NOW_MS)
    assert _segments(live) == {"a", "m1"}
    (mount / "..new").symlink_to("..version_2")
    (mount / "..new").replace(mount / "..data")
    shutil.rmtree(mount / "..version_1")
    assert live.refresh() is True
    assert _segments(live) == {"b", "m2"}


def test_a_linked_folder_is_swapped_in_one_step(tmp_path: Path) -> None:
    """As deployments do it: the folder itself is a link that moves to the next release."""
    for segment in ("a", "b"):
        Site(tmp_path / segment).write("a.yaml", SEGMENT.format(segment))
    current = tmp_path / "current"
    current.symlink_to("a")
    folder = RuleFolder(current / "rules", current / "templates")
    live = LiveRules(folder, Telemetry(), lambda: NOW_MS)
    (tmp_path / "next").symlink_to("b")
    (tmp_path / "next").replace(current)
    assert live.refresh() is True
    assert _segments(live) == {"b"}


def test_files_that_are_all_gone_leave_the_last_good_rules(
    site: Site, live: LiveRules, tmp_path: Path
) -> None:
    """They are being replaced, or their disk is out of reach: profiles must not forget meanwhile.

    Who wants no rules leaves a file without any.
    """
    aside = tmp_path / "aside"
    site.rules.rename(aside)
    site.rules.mkdir()
    assert live.refresh()
    assert _segments(live) == {"a"}
    assert _reloads(live, "refused") == 1
    assert live.problems[0].message.startswith("all rule files are gone from ")
    site.write("none.yaml", "")
    assert live.refresh()
    assert (_segments(live), live.problems) == (set(), ())


def test_a_new_worker_does_not_take_files_that_are_gone_for_no_rules(
    site: Site, tmp_path: Path
) -> None:
    """It has the same rules as those beside it; only a start of all begins with an empty folder."""
    kept = KeptRules(tmp_path / "kept")
    LiveRules(site.folder(), Telemetry(), lambda: NOW_MS, kept)
    for path in site.rules.iterdir():
        path.unlink()
    later = LiveRules(site.folder(), Telemetry(), lambda: NOW_MS, kept)
    assert _segments(later) == {"a"}
    assert later.problems
    assert not later.refresh()
    assert _segments(LiveRules(site.folder(), Telemetry(), lambda: NOW_MS)) == set()


def test_a_folder_that_vanishes_leaves_the_last_good_rules(site: Site, live: LiveRules) -> None:
    """Removing everything is a mistake to tell of, not an empty set of rules."""
    shutil.rmtree(site.rules)
    live.refresh()
    assert _segments(live) == {"a"}
    assert "no folder of rule files" in live.problems[0].message


@pytest.mark.parametrize("which", ["", "shop"])
def test_a_folder_that_cannot_be_listed_leaves_the_last_good_rules(
    site: Site, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a process has no file left to open, its rules are not taken for deleted."""
    site.write("shop/b.yaml", SEGMENT.format("b"))
    live = LiveRules(site.folder(), Telemetry(), lambda: NOW_MS)
    listed, closed = os.scandir, site.rules / which

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path) == closed:
            raise OSError(errno.EMFILE, "Too many open files", path)
        return listed(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        live.refresh()
        assert set(live.current.definitions.segments) == {"a", "b"}
        assert "Too many open files" in live.problems[0].message
    live.refresh()
    assert live.problems == ()


def test_metrics_tell_for_as_long_as_the_files_are_wrong(site: Site, live: LiveRules) -> None:
    """An alert must not end by itself while the last good rules stand in."""
    assert _is_taken(live)
    site.write("b.yaml", "segments: [")
    for _ in range(3):
        live.refresh()
        assert not _is_taken(live)
    (site.rules / "b.yaml").unlink()
    live.refresh()
    assert _is_taken(live)


def test_metrics_tell_that_rules_could_not_be_built_for_a_fault_of_ours(
    site: Site, live: LiveRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules that are not in force are not taken, whoever is to blame."""

    def fail(_texts: RuleTexts) -> Snapshot:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(live._folder, "compile", fail)
        _add(site)
        with pytest.raises(MemoryError):
            live.refresh()
    assert not _is_taken(live)
    _edit(site)
    assert live.refresh()
    assert _is_taken(live)


def test_metrics_tell_that_a_new_worker_began_with_kept_rules(site: Site, tmp_path: Path) -> None:
    """Its first look was in vain, like those of the workers beside it."""
    kept = KeptRules(tmp_path / "kept")
    LiveRules(site.folder(), Telemetry(), lambda: NOW_MS, kept)
    site.write("b.yaml", "segments: [")
    later = LiveRules(site.folder(), Telemetry(), lambda: NOW_MS, kept)
    assert not _is_taken(later)


def test_metrics_tell_of_any_rules_at_all(site: Site, live: LiveRules) -> None:
    """A site with slots and no segments is not one without rules."""
    assert "\nedgeseg_rules 2.0\n" in live._telemetry.exposition().decode()
    (site.rules / "a.yaml").unlink()
    live.refresh()
    told = live._telemetry.exposition().decode()
    assert "\nedgeseg_rules 1.0\n" in told
    assert "\nedgeseg_segments 0.0\n" in told


async def test_the_watch_outlives_what_it_meets(
    live: LiveRules, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the file system is logged, and the next look is taken all the same."""
    looks = asyncio.Queue[None]()
    loop = asyncio.get_running_loop()

    def look() -> bool:
        loop.call_soon_threadsafe(looks.put_nowait, None)
        raise PermissionError("no entry")

    monkeypatch.setattr(live, "refresh", look)
    watch = asyncio.create_task(live.watch(0.001))
    for _ in range(3):
        await looks.get()
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    assert "no entry" in caplog.text


async def test_old_rules_are_freed_without_the_garbage_collector(site: Site) -> None:
    """The collector is kept away from rules, so nothing of them may refer to itself."""
    live = LiveRules(site.folder(), Telemetry(), lambda: NOW_MS)
    tables = [weakref.ref(table) for _fact, table in live.current.evaluator._strata[0]._others]
    evaluator = weakref.ref(live.current.evaluator)
    gc.unfreeze()
    gc.collect()  # what other tests have left
    gc.disable()
    try:
        _add(site)
        await asyncio.to_thread(live.refresh)
        await live._retire()
        assert _segments(live) == {"a", "b"}
        async with asyncio.timeout(10):
            while evaluator():  # noqa: ASYNC110 - the thread that freed it tells nobody
                await asyncio.sleep(0.01)
        assert tables
        assert all(table() is None for table in tables)
        kinds = {type(each).__name__ for each in _garbage()}
    finally:
        gc.enable()
    ours = {"Segment", "ContextTest", "Definitions", "Compiler", "ConditionReader", "ScalarNode"}
    assert not kinds & ours


def _garbage() -> list[object]:
    """Answer what only the collector could free."""
    gc.unfreeze()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return list(gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


async def test_rules_in_use_are_left_whole(site: Site, live: LiveRules) -> None:
    """A request that took the old rules before the swap goes on with them to its end."""
    taken = live.current
    _add(site)
    await asyncio.to_thread(live.refresh)
    await live._retire()
    assert set(taken.definitions.segments) == {"a"}
    assert [*taken.evaluator._strata[0]._others]
    del taken
    await live._retire()
    assert live._retired == []


def test_a_rebuild_leaves_the_interpreter_as_it_was(site: Site, live: LiveRules) -> None:
    """Short turns and no collector while it lasts, whether it succeeds or fails."""
    before = sys.getswitchinterval(), gc.isenabled()
    _add(site)
    live.refresh()
    site.write("b.yaml", "segments: [")
    live.refresh()
    assert live.problems
    assert (sys.getswitchinterval(), gc.isenabled()) == before


def test_a_new_worker_takes_the_rules_that_are_kept(site: Site, tmp_path: Path) -> None:
    """Those that were loaded last without a problem, not the broken ones on disk."""
    kept = KeptRules(tmp_path / "kept")
    first = LiveRules(site.folder(), Telemetry(), lambda: NOW_MS, kept)
    _add(site)
    first.refresh()
    site.write("c.yaml", "segments: [")
    later = LiveRules(site.folder(), Telemetry(), lambda: NOW_MS, kept)
    assert _segments(later) == {"a", "b"}
    assert later.current.version == first.current.version
    assert {problem.file for problem in later.problems} == {f"{site.rules}/c.yaml"}
    (site.rules / "c.yaml").unlink()
    later.refresh()
    assert later.problems == ()


@pytest.mark.parametrize("stored", [b"", b"\xc1 junk", b"\x93\x01\x02\x03"])
def test_kept_rules_that_are_no_rules_do_not_count(
    site: Site, tmp_path: Path, stored: bytes
) -> None:
    """As if there were none: the service does not start with broken files."""
    (tmp_path / "kept").write_bytes(stored)
    site.write("c.yaml", "segments: [")
    with pytest.raises(RulesError):
        LiveRules(site.folder(), Telemetry(), lambda: NOW_MS, KeptRules(tmp_path / "kept"))


def test_a_place_that_cannot_be_written_is_no_reason_to_stop(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The rules on disk are right, so they are in force; the log tells of the rest."""
    kept = KeptRules(tmp_path / "not there" / "kept")
    live = LiveRules(site.folder(), Telemetry(), lambda: NOW_MS, kept)
    assert _segments(live) == {"a"}
    assert "cannot keep the rules" in caplog.text


async def test_rules_that_stay_in_use_hold_nothing_up(site: Site, live: LiveRules) -> None:
    """Whoever keeps old rules for good keeps them whole, and the watch goes on meanwhile."""
    kept_by_somebody = live.current
    _add(site)
    live.refresh()
    for _ in range(RETIRE_LOOKS):
        await live._retire()
    assert live._retired == []
    assert set(kept_by_somebody.definitions.segments) == {"a"}
