"""Text that strangers wrote, as a terminal may show it."""


def printable(text: str) -> str:
    """Answer one line of ``text``, with a mark for whatever a terminal would obey or hide.

    Escape sequences can change a terminal's title or clipboard, and overwrite what stands there.
    """
    return "".join(part if part.isprintable() else "\ufffd" for part in text)
