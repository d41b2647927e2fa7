"""Preview links: a page's address that asks, signed, for one variant of a campaign.

Token: ``base64url(JSON [campaign, variant, until_s]) "." base64url(HMAC-SHA256)``, the
signature cut to 128 bits. The first secret signs, all verify. What a preview shows is no
exposure: events about it are not recorded.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from edgeseg.clock import SECOND_MS
from edgeseg.decisions.cap_reader import EXPOSURE
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.events.event import Event, Value

MEMBER: Final = "edgeseg_preview"
"""Member of the page's query that holds the token."""
FACT: Final = f"query.{MEMBER}"
"""The same in the context of a request."""
MAX_TOKEN: Final = 1_000
_SIGNATURE_BYTES: Final = 16
_PURPOSE: Final = "preview"
"""Keeps signatures of cookies and keys, made with the same secret, from passing for links."""


class Preview(msgspec.Struct, frozen=True, array_like=True):
    """What a token asks for, until an instant in epoch seconds."""

    campaign: str
    variant: str
    until_s: int


class NotAPreview(Exception):
    """The token was not signed here, or its time is over."""


class PreviewSigner:
    """Writes and reads the tokens of preview links."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Sign with the first of ``secrets``, verify with all."""
        self._secrets = [secret.encode() for secret in secrets]
        self._decoder = msgspec.json.Decoder(Preview)

    def link(self, page: str, preview: Preview) -> str:
        """Answer the page's address with a token for the preview."""
        payload = _encode(msgspec.json.encode(preview))
        token = f"{payload}.{_sign(self._secrets[0], payload)}"
        parts = urlsplit(page)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        kept = [(name, value) for name, value in pairs if name != MEMBER]
        return urlunsplit(parts._replace(query=urlencode([*kept, (MEMBER, token)])))

    def read(self, token: str, now_ms: int) -> Preview:
        """Answer what a token asks for.

        Raises:
            NotAPreview: it is forged, or its time is over.
        """
        payload, _dot, signature = token.partition(".")
        try:
            given = signature.encode()
            genuine = len(token) <= MAX_TOKEN and any(
                hmac.compare_digest(_sign(secret, payload).encode(), given)
                for secret in self._secrets
            )
            if not genuine:
                raise NotAPreview
            raw = urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
            preview = self._decoder.decode(raw)
        except (ValueError, msgspec.MsgspecError) as error:
            raise NotAPreview from error
        if now_ms >= preview.until_s * SECOND_MS:
            raise NotAPreview
        return preview


def find_previews(
    context: Mapping[str, Value], rules: Snapshot, signer: PreviewSigner, now_ms: int
) -> Mapping[str, tuple[str, str]]:
    """Answer slot → campaign and variant that the page's address asks for; mostly nothing.

    A token that does not hold is passed over: the page then shows what it would anyway.
    """
    token = context.get(FACT)
    if not isinstance(token, str):
        return {}
    try:
        preview = signer.read(token, now_ms)
    except NotAPreview:
        return {}
    for slot, campaigns in rules.campaigns.items():
        if any(each.id == preview.campaign for each in campaigns):
            return {slot: (preview.campaign, preview.variant)}
    return {}


def previews_end_ms(
    context: Mapping[str, Value], signer: PreviewSigner, now_ms: int, other_ms: int | None
) -> int:
    """Answer when the link of this context expires, or ``other_ms`` if that is before it."""
    end_ms = signer.read(str(context[FACT]), now_ms).until_s * SECOND_MS
    return min(end_ms, other_ms or end_ms)


def is_about(event: Event, previews: Mapping[str, tuple[str, str]]) -> bool:
    """Tell whether an event is an exposure, or an outcome, of what is shown as a preview."""
    shown = {campaign for campaign, _variant in previews.values()}
    return event.name.startswith(EXPOSURE) and event.properties.get("campaign") in shown


def _sign(secret: bytes, payload: str) -> str:
    text = f"{_PURPOSE}\n{payload}"
    return _encode(hmac.digest(secret, text.encode(), "sha256")[:_SIGNATURE_BYTES])


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
