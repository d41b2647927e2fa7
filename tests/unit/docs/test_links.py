"""Every link leads somewhere, and every page can be reached."""

import re
from pathlib import Path

import pytest

from tests.unit.docs.pages import DOCS, PAGES, name_of


def _links(page: Path) -> list[str]:
    """Answer the relative links of a page, without those in fenced blocks."""
    fenced = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
    text = fenced.sub("", page.read_text("utf-8"))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not re.match(r"[a-z]+:", link) and "NNNN" not in link]


def _anchors(page: Path) -> set[str]:
    """Answer the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """A reader who follows a link finds a page, and the heading on it."""
    for link in _links(page):
        name, _hash, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in _anchors(target), f"{link}: no such heading"


def test_the_map_names_every_page() -> None:
    """A page that no map shows is not found; the decisions are listed by their folder."""
    pages = {page for page in PAGES if DOCS in page.parents} - {DOCS / "README.md"}
    shown = {(DOCS / link.partition("#")[0]).resolve() for link in _links(DOCS / "README.md")}

    assert {page for page in pages if page.parent.name != "decisions"} <= shown
