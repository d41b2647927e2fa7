"""The ``ETag`` of all flags: what they say, and until when.

Tag: ``DIGEST "-" UNTIL``, the digest of the body but for its ``valid_until``, and that in epoch
milliseconds, 0 where it is not told. Each page view of a visitor may move that instant, and
flags that say the same need not be sent again for it. But a client that is told 304 goes on
believing the instant in its own copy: so only while that is to come, and is not later than the
truth. An earlier one only makes it ask sooner.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

_FORM: Final = re.compile(r'"([0-9a-f]{24})-([0-9]{1,15})"')
_DIGEST_BYTES: Final = 12


def tag_of(body: bytes, until: str, until_ms: int) -> str:
    """Answer the tag of a body.

    Args:
        body: JSON, with ``until`` nowhere after its ``valid_until``.
        until: that, "" for none.
        until_ms: the same in epoch ms, 0 for none.
    """
    before, _until, rest = body.rpartition(until.encode()) if until else (body, b"", b"")
    digest = blake2b(before, digest_size=_DIGEST_BYTES)
    digest.update(rest)
    return f'"{digest.hexdigest()}-{until_ms}"'


def find_good(known: Iterable[str], tag: str, now_ms: int) -> str:
    """Answer the first tag whose copy is as good as the one of ``tag``, "" for none.

    Args:
        known: the tags of what a client has.
        tag: of what it would be sent.
        now_ms: the present instant.
    """
    digest, until_ms = _read(tag)
    for each in known:
        given, end_ms = _read(each)
        if each == tag or (given == digest and now_ms < end_ms <= until_ms):
            return each
    return ""


def _read(tag: str) -> tuple[str, int]:
    parts = _FORM.fullmatch(tag)
    return (parts[1], int(parts[2])) if parts else ("", 0)
