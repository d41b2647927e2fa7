"""The Kubernetes manifests: valid for the API, and true to what the service offers."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import kubernetes_validate
import pytest
import yaml

from edgeseg.rule_folder import RuleFolder
from edgeseg.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "deploy/kubernetes"
OBJECTS: list[dict[str, Any]] = [
    each
    for path in sorted(MANIFESTS.glob("*.yaml"))
    for each in yaml.safe_load_all(path.read_text("utf-8"))
]
MAKES_A_CONFIG_MAP = """#!/bin/sh
# Like kubectl: what lies in folders of a folder is left out, and a key has no slash.
for each in "$@"; do
    case $each in
    --from-file=*=*) each=${each#*=}; cp "${each#*=}" "$FOLDER/${each%%=*}" ;;
    --from-file=*) find "${each#*=}" -maxdepth 1 -type f -exec cp {} "$FOLDER" \\; ;;
    esac
done
"""
VERSIONS = ("1.29", "1.37")
"""The oldest and the newest API that the manifests are held to."""


def _pod() -> dict[str, Any]:
    [deployment] = [each for each in OBJECTS if each["kind"] == "Deployment"]
    return deployment["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def _container() -> dict[str, Any]:
    [container] = _pod()["containers"]
    return container  # type: ignore[no-any-return]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda each: each["kind"])
def test_the_api_takes_every_manifest(manifest: dict[str, Any], version: str) -> None:
    """Nothing is misspelt: the schemas of Kubernetes know every member."""
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_manifest_sets_settings_that_exist() -> None:
    """A renamed setting would keep the service from starting."""
    names = {entry["name"] for entry in _container()["env"]}
    assert {name.removeprefix(PREFIX).lower() for name in names} <= set(Settings.__struct_fields__)


def test_the_probes_ask_the_management_port() -> None:
    """Probes and scrapes go where visitors cannot, and a drain ends before the grace period."""
    container = _container()
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert environment["EDGESEG_MANAGEMENT_PORT"] == str(ports["management"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == "management"
    assert float(environment["EDGESEG_DRAIN_S"]) + 10 < _pod()["terminationGracePeriodSeconds"]


def test_no_variables_but_ours_begin_as_settings() -> None:
    """Kubernetes would name the Service in `EDGESEG_PORT`, and no pod would start beside it."""
    [service] = [each for each in OBJECTS if each["kind"] == "Service"]
    assert service["metadata"]["name"] == "edgeseg"
    assert _pod()["enableServiceLinks"] is False


@pytest.mark.parametrize("name", ["rules", "templates"])
def test_what_is_mounted_is_what_lies_in_the_folder(name: str, tmp_path: Path) -> None:
    """The commands at the top put every file into the map, those in folders too."""
    [manifest] = MANIFESTS.glob("*.yaml")
    comment = re.sub(r"(?m)^# ?", "", manifest.read_text("utf-8").partition("apiVersion")[0])
    [command] = re.findall(
        rf"(kubectl [^\n]* configmap edgeseg-{name} .*?)(?=\n +kubectl|\n\n)", comment, re.DOTALL
    )
    program, mounted = tmp_path / "bin/kubectl", tmp_path / name
    program.parent.mkdir()
    program.write_text(MAKES_A_CONFIG_MAP, "utf-8")
    program.chmod(0o755)
    mounted.mkdir()
    path = f"{program.parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "FOLDER": str(mounted)}
    subprocess.run(["/bin/sh", "-ec", command], cwd=ROOT, env=environment, check=True)

    folders = {each: ROOT / each for each in ("rules", "templates")}
    zone = ZoneInfo("UTC")
    whole = RuleFolder(folders["rules"], folders["templates"], zone).build()
    folders[name] = mounted
    found = RuleFolder(folders["rules"], folders["templates"], zone).build()
    assert found.definitions.segments.keys() == whole.definitions.segments.keys()
    assert found.by_key.keys() == whole.by_key.keys()
