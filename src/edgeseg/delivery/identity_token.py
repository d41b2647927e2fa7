"""Identity tokens: how a site's own login vouches for who somebody is.

A JSON Web Token (RFC 7519) signed with HMAC-SHA-256 (``HS256``), made by the site's server
with a key that it shares with edgeseg, and handed to its page. Claims:

    sub     the person's id on the site, 1 to 256 characters
    exp     end of validity, epoch seconds, at most 24 hours ahead
    email   optional: the person's e-mail address

Other claims are ignored: the key is shared with edgeseg alone, so there is no other audience,
and some libraries add ``nbf`` by a clock that is a second ahead.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from edgeseg.clock import DAY_MS, SECOND_MS
from edgeseg.errors import AccessError
from edgeseg.profiles.identity import MAX_NAME

MAX_TOKEN: Final = 2_048
MAX_AHEAD_MS: Final = DAY_MS
_SIGNATURE_ALONE: Final[Any] = {
    f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}
"""Claims are checked here: the library reads the clock of the machine."""


class Person(NamedTuple):
    """Who a token says is there; ``email`` is "" where it does not say."""

    user_id: str
    email: str


class TokenReader:
    """Checks identity tokens."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Accept tokens signed with any of ``keys``; without keys accept none."""
        self._keys = keys
        if keys:
            import jwt  # noqa: PLC0415 - with cryptography 10 MB, which most sites do not need

            self._jwt = jwt

    def read(self, token: str, now_ms: int) -> Person:
        """Answer who the token names.

        Raises:
            AccessError: it is not signed with one of the keys, has ended, or is good for
                more than 24 hours.
        """
        claims = self._verify(token)
        expires, user_id, email = claims.get("exp"), claims.get("sub"), claims.get("email", "")
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise AccessError("the identity token's `exp` is no number of seconds")
        left_ms = expires * SECOND_MS - now_ms
        if not 0 < left_ms <= MAX_AHEAD_MS:
            ended = "has ended" if left_ms <= 0 else "is good for more than 24 hours"
            message = f"the identity token {ended}; make a new one for each page"
            raise AccessError(message)
        if not isinstance(user_id, str) or not 0 < len(user_id) <= MAX_NAME:
            message = f"the identity token's `sub` is no text of 1 to {MAX_NAME} characters"
            raise AccessError(message)
        return Person(user_id, email if isinstance(email, str) else "")

    def _verify(self, token: str) -> dict[str, Any]:
        if not self._keys:
            message = "no identity token is accepted; set EDGESEG_IDENTITY_KEYS"
            raise AccessError(message)
        for key in self._keys if len(token) <= MAX_TOKEN else ():
            try:
                return self._jwt.decode(token, key, algorithms=["HS256"], options=_SIGNATURE_ALONE)
            except (self._jwt.PyJWTError, ValueError):
                continue
        message = "the identity token is not signed with a key of EDGESEG_IDENTITY_KEYS by HS256"
        raise AccessError(message)
