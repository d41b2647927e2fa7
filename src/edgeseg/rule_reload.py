"""Read rule files from disk, and swap in a new snapshot when they change."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Final

import msgspec

from edgeseg.decisions.snapshot import Snapshot, build_snapshot
from edgeseg.errors import Problem, RulesError
from edgeseg.telemetry import Telemetry

MAX_FILE_BYTES: Final = 4_000_000
MAX_FILES: Final = 10_000

_log = logging.getLogger(__name__)

Fingerprint = tuple[tuple[str, int, int, int], ...]


class RuleFolder:
    """The rule files and templates on disk."""

    def __init__(self, rules: Path, templates: Path, time_zone: tzinfo = UTC) -> None:
        """Look at ``rules`` (``*.yaml``, ``*.yml``) and ``templates`` (everything not hidden).

        ``time_zone`` is the site's, for dates in the rules that name none.
        """
        self._rules = rules
        self._time_zone = time_zone
        self._templates = templates

    def fingerprint(self) -> Fingerprint:
        """Answer what changes whenever a file does, by name, inode, size or time."""
        marks = []
        for path in (*self._rule_paths(), *self._template_paths()):
            with suppress(FileNotFoundError):  # replaced at this very moment
                stat = path.stat()
                marks.append((str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns))
        return tuple(marks)

    def build(self) -> Snapshot:
        """Read and compile everything.

        Raises:
            RulesError: with every problem.
        """
        if not self._rules.is_dir():
            message = f"there is no folder of rule files at {self._rules.resolve()}"
            hint = "name one with --rules or EDGESEG_RULES"
            raise RulesError([_problem(str(self._rules), message, hint)])
        problems: list[Problem] = []
        rules = _read(self._rule_paths(), self._rules, problems)
        templates = _read(self._template_paths(), self._templates, problems)
        try:
            snapshot = build_snapshot(rules, templates, self._time_zone)
        except RulesError as error:
            found = [self._locate(problem, templates) for problem in error.problems]
            raise RulesError([*problems, *found]) from error
        if problems:
            raise RulesError(problems)
        return snapshot

    def _locate(self, problem: Problem, templates: Mapping[str, str]) -> Problem:
        """Name the file as it is reached from here, so that editors and CI can follow."""
        is_template = problem.file in templates and not problem.file.endswith((".yaml", ".yml"))
        folder = self._templates if is_template else self._rules
        return msgspec.structs.replace(problem, file=(folder / problem.file).as_posix())

    def _rule_paths(self) -> list[Path]:
        return [path for path in _find(self._rules) if path.suffix in {".yaml", ".yml"}]

    def _template_paths(self) -> list[Path]:
        return [path for path in _find(self._templates) if path.is_file()]


def _find(folder: Path) -> list[Path]:
    """Answer the files at any depth, links followed, sorted.

    Names that begin with a dot are left out: editors, version control and mounted
    configuration keep their own copies of the files under such names.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(found)


def _read(paths: list[Path], folder: Path, problems: list[Problem]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in paths[:MAX_FILES]:
        name = path.relative_to(folder).as_posix()
        try:
            raw = path.read_bytes()
            if len(raw) > MAX_FILE_BYTES:
                problems.append(_problem(path.as_posix(), f"over {MAX_FILE_BYTES:,} bytes"))
            texts[name] = raw.decode()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(_problem(path.as_posix(), f"cannot be read: {error}"))
    return texts


def _problem(file: str, message: str, suggestion: str = "") -> Problem:
    return Problem(file=file, line=1, column=1, message=message, suggestion=suggestion)


class LiveRules:
    """The rules in force. A request takes `current` once and keeps it to its end.

    Attributes:
        current: the latest snapshot that had no problem.
        problems: what was wrong with the files at the last look, empty for nothing.
        loaded_at_ms: when `current` came into force.
    """

    def __init__(self, folder: RuleFolder, telemetry: Telemetry, clock: Callable[[], int]) -> None:
        """Load the rules.

        Raises:
            RulesError: they have problems; the service must not start.
        """
        self._folder = folder
        self._telemetry = telemetry
        self._clock = clock
        self._seen = folder.fingerprint()
        self.current = folder.build()
        self.problems: tuple[Problem, ...] = ()
        self.loaded_at_ms = clock()
        telemetry.segments.set(len(self.current.definitions.segments))

    def refresh(self) -> bool:
        """Look at the files; swap the snapshot if they changed and are right.

        Answers whether they changed. Broken files leave the last good rules in force.
        """
        seen = self._folder.fingerprint()
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            snapshot = self._folder.build()
        except RulesError as error:
            self.problems = error.problems
            self._telemetry.reloads.labels("refused").inc()
            _log.error("rules not reloaded, the last good ones stay in force:\n%s", error)
            return True
        self.problems = ()
        if snapshot.version != self.current.version:
            self.current = snapshot
            self.loaded_at_ms = self._clock()
            self._telemetry.segments.set(len(snapshot.definitions.segments))
            self._telemetry.reloads.labels("loaded").inc()
            _log.info("rules %s loaded", snapshot.version)
        return True

    async def watch(self, interval_s: float) -> None:
        """Refresh for ever, off the event loop, every ``interval_s`` seconds."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await asyncio.to_thread(self.refresh)
            except Exception:  # noqa: BLE001 - the watch must outlive whatever one look meets
                _log.exception("looking for changed rules failed")
