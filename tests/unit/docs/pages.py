"""The pages of the documentation, and the fenced blocks in them."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edgeseg.segments.definitions import SECTIONS

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


def _list_pages() -> list[Path]:
    """List what git would commit, so that caches and environments do not count."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    known = [ROOT / "README.md", *DOCS.rglob("*.md")]
    if (ROOT / ".git").exists():
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        known = [ROOT / name for name in listed.stdout.splitlines()]
    return sorted(path for path in known if path.exists())


class Block(NamedTuple):
    """A fenced block; ``page`` is relative to the repository."""

    page: str
    line: int
    language: str
    text: str


def _find_blocks(path: Path) -> Iterator[Block]:
    """Yield the fenced blocks, those within lists without their indentation."""
    fence = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
    text = path.read_text("utf-8")
    for found in fence.finditer(text):
        indent, language, body = found.groups()
        plain = "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))
        line = text.count("\n", 0, found.start()) + 1
        yield Block(path.relative_to(ROOT).as_posix(), line, language, plain)


def _has_rules(block: Block) -> bool:
    section = rf"^({'|'.join(SECTIONS)}):"
    return block.language == "yaml" and bool(re.search(section, block.text, re.MULTILINE))


PAGES = _list_pages()
BLOCKS = [block for page in PAGES for block in _find_blocks(page)]
RULE_BLOCKS = [block for block in BLOCKS if _has_rules(block)]


def name_of(page: Path) -> str:
    """Answer the path of a page within the repository."""
    return page.relative_to(ROOT).as_posix()
