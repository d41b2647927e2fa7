"""Alerts and dashboard: valid for Prometheus, about metrics that exist, with a page each."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import yaml

from edgeseg.telemetry import Telemetry

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
RUNBOOK = ROOT / "docs/how-to/runbook.md"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/edgeseg.json").read_text("utf-8"))
ALERTS: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text("utf-8"))[
    "groups"
][0]["rules"]


def _promtool(*arguments: str) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _panel_expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["expr"]


def _series() -> set[str]:
    names = set()
    for family in Telemetry().registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, [""])}
    return names


@pytest.mark.needs("promtool")
def test_the_alerts_do_what_they_say() -> None:
    """Prometheus takes the rules, and each fires for the figures it is meant for."""
    _promtool("check", "rules", "alerts.yaml")
    _promtool("test", "rules", "alerts_test.yaml")


@pytest.mark.needs("promtool")
def test_the_exposition_is_as_prometheus_wants_it() -> None:
    """Names, types, units and help texts keep to its conventions."""
    telemetry = Telemetry()
    telemetry.hot.route("POST", "/v1/classify").answered(200, perf_counter())
    telemetry.render_errors.labels("hero.html").inc()
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=telemetry.exposition(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.needs("promtool")
def test_prometheus_understands_every_panel(tmp_path: Path) -> None:
    """The dashboard's expressions parse, with the variable that Grafana fills in."""
    rules = [
        {"record": f"panel_{number}", "expr": text.replace("$__rate_interval", "1m")}
        for number, text in enumerate(_panel_expressions())
    ]
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    _promtool("check", "rules", str(path))


@pytest.mark.parametrize(
    "expression", [*(alert["expr"] for alert in ALERTS), *_panel_expressions()]
)
def test_every_expression_asks_for_metrics_that_exist(expression: str) -> None:
    """A metric that was renamed would leave an alert silent for ever."""
    unlabelled = re.sub(r"\{[^}]*\}", "", re.sub(r'"[^"]*"', "", expression))
    asked = set(re.findall(r"(?:edgeseg|http_server|process)_\w+", unlabelled))
    assert asked
    assert asked <= _series()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_counts_that_alerts_wait_for_are_told_before_the_first(alert: dict[str, Any]) -> None:
    """A series that appears with its first count shows Prometheus no increase."""
    told = Telemetry().exposition().decode()
    for series in re.findall(r"(?:increase|rate)\((edgeseg_\w+\{[^}]*\})", alert["expr"]):
        assert f"\n{series} 0.0\n" in told


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_its_section_in_the_runbook(alert: dict[str, Any]) -> None:
    """Whoever is woken up finds what it means and what to do."""
    name = alert["alert"]
    assert f"\n## {name}\n" in RUNBOOK.read_text("utf-8")
    assert alert["annotations"]["runbook"] == f"docs/how-to/runbook.md#{name.lower()}"
