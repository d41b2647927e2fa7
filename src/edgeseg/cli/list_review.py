"""What is wrong with the folder of lists."""

from collections.abc import Iterator
from pathlib import Path

from edgeseg.cli.problem_report import Finding, find_errors
from edgeseg.delivery.list_folder import DECLARED, find_files, only_one
from edgeseg.delivery.list_sources import read_source
from edgeseg.errors import InputError, Problem


def review_lists(folder: str) -> list[Finding]:
    """Answer each list that several files claim, and each file that declares no source.

    Args:
        folder: as the setting names it, "" for none; one that cannot be looked at is answered.
    """
    if not folder:
        return []
    try:
        return find_errors(_problems(Path(folder)))
    except InputError as error:
        hint = "name a folder that is there in EDGESEG_LISTS"
        found = Problem(file=folder, line=1, column=1, message=str(error), suggestion=hint)
        return find_errors([found])


def _problems(folder: Path) -> Iterator[Problem]:
    for name, paths in find_files(folder).items():
        try:
            only_one(name, paths)
        except InputError as error:
            yield _problem(paths[-1], error)
        for path in paths:
            if path.name.endswith(DECLARED):
                try:
                    read_source(path)
                except InputError as error:
                    yield _problem(path, error)


def _problem(path: Path, error: InputError) -> Problem:
    message = str(error).removeprefix(f"{path.name}: ")
    return Problem(file=path.as_posix(), line=1, column=1, message=message)
