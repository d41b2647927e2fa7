"""Everything that is decoded from outside: whatever comes, it is read or refused in our words."""

import gzip
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jwt
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeseg.delivery.classify_body import ClassifyRequest
from edgeseg.delivery.flood import Networks
from edgeseg.delivery.http import cookie, header, headers_of, is_loopback_http
from edgeseg.delivery.identity_token import TokenReader
from edgeseg.delivery.page_address import read_query
from edgeseg.delivery.preview_link import NotAPreview, PreviewSigner
from edgeseg.delivery.problems import decode_body
from edgeseg.delivery.segment_key import NotAKey, SegmentKeySigner
from edgeseg.delivery.tracking_body import BATCH, read_post, unpack
from edgeseg.errors import AccessError, InputError
from edgeseg.events.address import strip_address
from edgeseg.events.enrich import page_context

SECRET = "a-secret-of-the-tests-that-is-long-enough" * 2
NOW_MS = 1_800_000_000_000
MAX_BYTES = 4_096
TOKENS = TokenReader((SECRET,))
KEYS = SegmentKeySigner((SECRET,))
PREVIEWS = PreviewSigner((SECRET,))
NETWORKS = Networks(["10.0.0.0/8"])
BYTES = st.binary(max_size=300) | st.binary(max_size=100).map(gzip.compress)


def _scope(text: str, name: bytes) -> Any:
    raw = text.encode("utf-8", "surrogatepass")
    return {
        "type": "http",
        "scheme": "http",
        "client": ("10.0.0.1", 5_000),
        "query_string": raw,
        "headers": [(name, raw)],
    }


def _read_scope(text: str) -> None:
    cookie(headers_of(_scope(text, b"cookie")), "edgeseg")
    header(_scope(text, b"x-any"), b"x-any")
    is_loopback_http(_scope(text, b"host"))
    network = NETWORKS.of(_scope(text, b"x-forwarded-for"))
    assert not network or network.rpartition("/")[2] in {"24", "48"}
    read_query(_scope(text, b"x-any"))


READERS: dict[str, tuple[Callable[[str], object], type[Exception]]] = {
    "identity token": (lambda text: TOKENS.read(text, NOW_MS), AccessError),
    "segment key": (lambda text: KEYS.read(text, ["a", "b"], NOW_MS), NotAKey),
    "preview link": (lambda text: PREVIEWS.read(text, NOW_MS), NotAPreview),
    "head and query": (_read_scope, InputError),
    "address of a page": (lambda text: page_context(text, text, text), InputError),
    "address in an event": (lambda text: strip_address(text, ()), InputError),
}


@pytest.mark.parametrize("name", READERS)
@given(text=st.text(max_size=300))
@example(text="a" * 100_000)
@example(text="." * 3)
@example(text="http://[" * 20)
@example(text="%ED%A0%80\0\r\n;=&" * 20)
def test_no_text_is_read_as_something_else(name: str, text: str) -> None:
    """It is what it should be, or refused by the one error that callers expect."""
    read, refusal = READERS[name]
    with suppress(refusal):
        read(text)


@given(body=BYTES)
def test_no_bytes_break_the_bodies(body: bytes) -> None:
    """Of page views and of tracking calls, packed or not."""
    with suppress(InputError):
        decode_body(body, ClassifyRequest)
    with suppress(InputError):
        unpacked = unpack(body, MAX_BYTES)
        assert len(unpacked) <= MAX_BYTES
        read_post(unpacked, BATCH)


@given(
    claims=st.dictionaries(
        st.sampled_from(["sub", "exp", "nbf", "iat", "email", "aud"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
        | st.lists(st.none(), max_size=1),
    ),
    key=st.sampled_from([SECRET, "another-key-of-the-tests-that-is-long-enough" * 2]),
    algorithm=st.sampled_from(["HS256", "HS512", "none"]),
)
def test_only_a_whole_and_genuine_token_is_believed(
    claims: dict[str, Any], key: str, algorithm: str
) -> None:
    """Signed with our key by our algorithm, with a person and an end that is to come."""
    try:
        token = jwt.encode(claims, None if algorithm == "none" else key, algorithm=algorithm)
    except (TypeError, ValueError):
        return  # no such token can be made
    with suppress(AccessError):
        person = TOKENS.read(token, NOW_MS)
        assert (key, algorithm) == (SECRET, "HS256")
        assert person.user_id == claims["sub"]
        assert claims["exp"] > NOW_MS / 1_000 - 120


@given(value=st.recursive(st.none() | st.text(max_size=5), st.lists))
def test_bodies_of_any_shape_are_read_or_refused(value: object) -> None:
    """JSON of the wrong shape is refused by name."""
    with suppress(InputError):
        decode_body(msgspec.json.encode({"page": value, "events": value}), ClassifyRequest)
