"""``edgeseg snippet``: the tag that people paste."""

import re
from base64 import b64decode
from hashlib import sha384

import pytest
from click.testing import CliRunner

from edgeseg.cli import main
from edgeseg.delivery.snippet import SCRIPT, read_snippet_file

TAG = re.compile(
    r'<script async src="(?P<src>[^"]+)"( integrity="sha384-(?P<hash>[^"]+)")?'
    r'(?P<crossorigin> crossorigin="anonymous")?></script>\n'
)


def _print(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["snippet", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_tag_names_this_version_with_its_hash() -> None:
    """The address is the immutable one, the hash that of the script; no CORS on one's own host."""
    tag = TAG.fullmatch(_print())
    assert tag
    file = read_snippet_file(SCRIPT)
    assert tag["src"] == f"/{file.pinned_name}"
    assert b64decode(tag["hash"]) == sha384(file.source).digest()
    assert tag["crossorigin"] is None


@pytest.mark.parametrize("endpoint", ["https://edge.example.org", "https://edge.example.org/"])
def test_on_another_host_the_tag_asks_for_permission(endpoint: str) -> None:
    """Browsers check a hash over another origin only with CORS."""
    tag = TAG.fullmatch(_print("--endpoint", endpoint))
    assert tag
    assert tag["src"].startswith("https://edge.example.org/edgeseg.")
    assert tag["crossorigin"]


def test_the_stable_tag_has_no_hash() -> None:
    """Its content changes with upgrades, so no hash can hold."""
    assert _print("--stable") == '<script async src="/edgeseg.js"></script>\n'


def test_the_types_are_printed_whole() -> None:
    """What is written to a file is TypeScript's declaration of the functions."""
    types = _print("--types")
    for name in ("page(", "track(", "identify(", "consent(", "on<", "slots("):
        assert name in types


@pytest.mark.parametrize("endpoint", ["edge.example.org", "ftp://edge.example.org", "https://"])
def test_an_address_that_is_none_is_refused(endpoint: str) -> None:
    """Wrong use exits with 2 and says what is expected."""
    result = CliRunner().invoke(main, ["snippet", "--endpoint", endpoint])
    assert result.exit_code == 2
    assert "https://edge.example.org" in result.output
