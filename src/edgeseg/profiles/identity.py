"""Ids of people made from what other systems call them, as keyed hashes.

Neither a person's number nor an e-mail address ever stands in a key of the store::

    known:HASH     somebody proven by a server key or a signed token (`Identities.known`)
    claimed:HASH   somebody whom a browser, or a public key, says it is (`Identities.claimed`)
    anon:HASH      an ``anonymousId`` or a ``targetingKey`` (`Identities.anonymous`)

HASH is 132 bits of HMAC-SHA-256, base64url. No cookie's id holds a colon, so that the
four kinds never meet.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from typing import Final

from edgeseg.errors import InputError

KNOWN: Final = "known:"
CLAIMED: Final = "claimed:"
ANONYMOUS: Final = "anon:"
_HASH_LETTERS: Final = 22
MAX_NAME: Final = 256
"""Longest id or address that is taken from outside, characters."""
_DIGEST: Final = re.compile("[0-9a-f]{64}")


class Identities:
    """Turns foreign names into ids and index entries of the store. Pure."""

    def __init__(self, key: str) -> None:
        """Hash with ``key``, which may never change: all known visitors would be strangers."""
        self._key = key.encode()

    def known(self, user_id: str, *, field: str = "userId") -> str:
        """Answer the visitor id of a person whose identity is proven.

        Raises:
            InputError: ``user_id`` is empty or over 256 characters.
        """
        return KNOWN + self._hash("user", user_id, field)

    def claimed(self, user_id: str) -> str:
        """Answer the visitor id for events of a person whom nobody has vouched for.

        It is never joined with the `known` one but by a server, so that whoever types
        somebody else's name neither sees nor spoils their profile.
        """
        return CLAIMED + self._hash("user", user_id, "userId")

    def anonymous(self, anonymous_id: str, *, field: str = "anonymousId") -> str:
        """Answer the visitor id of a foreign client's own anonymous id."""
        return ANONYMOUS + self._hash("anonymous", anonymous_id, field)

    def email_entry(self, email: str) -> str:
        """Answer the index entry of an e-mail address, whatever its case and blanks around."""
        return self.digest_entry(email_digest(email))

    def digest_entry(self, digest: str) -> str:
        """Answer the index entry of an address of which only the `email_digest` is known.

        Raises:
            InputError: it is not 64 lower-case hexadecimal digits.
        """
        if not _DIGEST.fullmatch(digest):
            message = "the SHA-256 of the trimmed, lower-case address, 64 hexadecimal digits"
            raise InputError(message, field="email_hash")
        return self._hash("email", digest, "email_hash")

    def pseudonym(self, visitor_id: str) -> str:
        """Answer what stands for a visitor in logs; no key of the store can be told from it."""
        return self._hash("log", visitor_id, "visitor")

    def _hash(self, kind: str, text: str, field: str) -> str:
        if not 0 < len(text) <= MAX_NAME:
            message = f"1 to {MAX_NAME} characters are needed, there are {len(text)}"
            raise InputError(message, field=field)
        try:
            named = f"{kind}:{text}".encode()
        except UnicodeEncodeError as error:
            raise InputError("not valid text: a lone surrogate", field=field) from error
        digest = hmac.digest(self._key, named, "sha256")
        return urlsafe_b64encode(digest).decode()[:_HASH_LETTERS]


def email_digest(email: str) -> str:
    """Answer the SHA-256 of an address, trimmed and in lower case, in hexadecimal digits.

    The form in which advertising and mailing systems exchange addresses.
    """
    return hashlib.sha256(email.strip().lower().encode("utf-8", "replace")).hexdigest()


def is_known(visitor_id: str) -> bool:
    """Tell whether an id is that of a person whose identity was proven."""
    return visitor_id.startswith(KNOWN)


def staying_first(visitor_id: str) -> tuple[bool, str]:
    """Answer a key that orders ids: of two that are merged the first stays.

    That of a known person before others, then by the alphabet. Since every pointer leads
    to an earlier id, pointers never form a circle, whoever merges whom at the same time.
    """
    return not is_known(visitor_id), visitor_id
