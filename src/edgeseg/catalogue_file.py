"""The catalogue as a file, looked at for changes like the rule files."""

from pathlib import Path
from typing import Final

from edgeseg.decisions.catalogue_reader import ReadCatalogue, read_catalogue
from edgeseg.errors import SettingsError, TooLargeError

MAX_FILE_BYTES: Final = 64_000_000
NAMES: Final = ("catalogue.csv", "catalogue.jsonl", "catalogue.json")
"""Looked for in the folder of the rule files, where no setting names a file."""
ENDINGS: Final = frozenset({".csv", ".json", ".jsonl"})


class CatalogueFile:
    """A file of products: CSV, JSON lines, or a JSON array, by its ending."""

    def __init__(self, path: Path) -> None:
        """Look at ``path``, which need not be there yet."""
        self.path = path
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> ReadCatalogue:
        """Read the file.

        Raises:
            InputError: nothing of it can be read, or it is too large.
            OSError: it cannot be opened.
            UnicodeDecodeError: it is no UTF-8.
        """
        with self.path.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)  # no more of it is taken into memory
        if len(raw) > MAX_FILE_BYTES:
            message = f"a catalogue has at most {MAX_FILE_BYTES:,} bytes"
            raise TooLargeError(message, field=self.path.as_posix())
        return read_catalogue(raw.decode(), self.path.as_posix())

    def read_changed(self) -> ReadCatalogue | None:
        """Read the file if it has changed since it was last looked at; else answer None.

        Raises:
            InputError: as `read`.
            OSError: as `read`.
            UnicodeDecodeError: as `read`.
        """
        try:
            stat = self.path.stat()
            seen = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if seen == self._seen:
                return None
            self._seen = seen
            return self.read()
        except OSError:
            self._seen = None  # it may come back as it was
            raise


def find_catalogue(named: str, rules: Path) -> CatalogueFile | None:
    """Answer the file that a setting names, or that lies beside the rule files; else None.

    Raises:
        SettingsError: the name does not tell what is in it.
    """
    if named:
        path = Path(named)
        if path.suffix not in ENDINGS:
            message = f"EDGESEG_CATALOGUE: {named} ends in none of {', '.join(sorted(ENDINGS))}"
            raise SettingsError(message)
        return CatalogueFile(path)
    found = (rules / name for name in NAMES)
    return next((CatalogueFile(path) for path in found if path.is_file()), None)
