"""Read the body of a tracking call: sniff gzip, take batches apart, decode each message."""

import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from edgeseg.delivery.problems import input_error
from edgeseg.delivery.unpacking import GZIP_MAGIC
from edgeseg.errors import EdgesegError, InputError, TooLargeError
from edgeseg.events.tracking_message import KINDS, Batch, Message, MessageContext

BATCH: Final = "batch"
_GZIP_WINDOW: Final = 31  # zlib's way to say: with a gzip header
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_batch_decoder = msgspec.json.Decoder(Batch)
_message_decoder = msgspec.json.Decoder(Message)


class Post(NamedTuple):
    """What one call brought.

    Attributes:
        messages: each still encoded, so that a bad one spoils no other.
        kind: of the only message, "" where each says its own.
        sent_at: when the client sent it, by the client's clock.
        write_key: the key in the body.
        context: of the messages that have none of their own.
    """

    messages: Sequence[bytes | msgspec.Raw]
    kind: str
    sent_at: str
    write_key: str
    context: MessageContext | None


def unpack(body: bytes, max_bytes: int) -> bytes:
    """Answer the body as it was before the client compressed it, whatever its headers say.

    Raises:
        TooLargeError: it has over ``max_bytes``; no more than those are ever unpacked.
        InputError: it begins like gzip and is not.
    """
    if not body.startswith(GZIP_MAGIC):
        return body
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = unpacker.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise InputError("the gzip of the body is damaged") from error
    if len(plain) > max_bytes:
        raise TooLargeError(f"the unpacked body is over the limit of {max_bytes:,} bytes")
    if not unpacker.eof:
        raise InputError("the gzip of the body is cut short")
    return plain


def read_post(body: bytes, kind: str) -> Post:
    """Take a call apart.

    Args:
        body: unpacked.
        kind: of `KINDS` or `BATCH`, as its address says.

    Raises:
        InputError: it is not JSON of that form.
    """
    try:
        if kind == BATCH:
            batch = _batch_decoder.decode(body)
            return Post(batch.batch, "", batch.sent_at or "", batch.write_key or "", batch.context)
        message = _message_decoder.decode(body)
    except _UNREADABLE as error:
        raise input_error(error) from error
    return Post([body], kind, "", message.write_key or "", None)


def read_message(encoded: bytes | msgspec.Raw, post: Post, max_bytes: int) -> tuple[Message, str]:
    """Answer a message and its kind.

    Raises:
        InputError: it does not have the form of one.
        TooLargeError: it is over ``max_bytes``.
    """
    size = len(memoryview(encoded))
    if size > max_bytes:
        raise TooLargeError(f"a message has at most {max_bytes:,} bytes, this has {size:,}")
    try:
        message = _message_decoder.decode(encoded)
    except _UNREADABLE as error:
        raise input_error(error) from error
    kind = post.kind or message.type or ""
    if kind not in KINDS:
        raise InputError(f"one of {', '.join(KINDS)} is needed", field="type")
    if post.context is not None:
        own = msgspec.structs.asdict(message.context) if message.context else {}
        told = {name: value for name, value in own.items() if value is not None}
        context = msgspec.structs.replace(post.context, **told)
        message = msgspec.structs.replace(message, context=context)
    return message, kind


def located(error: EdgesegError, index: int | None) -> InputError:
    """Answer the error with the place of its message in a batch (None: there is no batch)."""
    field = error.field if isinstance(error, InputError) else ""
    if index is not None:
        field = f"batch[{index}].{field.lstrip('.')}".rstrip(".")
    kind = type(error) if isinstance(error, InputError) else InputError
    return kind(str(error), field=field.lstrip("."))
