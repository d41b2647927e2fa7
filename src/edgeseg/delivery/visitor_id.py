"""The visitor cookie: an id and the consents that go with it, signed.

Value: ``base64url(JSON [id, {purpose: granted}, issued_s, [given_s ...]]) "." base64url(HMAC)``,
the signature HMAC-SHA-256, cut to 128 bits. The first key signs, all keys verify.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from edgeseg.clock import DAY_MS, SECOND_MS

ID_BYTES: Final = 16
MAX_COOKIE: Final = 2_560
MAX_AGE_S: Final = 396 * 24 * 3_600
RENEW_AFTER_MS: Final = 30 * DAY_MS
_SIGNATURE_BYTES: Final = 16


class Visitor(msgspec.Struct, frozen=True, array_like=True):
    """Who a cookie says is there.

    Attributes:
        id: 128 random bits, base64url; `identity.KNOWN` ... for somebody who was proven to be
            a known person; "" for somebody who wants no profile.
        consents: purpose → granted.
        issued_s: when the cookie was made, epoch seconds; 0 while the profile has yet to be told
            of the consents, so that the cookie counts as old until it is.
        given_s: when each of ``consents`` was said, in their order; () for ``issued_s``.
    """

    id: str
    consents: dict[str, bool]
    issued_s: int
    given_s: tuple[int, ...] = ()

    @property
    def untold(self) -> bool:
        """Whether the profile has yet to be told of the consents."""
        return not self.issued_s

    def oldest_s(self) -> int:
        """Answer when the first of the consents was said, epoch seconds."""
        return min(self.given_s) if self.given_s else self.issued_s

    def said(self) -> dict[str, int]:
        """Answer purpose → when it was said, epoch seconds."""
        given = self.given_s or (self.issued_s,) * len(self.consents)
        return dict(zip(self.consents, given, strict=False))

    def consents_at(self, now_ms: int, valid_ms: int) -> dict[str, bool]:
        """Answer purpose → granted, without grants older than ``valid_ms``, 0 for ever."""
        if not valid_ms or self.oldest_s() * SECOND_MS + valid_ms > now_ms:
            return self.consents
        said = self.said()
        return {
            purpose: granted
            for purpose, granted in self.consents.items()
            if not granted or said.get(purpose, 0) * SECOND_MS + valid_ms > now_ms
        }


class Forged(Exception):
    """The cookie's signature, or what it signs, is not ours."""


def new_visitor_id(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Answer a fresh id of 128 random bits."""
    return _encode(random_bytes(ID_BYTES))


class CookieSigner:
    """Writes and reads visitor cookies."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Sign with the first of ``keys``, verify with all."""
        self._keys = [key.encode() for key in keys]
        self._decoder = msgspec.json.Decoder(Visitor)
        self._encoder = msgspec.json.Encoder()

    def write(
        self,
        visitor_id: str,
        consents: Mapping[str, bool],
        now_ms: int,
        *,
        said: Mapping[str, int] = MappingProxyType({}),
        told: bool = True,
    ) -> str:
        """Answer the cookie's value.

        Args:
            visitor_id: who it is.
            consents: purpose → granted.
            now_ms: the instant of issue.
            said: purpose → when that was said, epoch seconds; now for one that is missing.
            told: whether the profile has been told of the consents.
        """
        now_s = now_ms // SECOND_MS
        given_s = tuple(said.get(purpose, now_s) for purpose in consents)
        if told and all(each == now_s for each in given_s):
            given_s = ()
        visitor = Visitor(visitor_id, dict(consents), now_s if told else 0, given_s)
        payload = _encode(self._encoder.encode(visitor))
        return f"{payload}.{_sign(self._keys[0], payload)}"

    def read(self, value: str) -> Visitor:
        """Answer who a cookie names.

        Raises:
            Forged: its signature does not hold.
        """
        payload, _dot, signature = value.partition(".")
        try:
            # Compared as text: base64 has several spellings of the same bytes, we write one.
            given = signature.encode()
            genuine = len(value) <= MAX_COOKIE and any(
                hmac.compare_digest(_sign(key, payload).encode(), given) for key in self._keys
            )
            if not genuine:
                raise Forged
            return self._decoder.decode(_decode(payload))
        except (ValueError, msgspec.MsgspecError) as error:
            raise Forged from error


def _sign(key: bytes, payload: str) -> str:
    return _encode(hmac.digest(key, payload.encode(), "sha256")[:_SIGNATURE_BYTES])


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
