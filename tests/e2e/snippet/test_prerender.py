"""Pages that the browser prepares before anybody asks for them."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.service import START_S, wait_for
from tests.e2e.snippet.site import WAIT_S, Site, document
from tests.plugins.needs import path_of

pytestmark = pytest.mark.needs("chromium")

HERO = '<main><div data-edgeseg-slot="hero"><p>Original</p></div></main>'


def test_a_prerendered_page_counts_when_it_is_looked_at(site: Site, tmp_path: Path) -> None:
    """Nothing is sent while a page is prepared; it is, once it is activated.

    Chromium prerenders nothing while it is driven, so this one is left to itself.
    """
    rules = '{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}'
    leave = "setInterval(async () => { if ((await fetch('/go')).ok) location = '/next'; }, 50);"
    site.add("/leave.js", leave)
    site.add("/prepared.js", "if (document.prerendering) fetch('/v1/prepared');")
    speculation = f'<script type="speculationrules">{rules}</script>'
    site.add("/", document(f'{HERO}{speculation}<script src="/leave.js"></script>'))
    site.add("/next", document(HERO, head='<script src="/prepared.js"></script>'))
    program = [str(path_of("chromium")), "--headless=new", "--no-sandbox", "--no-first-run"]
    profile = f"--user-data-dir={tmp_path}"
    with subprocess.Popen(
        [*program, profile, "--disable-gpu", f"{site.url}/"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as alone:
        try:
            wait_for(lambda: site.sent("/v1/prepared"), START_S, "the next page is prerendered")
            wait_for(site.views, WAIT_S, "the first page is viewed")
            assert site.views() == ["/"]
            site.add("/go", "now")
            wait_for(lambda: len(site.views()) == 2, WAIT_S, "the next page is viewed")
            assert site.views() == ["/", "/next"]
            assert len(site.sent("/v1/prepared")) == 1, "it was loaded anew"
        finally:
            alone.terminate()
            alone.wait(10)
