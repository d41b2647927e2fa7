"""`edgeseg doctor` tells what is set, what answers and what is unsafe, and no secret."""

import json
from pathlib import Path

import pytest
import redis

from edgeseg.cli.safety import safety
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.settings import Settings
from tests.unit.cli.conftest import Run

SECRET = "not-for-other-eyes-1-nor-for-those-of-others"
OTHER = "another-key-that-is-long-and-has-many-letters"
SOUND: dict[str, object] = {"secret": (SECRET,)}


def _findings(output: str) -> dict[str, str]:
    return {each["what"]: each["state"] for each in json.loads(output)["findings"]}


def test_a_sound_installation_is_found_sound(run: Run, embedded_server: EmbeddedServer) -> None:
    """Rules that load and a store that answers are fine."""
    result = run("doctor", "--json", redis_url=embedded_server.url, secret=SECRET)
    assert result.exit_code == 0, result.output
    assert _findings(result.stdout) == {"rules": "ok", "configured store": "ok"}


def test_the_embedded_store_is_tried(run: Run) -> None:
    """Without a configured store the embedded one is started, asked and stopped."""
    result = run("doctor", "--json")
    assert result.exit_code == 0, result.output
    found = _findings(result.stdout)
    assert found["embedded store"] == "ok"
    assert found["cookie secret"] == "warning"


def test_what_is_broken_is_a_problem(run: Run, tmp_path: Path) -> None:
    """A store that does not answer and rules that do not load end with code 1."""
    nobody = f"unix://{tmp_path / 'nobody.sock'}"
    result = run("doctor", "--json", redis_url=nobody, rules=str(tmp_path / "none"))
    assert result.exit_code == 1
    found = _findings(result.stdout)
    assert found["rules"] == "problem"
    assert found["configured store"] == "problem"


def test_a_store_that_loses_profiles_is_told_of(run: Run, embedded_server: EmbeddedServer) -> None:
    """A replica stores nothing, a server that evicts forgets whom it knew."""
    location = {"redis_url": embedded_server.url}
    with redis.Redis.from_url(embedded_server.url) as client:
        try:
            client.config_set("maxmemory-policy", "allkeys-lru")
            evicting = run("doctor", "--json", **location)
            client.config_set("maxmemory-policy", "noeviction")
            client.replicaof("127.0.0.1", "1")
            replica = run("doctor", "--json", **location)
        finally:
            client.config_set("maxmemory-policy", "noeviction")
            client.replicaof("NO", "ONE")
    assert (evicting.exit_code, replica.exit_code) == (0, 1)
    assert _findings(evicting.stdout)["configured store"] == "warning"
    assert _findings(replica.stdout)["configured store"] == "problem"


@pytest.mark.parametrize("name", ["storage_purpose", "write_key_consent"])
def test_a_purpose_that_the_rules_do_not_declare_is_told_of(
    run: Run, embedded_server: EmbeddedServer, tmp_path: Path, name: str
) -> None:
    """With a misspelt one nothing is ever stored, and nothing else says why."""
    rules = tmp_path / "rules.yaml"
    setup = {"redis_url": embedded_server.url, "rules": str(tmp_path), name: "maketing"}
    rules.write_text("purposes:\n  - {id: marketing, name: Offers}\n", "utf-8")
    told = run("doctor", "--json", **setup)
    found = {each["what"]: each["detail"] for each in json.loads(told.stdout)["findings"]}
    assert "did you mean `marketing`" in found[f"EDGESEG_{name.upper()}"]

    rules.write_text("segments: []\n", "utf-8")
    assert f"EDGESEG_{name.upper()}" not in _findings(run("doctor", "--json", **setup).stdout)


def test_an_audit_log_that_cannot_be_written_is_a_problem(run: Run, tmp_path: Path) -> None:
    """Else it is found out when the first visitor wants to be forgotten; trying writes nothing."""
    result = run("doctor", "--json", audit_log=str(tmp_path / "none" / "audit.log"))
    assert result.exit_code == 1
    assert _findings(result.stdout)["audit log"] == "problem"

    fine = run("doctor", "--json", audit_log=str(tmp_path / "audit.log"))
    assert "audit log" not in _findings(fine.stdout)
    assert not (tmp_path / "audit.log").exists()


def test_long_settings_are_shown_whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow terminal breaks them and leaves nothing out."""
    monkeypatch.setenv("COLUMNS", "80")
    long = f"/{'x' * 100}"
    result = run("doctor", templates=long)
    shown = "".join(line.split()[-1] for line in result.stdout.splitlines() if line.strip())
    assert long in shown


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_every_setting_is_listed_and_no_secret(
    run: Run, embedded_server: EmbeddedServer, form: tuple[str, ...]
) -> None:
    """The list is whole, and safe to paste into a question."""
    keys = {"secret": SECRET, "server_keys": SECRET, "write_keys": SECRET}
    result = run("doctor", *form, redis_url=embedded_server.url, **keys)
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert embedded_server.url not in result.output
    for name in Settings.__struct_fields__:
        assert (name if form else f"EDGESEG_{name.upper()}") in result.output


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({}, {"cookie secret"}),
        ({"secret": (SECRET,)}, set()),
        ({"secret": (SECRET, SECRET)}, {"EDGESEG_ID_KEY"}),
        ({"secret": (SECRET, SECRET), "id_key": SECRET}, set()),
        ({"secret": (SECRET,), "public_explain": True}, {"EDGESEG_PUBLIC_EXPLAIN"}),
        ({"secret": (SECRET,), "respect_gpc": False}, {"EDGESEG_RESPECT_GPC"}),
        ({"secret": (SECRET,), "redis_url": "redis://store.example"}, {"EDGESEG_REDIS_URL"}),
        ({"secret": (SECRET,), "redis_url": "redis://:x@localhost:6379"}, set()),
        ({"secret": (SECRET,), "redis_url": "rediss://store.example"}, set()),
        ({"secret": (SECRET,), "redis_url": "redis://localhost.example"}, {"EDGESEG_REDIS_URL"}),
        ({"secret": (SECRET,), "redis_url": "unix:///run/store.sock"}, set()),
        (SOUND | {"redis_url": "redis+cluster://[::1],store.example"}, {"EDGESEG_REDIS_URL"}),
        (SOUND | {"redis_url": "redis+sentinel://[::1],localhost/main"}, set()),
        (SOUND | {"redis_url": "rediss+sentinel://[2001:db8::1],store.example/main"}, set()),
        (SOUND | {"redis_url": "redis://[store.example"}, set()),
        (
            {"secret": (SECRET,), "allowed_origins": ("http://shop.example",)},
            {"origin http://shop.example"},
        ),
        ({"secret": (SECRET,), "allowed_origins": ("http://localhost:3000",)}, set()),
        (SOUND | {"allowed_origins": ("http://[shop.example",)}, {"origin http://[shop.example"}),
        ({"secret": ("only-twenty-letters-",)}, {"EDGESEG_SECRET"}),
        ({"secret": ("ab" * 20,)}, {"EDGESEG_SECRET"}),
        (SOUND | {"server_keys": ("only-twenty-letters-",)}, {"EDGESEG_SERVER_KEYS"}),
        (SOUND | {"server_keys": (OTHER,), "write_keys": (OTHER,)}, {"EDGESEG_SERVER_KEYS"}),
        (SOUND | {"server_keys": (SECRET,)}, {"EDGESEG_SECRET"}),
        (SOUND | {"identity_keys": (SECRET,)}, {"EDGESEG_SECRET"}),
        (SOUND | {"identity_keys": (OTHER,), "server_keys": (OTHER + "2",)}, set()),
        (SOUND | {"visitor_rate": 0.0}, {"EDGESEG_VISITOR_RATE"}),
        (SOUND | {"network_rate": 0.0}, {"EDGESEG_NETWORK_RATE"}),
        (SOUND | {"trusted_proxies": ("0.0.0.0/0",)}, {"proxy 0.0.0.0/0"}),
        (SOUND | {"trusted_proxies": ("10.0.0.0/8", "::1")}, set()),
        (SOUND | {"host": "0.0.0.0"}, {"EDGESEG_MANAGEMENT_PORT", "EDGESEG_REDIS_URL"}),
        (
            SOUND | {"host": "0.0.0.0", "management_port": 9_000, "redis_url": "rediss://a.b"},
            set(),
        ),
        ({"redis_url": "rediss://store.example"}, {"cookie secret"}),
    ],
)
def test_what_is_unsafe_is_warned_of(settings: dict[str, object], warned: set[str]) -> None:
    """Each unsafe setting has its warning, a safe one has none."""
    found = safety(Settings(**settings))  # type: ignore[arg-type]
    assert {finding.what for finding in found} == warned
    assert {finding.state for finding in found} <= {"warning"}
