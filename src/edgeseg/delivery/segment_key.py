"""The segment key: a short signed text by which a CDN keeps one copy per combination.

Key: ``MASK "." UNTIL "." base64url(HMAC-SHA256)``. MASK is hexadecimal, with a bit for
each segment that any slot varies on, in the order of their ids; UNTIL is the hour, counted
from the epoch, at whose beginning the key ends. The signature is cut to 128 bits and also
covers the names of those segments, so that a key made under other rules is no key. The
first secret signs, all verify.

Everyone in the same segments gets the same key within an hour: nothing in it tells one
visitor from another.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from typing import Final

from edgeseg.clock import HOUR_MS

LIFE_HOURS: Final = 2
"""A key lives until the second full hour from now, so for more than one hour."""
_FORM: Final = re.compile(r"([0-9a-f]{1,4})\.([0-9]{1,9})\.([A-Za-z0-9_-]{22})")
_SIGNATURE_BYTES: Final = 16
_PURPOSE: Final = "segment-key"
"""Keeps signatures of visitor cookies, made with the same secret, from passing for keys."""


class NotAKey(Exception):
    """The text was not signed here, under these rules, or its time is over."""


class SegmentKeySigner:
    """Writes and reads segment keys."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Sign with the first of ``secrets``, verify with all."""
        self._secrets = [secret.encode() for secret in secrets]

    def write(self, varied: Sequence[str], held: Collection[str], now_ms: int) -> str:
        """Answer the key.

        Args:
            varied: the segments that any slot varies on, sorted.
            held: the segments that the visitor is in.
            now_ms: when it is made.
        """
        mask = sum(1 << bit for bit, segment in enumerate(varied) if segment in held)
        payload = f"{mask:x}.{now_ms // HOUR_MS + LIFE_HOURS}"
        return f"{payload}.{_sign(self._secrets[0], payload, varied)}"

    def read(self, text: str, varied: Sequence[str], now_ms: int) -> set[str]:
        """Answer the segments that a key stands for.

        Raises:
            NotAKey: it is forged, made under other rules, or its time is over.
        """
        parts = _FORM.fullmatch(text)
        if parts is None:
            raise NotAKey
        mask, until_hour = int(parts[1], 16), int(parts[2])
        # As it was spelt: a CDN would keep another copy for each other spelling.
        payload, given = f"{parts[1]}.{parts[2]}", parts[3].encode()
        genuine = any(
            hmac.compare_digest(_sign(secret, payload, varied).encode(), given)
            for secret in self._secrets
        )
        if not genuine or now_ms >= until_hour * HOUR_MS:
            raise NotAKey
        return {segment for bit, segment in enumerate(varied) if mask >> bit & 1}


def _sign(secret: bytes, payload: str, varied: Sequence[str]) -> str:
    text = "\n".join((_PURPOSE, payload, *varied))
    digest = hmac.digest(secret, text.encode(), "sha256")[:_SIGNATURE_BYTES]
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
