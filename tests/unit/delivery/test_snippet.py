"""The snippet's files as they are served."""

import gzip
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from edgeseg.delivery.snippet import POPUPS, SCRIPT, read_snippet_file, snippet_routes

PLAIN = {"Accept-Encoding": "identity"}
MAX_SCRIPT = 3_000
MAX_POPUPS = 1_500


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    """An application with the snippet's routes and no others."""
    with TestClient(Litestar(snippet_routes())) as running:
        yield running


def test_the_stable_address_is_kept_for_minutes_and_asked_for_again(
    client: TestClient[Litestar],
) -> None:
    """The latest script has a tag by which an unchanged one is not sent twice."""
    first = client.get("/edgeseg.js")
    assert first.headers["cache-control"] == "public, max-age=300"
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    again = client.get("/edgeseg.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("name", [SCRIPT, POPUPS])
def test_an_address_that_names_the_content_may_be_kept_for_ever(
    client: TestClient[Litestar], name: str
) -> None:
    """The versioned address is immutable and carries the same bytes; another version is none."""
    file = read_snippet_file(name)
    answer = client.get(f"/{file.pinned_name}")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.content == file.source
    other = file.pinned_name.replace(file.version, "0123456789ab")
    assert client.get(f"/{other}").status_code == 404


def test_it_comes_compressed_to_who_understands_that(client: TestClient[Litestar]) -> None:
    """Without a proxy that compresses, visitors still load the small form."""
    plain = client.get("/edgeseg.js", headers=PLAIN)
    assert "content-encoding" not in plain.headers
    small = client.get("/edgeseg.js", headers={"Accept-Encoding": "gzip, br"})
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < len(plain.content)
    assert small.content == plain.content
    assert "accept-encoding" in plain.headers["vary"].lower()


def test_it_stays_small() -> None:
    """What every page loads, and what a page loads where a popup may open."""
    assert len(gzip.compress(read_snippet_file(SCRIPT).source, 9)) <= MAX_SCRIPT
    assert len(gzip.compress(read_snippet_file(POPUPS).source, 9)) <= MAX_POPUPS


def test_the_script_names_the_popups_that_are_served() -> None:
    """Both files are of one build: the address and the hash in the script are the other's."""
    script, popups = read_snippet_file(SCRIPT).source.decode(), read_snippet_file(POPUPS)
    assert popups.pinned_name in script
    assert f"sha256-{b64encode(sha256(popups.source).digest()).decode()}" in script


@pytest.mark.parametrize("name", [SCRIPT, POPUPS])
def test_the_source_map_leads_to_the_source(client: TestClient[Litestar], name: str) -> None:
    """The tools of the browser find the map, and in it the source with its comments."""
    answer = client.get(f"/{read_snippet_file(name).pinned_name}")
    found = client.get(answer.headers["sourcemap"]).json()
    assert found["file"] == name
    assert any(source.endswith("main.ts") for source in found["sources"])
    assert all(not re.match(r"(/|file:|[A-Za-z]:)", source) for source in found["sources"])
    assert any("/**" in content for content in found["sourcesContent"])
