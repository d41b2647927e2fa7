"""The rule files and templates on disk: found, read whole and compiled."""

import errno
import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, tzinfo
from pathlib import Path
from stat import S_ISREG
from typing import Final

import msgspec

from edgeseg.decisions.snapshot import Snapshot, build_snapshot
from edgeseg.errors import Problem, RulesError

MAX_FILE_BYTES: Final = 4_000_000
MAX_FILES: Final = 10_000
_NOT_THERE: Final = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class RuleTexts(msgspec.Struct, frozen=True, array_like=True):
    """All rule files and templates, name → text, and what could not be read of them."""

    rules: dict[str, str]
    templates: dict[str, str]
    problems: tuple[Problem, ...] = ()


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
        for path in (*self._rule_paths([]), *self._template_paths([])):
            with suppress(OSError):  # replaced at this very moment, or `read` tells why
                stat = os.stat(path)  # noqa: PTH116 - see `_find`
                marks.append((path, stat.st_ino, stat.st_size, stat.st_mtime_ns))
        return tuple(marks)

    def build(self) -> Snapshot:
        """Read and compile everything.

        Raises:
            RulesError: with every problem.
        """
        return self.compile(self.read())

    def read(self, *, may_be_empty: bool = True) -> RuleTexts:
        """Read all files.

        Args:
            may_be_empty: whether no rule files at all are rules as well.

        Raises:
            RulesError: there is no such folder, or there must be files and are none.
        """
        if not self._rules.is_dir():
            message = f"there is no folder of rule files at {self._rules.resolve()}"
            hint = "name one with --rules or EDGESEG_RULES"
            raise RulesError([_problem(str(self._rules), message, hint)])
        problems: list[Problem] = []
        rules = _read(self._rule_paths(problems), self._rules, problems)
        if not (rules or problems or may_be_empty):
            message = f"all rule files are gone from {self._rules.resolve()}"
            hint = "to go without rules leave a file there that has none, such as an empty one"
            raise RulesError([_problem(str(self._rules), message, hint)])
        return RuleTexts(
            rules=rules,
            templates=_read(self._template_paths(problems), self._templates, problems),
            problems=tuple(problems),
        )

    def compile(self, texts: RuleTexts) -> Snapshot:
        """Compile what was read.

        Raises:
            RulesError: with every problem, those of reading included.
        """
        try:
            with without_collector():
                snapshot = build_snapshot(texts.rules, texts.templates, self._time_zone)
        except RulesError as error:
            found = [self._locate(problem, texts.templates) for problem in error.problems]
            raise RulesError([*texts.problems, *self._missing(found), *found]) from error
        if texts.problems:
            raise RulesError(texts.problems)
        return snapshot

    def _missing(self, found: list[Problem]) -> list[Problem]:
        """Answer that there is no folder of templates, where that is why there are no templates."""
        needed = any(each.message.startswith("unknown template ") for each in found)
        if not needed or self._templates.is_dir():
            return []
        message = f"there is no folder of templates at {self._templates.resolve()}"
        hint = "name one with --templates or EDGESEG_TEMPLATES"
        return [_problem(str(self._templates), message, hint)]

    def _locate(self, problem: Problem, templates: Mapping[str, str]) -> Problem:
        """Name the file as it is reached from here, so that editors and CI can follow."""
        is_template = problem.file in templates and not problem.file.endswith((".yaml", ".yml"))
        folder = self._templates if is_template else self._rules
        return msgspec.structs.replace(problem, file=(folder / problem.file).as_posix())

    def _rule_paths(self, problems: list[Problem]) -> list[str]:
        return [path for path in _find(self._rules, problems) if path.endswith((".yaml", ".yml"))]

    def _template_paths(self, problems: list[Problem]) -> list[str]:
        return [path for path in _find(self._templates, problems) if _may_be_read(path)]


def _may_be_read(path: str) -> bool:
    try:
        return S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - see `_find`
    except OSError as error:
        return error.errno not in _NOT_THERE  # `_read` tells why it cannot


def _find(folder: Path, problems: list[Problem]) -> list[str]:
    """Answer the files at any depth, links followed, sorted.

    Names that begin with a dot are left out: editors, version control and mounted
    configuration keep their own copies of the files under such names.

    They are looked for every second. A `Path` would put each name into Python's table of
    interned texts, whose places for names that are gone again fill up: 1 MB after ten minutes.

    Args:
        folder: where to look; one that is not there has no files.
        problems: receives what cannot be listed: its files would be taken for deleted.
    """

    def report(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # removed at this very moment
            problems.append(_problem(str(error.filename), f"cannot be read: {error}"))

    found: list[str] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=report, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [f"{place}{os.sep}{name}" for name in names if not name.startswith(".")]
    return sorted(found, key=lambda path: path.split(os.sep))  # noqa: PTH206 - see above


def _read(paths: list[str], folder: Path, problems: list[Problem]) -> dict[str, str]:
    texts: dict[str, str] = {}
    if len(paths) > MAX_FILES:
        message = f"{len(paths):,} files, of which the first {MAX_FILES:,} are read"
        problems.append(_problem(folder.as_posix(), message, "put more segments into one file"))
    for path in map(Path, paths[:MAX_FILES]):
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_FILE_BYTES + 1)
            if len(raw) > MAX_FILE_BYTES:
                message = f"over {MAX_FILE_BYTES:,} bytes"
                problems.append(_problem(path.as_posix(), message, "split it into several files"))
                continue
            texts[path.relative_to(folder).as_posix()] = raw.decode()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(_problem(path.as_posix(), f"cannot be read: {error}"))
    return texts


def _problem(file: str, message: str, suggestion: str = "") -> Problem:
    return Problem(file=file, line=1, column=1, message=message, suggestion=suggestion)


@contextmanager
def without_collector() -> Iterator[None]:
    """Leave garbage alone meanwhile.

    Compiling makes millions of parts that stay. Looking for garbage among them again and
    again takes twice the time of the work itself, and holds up every other thread.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
