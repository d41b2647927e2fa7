"""The Kubernetes manifests: valid for the API, and true to what the service offers."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from edgeseg.settings import PREFIX, Settings

MANIFESTS = Path(__file__).parents[2] / "deploy/kubernetes"
OBJECTS: list[dict[str, Any]] = [
    each
    for path in sorted(MANIFESTS.glob("*.yaml"))
    for each in yaml.safe_load_all(path.read_text("utf-8"))
]
VERSIONS = ("1.29", "1.37")
"""The oldest and the newest API that the manifests are held to."""


def _container() -> dict[str, Any]:
    [deployment] = [each for each in OBJECTS if each["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
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
    [deployment] = [each for each in OBJECTS if each["kind"] == "Deployment"]
    grace_s = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert float(environment["EDGESEG_DRAIN_S"]) + 10 < grace_s
