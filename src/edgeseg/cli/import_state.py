"""How far an import has come: a file beside the imported one, which is not imported twice."""

import os
from pathlib import Path
from typing import Final

import msgspec

from edgeseg.errors import InputError

_SUFFIX: Final = ".edgeseg-import.json"


class Counts(msgspec.Struct, kw_only=True):
    """What became of the rows; ``erased`` were of visitors erased a moment ago."""

    rows: int = 0
    imported: int = 0
    refused: int = 0
    dropped: int = 0
    erased: int = 0
    events: int = 0


class ImportState(msgspec.Struct, kw_only=True):
    """One import.

    Attributes:
        fingerprint: of the file.
        kind: ``events`` or ``profiles``.
        place: where in the file the first row begins that is not done.
        counts: of the rows before.
        done: whether that is all of them.
    """

    fingerprint: str
    kind: str
    place: int = 0
    counts: Counts = msgspec.field(default_factory=Counts)
    done: bool = False


def state_path_of(file: Path) -> Path:
    """Answer where the state of an import is kept by default."""
    return file.with_name(file.name + _SUFFIX)


def read_state(path: Path) -> ImportState | None:
    """Answer what is known of an earlier import, None for nothing.

    Raises:
        InputError: the file is none of ours.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=ImportState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path} is no state of an import: {error}", field="--state") from error


def write_state(path: Path, state: ImportState) -> None:
    """Keep the state; whoever reads finds the former or this one, whole.

    Raises:
        InputError: the file cannot be written.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.replace(path)
    except OSError as error:
        message = f"cannot keep the state: {error}; name another place by --state"
        raise InputError(message, field="--state") from error
