"""The built files in the package are what the source in web/ gives."""

import gzip
import subprocess

import pytest

from edgeseg.delivery.snippet import POPUPS, SCRIPT, read_snippet_file
from tests.plugins.needs import WEB

pytestmark = pytest.mark.needs("web-tools")


@pytest.mark.parametrize("command", [["node", "build.mjs", "--check"], ["npx", "tsc"]])
def test_the_source_gives_the_files_that_are_shipped(command: list[str]) -> None:
    """Building again gives the same bytes, below their limits, and the types agree."""
    result = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_it_is_as_small_as_the_docs_say() -> None:
    """2.7 KB is 2,700 bytes at most, gzipped as it is served; popups have 1.5 KB at most."""
    for name, limit in ((SCRIPT, 2_700), (POPUPS, 1_500)):
        assert len(gzip.compress(read_snippet_file(name).source, 9)) <= limit


def test_the_published_types_fit_a_page(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Calls as the docs show them compile, before loading and after; wrong ones do not."""
    page = WEB / "check-types.ts"
    good = """
import "./edgeseg";
import type { Edgeseg } from "./edgeseg";
(window.edgeseg ??= []).push(["track", "product_added", { price: 24, tags: ["a"] }]);
const edgeseg = window.edgeseg as Edgeseg;
edgeseg.on("answer", (answer, timing) => console.log(answer.segments.length, timing.late));
edgeseg.consent({ marketing: true });
edgeseg.page({ cart_value: 120 });
export const html: string | undefined = edgeseg.slots("home-hero")["home-hero"]?.html;
// @ts-expect-error - an object is no value of a property
edgeseg.track("a", { nested: {} });
// @ts-expect-error - nobody tells this
edgeseg.on("nothing", () => {});
"""
    page.write_text(good, "utf-8")
    try:
        command = ["npx", "tsc", "--noEmit", "--strict", "--lib", "es2021,dom", str(page)]
        command += ["--ignoreConfig"]
        result = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    finally:
        page.unlink()
    assert result.returncode == 0, result.stdout
