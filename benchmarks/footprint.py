"""What a process holds: memory and open files, as Linux tells."""

from pathlib import Path
from typing import Final

import msgspec

from benchmarks.classify.serving import CannotRun

_KILOBYTES: Final = 1_024


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """Of one process at one instant.

    Attributes:
        resident_mb: all pages in memory (RSS). Pages of programs and libraries that several
            processes map count in each of them.
        private_mb: the pages that no other process has (USS): what its end would free. Pages of
            a library become a process's own, and again not, with others that map it.
        anonymous_mb: the pages of no file, in memory or swapped out: all that may leak.
        files: open files, sockets among them.
    """

    resident_mb: float
    private_mb: float
    anonymous_mb: float
    files: int


def footprint_of(pid: int) -> Footprint:
    """Look at a process of the same user.

    Raises:
        CannotRun: it has ended, or the system is not Linux.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]
        files = sum(1 for _each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError as error:
        message = f"the memory of process {pid} is not known, only Linux tells: {error}"
        raise CannotRun(message) from error
    sizes = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return Footprint(
        resident_mb=sizes["Rss"] / _KILOBYTES,
        private_mb=(sizes["Private_Clean"] + sizes["Private_Dirty"]) / _KILOBYTES,
        anonymous_mb=(sizes["Anonymous"] + sizes["Swap"]) / _KILOBYTES,
        files=files,
    )


def workers_of(supervisor: int) -> list[int]:
    """List the process ids of the workers of an ``edgeseg serve`` with several.

    Raises:
        CannotRun: it has ended, or the system is not Linux.
    """
    try:
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text("ascii").split()
        return [pid for pid in map(int, children) if _is_worker(pid)]
    except OSError as error:
        message = f"the workers of process {supervisor} are not known, only Linux tells: {error}"
        raise CannotRun(message) from error


def _is_worker(pid: int) -> bool:
    """Tell them from the process by which multiprocessing cleans up."""
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
