"""Files that may be packed by gzip, which their first bytes tell."""

import gzip
import io
from typing import BinaryIO, Final, cast

GZIP_MAGIC: Final = b"\x1f\x8b"


def unpack(raw: io.BufferedReader) -> BinaryIO:
    """Answer the file itself, or what unpacks it while it is read."""
    is_packed = raw.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
    return cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if is_packed else raw
